"""The program itself, with what it is given on its standard input."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.media import decoder
from gateway.media.decoded import MAX_WORK
from gateway.media.files import decode_file
from tests.hostile_recordings import long_silence, many_tags
from tests.recordings import recording

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ran:
    replies: list[tuple[dict[str, Any], bytes]]
    status: int


def run(*requests: tuple[str, bytes], before: str = "") -> Ran:
    """The program from its start to its end.

    :param before: Python to run in it first.
    """
    lines = [
        json.dumps({"container": container, "size": len(data)}).encode() + b"\n" + data
        for container, data in requests
    ]
    ran = subprocess.run(
        [sys.executable, "-c", f"from gateway.media import decoder\n{before}\ndecoder.main()"],
        cwd=ROOT,
        input=b"".join(lines),
        stdout=subprocess.PIPE,
        timeout=20,
        check=False,
    )
    replies, left = [], ran.stdout
    while left:
        line, left = left.split(b"\n", 1)
        head = json.loads(line)
        size = head.get("size", 0)
        replies.append((head, left[:size]))
        left = left[size:]
    return Ran(replies, ran.returncode)


def test_file_after_file_until_there_is_none() -> None:
    wav, mp3 = recording("wav", "stereo"), recording("mp3")
    ran = run(("wav", wav), ("mp3", b"no mp3"), ("mp3", mp3))
    (first, pcm), (second, nothing), (third, more) = ran.replies
    assert first == {"rate": 48_000, "channels": 2, "size": len(pcm)}
    assert pcm == b"".join(decode_file("wav", wav).pieces)
    assert second == {"code": "unsupported_format", "message": "this mp3 cannot be decoded"}
    assert nothing == b""
    assert third["rate"] == 48_000
    assert more == b"".join(decode_file("mp3", mp3).pieces)
    assert ran.status == 0


def test_a_file_that_keeps_ffmpeg_busy_is_the_end_of_it() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = run(("flac", many_tags(500_000)), ("wav", recording("wav")))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ran == Ran([], -signal.SIGPROF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert MAX_WORK < spent < decoder.HARD_LIMIT + 0.6  # With the start of the program.


def test_a_file_that_takes_too_much_memory_is_refused_and_the_next_one_has_it_all() -> None:
    wav = recording("wav")
    ran = run(
        *(("flac", long_silence("flac")), ("wav", wav)),
        before="decoder.MAX_MEMORY = 8 << 20",
    )
    (refused, _), (heard, _) = ran.replies
    assert refused["code"] == "too_large"
    assert "memory" in refused["message"]
    assert heard["size"] == 48_000
    assert ran.status == 0


CURIOUS = """
import socket
warm_up, decode_file = decoder._warm_up, decoder.decode_file

def curious(container, data):
    for name in ("/etc/passwd", "/dev/null"):
        refused(lambda: open(name))
    refused(socket.socket)
    return decode_file(container, data)

def refused(call):
    try:
        call()
    except OSError as error:
        assert error.errno == 24  # EMFILE
    else:
        raise AssertionError("it was opened")

def then_curious():
    warm_up()
    decoder.decode_file = curious

decoder._warm_up = then_curious
"""


def test_it_can_open_nothing() -> None:
    ran = run(("wav", recording("wav")), before=CURIOUS)
    assert ran.status == 0
    assert ran.replies[0][0]["size"] == 48_000
