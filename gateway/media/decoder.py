"""The program that decodes whole files, one after another, until its input ends.

What a stranger's file does to FFmpeg, it does to this process: where it takes too long the kernel
ends it, where it takes too much memory an allocation fails, and it can open nothing. Its owner is
``gateway/media/decoder_process.py``.

A request is a line of JSON, ``{container, size}``, and the file; a reply is a line, ``{rate,
channels, size}``, and the PCM, or a line ``{code, message}``.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO, Final

from gateway.core.events import GatewayError
from gateway.media.decoded import MAX_WORK, Decoded, too_much_memory
from gateway.media.files import decode_file

MAX_MEMORY: Final = 64 << 20
"""Bytes beside the file: for what comes of it, and what FFmpeg needs in between."""

HARD_LIMIT: Final = MAX_WORK + 0.05
"""Seconds of CPU for one file, after which the process is ended by ``SIGPROF``: FFmpeg does not
look at a clock while it reads tags.
"""

_NICE: Final = 5
"""Calls come first."""

_STATM: Final = Path("/proc/self/statm")


def main() -> None:
    _warm_up()
    used = _address_space()
    _confine()
    serve(sys.stdin.buffer, sys.stdout.buffer, used)


def serve(requests: BinaryIO, replies: BinaryIO, used: int) -> None:
    """Answer requests until they end.

    :param used: bytes of address space that are no file's; 0: it is not known, and not limited.
    """
    while line := requests.readline():
        request = json.loads(line)
        if used:
            most = used + request["size"] + MAX_MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        data = requests.read(request["size"])
        head: dict[str, object]
        try:
            decoded = _decode(request["container"], data)
            size = sum(map(len, decoded.pieces))
            head = {"rate": decoded.sample_rate, "channels": decoded.channels, "size": size}
            pieces = decoded.pieces
        except GatewayError as error:
            head, pieces = {"code": error.code.value, "message": error.message}, []
        replies.write(json.dumps(head).encode() + b"\n")
        replies.writelines(pieces)
        replies.flush()


def _decode(container: str, data: bytes) -> Decoded:
    signal.setitimer(signal.ITIMER_PROF, HARD_LIMIT)
    try:
        return decode_file(container, data)
    except MemoryError:
        raise too_much_memory() from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _warm_up() -> None:
    """Load what is loaded with the first file, while files can be opened."""
    silence = bytes(480)
    head = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\1\0\1\0\x80\xbb\0\0\0w\1\0\2\0\x10\0data"
    decode_file("wav", head + len(silence).to_bytes(4, "little") + silence)


def _address_space() -> int:
    pages = int(_STATM.read_text().split()[0]) if _STATM.exists() else 0
    return pages * resource.getpagesize()


def _confine() -> None:
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


if __name__ == "__main__":
    main()
