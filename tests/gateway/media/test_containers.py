"""Recordings of every kind understood; hostile ones refused, and what they cost measured."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from gateway.core.events import ErrorCode, GatewayError
from gateway.media.containers import Recording, container_of, is_mp3, probe
from tests.recordings import KINDS, encode, recording, tone

ROOT = Path(__file__).parents[3]
WAV, FLAC, M4A, MP3 = (recording(kind) for kind in ("wav", "flac", "m4a", "mp3"))
WEBM, OGG = recording("webm"), recording("ogg")


def loudest_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2")[2_400:-2_400].astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 24_000 / len(samples))


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_understood(kind: str, layout: str) -> None:
    data = recording(kind, layout)
    assert probe(data) == kind
    decoded = Recording(kind).decode(data)
    assert abs(len(decoded.pcm) / 48_000 - 1.0) < 0.06
    assert abs(loudest_hz(decoded.pcm) - 440) < 3
    assert 5_000 < np.abs(np.frombuffer(decoded.pcm, "<i2")).max() < 14_000
    assert decoded.sample_rate == 48_000
    assert decoded.channels == (1 if layout == "mono" else 2)


@pytest.mark.parametrize(("kind", "rate"), [("wav", 8_000), ("wav", 44_100), ("mp3", 22_050)])
def test_other_rates(kind: str, rate: int) -> None:
    decoded = Recording(kind).decode(encode(kind, tone(1.0, rate), rate))
    assert decoded.sample_rate == rate
    assert abs(loudest_hz(decoded.pcm) - 440) < 3


@pytest.mark.parametrize("kind", ["webm", "ogg"])
@pytest.mark.parametrize("size", [100, 777, 4_096])
def test_a_recorder_s_chunks_are_one_recording(kind: str, size: int) -> None:
    data, running = recording(kind), Recording(kind)
    starts = range(0, len(data), size)
    pieces = [running.decode(data[start : start + size]).pcm for start in starts]
    assert b"".join(pieces) == Recording(kind).decode(data).pcm


def test_a_file_cut_off_gives_what_came() -> None:
    for kind, data in (("wav", WAV), ("mp3", MP3), ("flac", FLAC)):
        decoded = Recording(kind).decode(data[: len(data) // 2])
        assert 0.15 < len(decoded.pcm) / 48_000 < 0.7, kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("wav", "wav"), ("WEBM", "webm"), ("audio/webm;codecs=opus", "webm"), ("opus", "ogg")),
        *(("audio/mpeg", "mp3"), ("audio/mp4", "m4a"), ("audio/x-wav", "wav"), ("flac", "flac")),
        *(("hls", None), ("audio/x-mpegurl", None), ("", None), ("concat", None), ("../wav", None)),
    ],
)
def test_names_and_mime_types(name: str, kind: str | None) -> None:
    assert container_of(name) == kind


def test_pcm_is_no_container() -> None:
    pcm = np.random.default_rng(0).integers(-300, 300, 10_000).astype("<i2").tobytes()
    for start in range(0, 4_000, 2):
        assert probe(pcm[start:]) is None
    assert not is_mp3(b"\xff")
    assert is_mp3(b"\xff\xfb\x90\0")


def wav(**changes: int) -> bytes:
    """The header of a WAV file, with fields at will, and a little audio."""
    fields = {"form": 1, "channels": 1, "rate": 48_000, "bits": 16, "size": 4_800} | changes
    channels, rate, bits = fields["channels"], fields["rate"], fields["bits"]
    block = max(1, channels * bits // 8) & 0xFFFF
    fmt = b"".join(
        value.to_bytes(width, "little")
        for value, width in [
            *((fields["form"], 2), (channels, 2), (rate, 4)),
            *(((rate * block) & 0xFFFFFFFF, 4), (block, 2), (bits, 2)),
        ]
    )
    size = fields["size"].to_bytes(4, "little")
    return b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0" + fmt + b"data" + size + bytes(4_800)


def movie(codec: str) -> bytes:
    """A picture where a voice should be."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), format="yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def adpcm() -> bytes:
    """A sound file of a coding that is not among those decoded."""
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as container:
        stream = container.add_stream("adpcm_ima_wav", rate=8_000)
        stream.layout = "mono"
        resampler = av.AudioResampler("s16p", "mono", 8_000, frame_size=stream.frame_size or 2_041)
        frame = av.AudioFrame.from_ndarray(tone(1.0, 8_000)[np.newaxis, :], "s16", "mono")
        frame.sample_rate = 8_000
        for piece in resampler.resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"

HOSTILE: dict[str, tuple[str, bytes]] = {
    "nothing": ("wav", b""),
    "header only": ("wav", WAV[:12]),
    "half a header": ("wav", WAV[:30]),
    "no samples": ("wav", WAV[:44]),
    "no channels": ("wav", wav(channels=0)),
    "many channels": ("wav", wav(channels=65_535)),
    "no rate": ("wav", wav(rate=0)),
    "one hertz": ("wav", wav(rate=1)),
    "gigahertz": ("wav", wav(rate=0xFFFFFFFF)),
    "no bits": ("wav", wav(bits=0)),
    "unknown coding": ("wav", wav(form=0x4242)),
    "adpcm": ("wav", adpcm()),
    "noise after RIFF": ("wav", WAV[:12] + b"\xff" * 500),
    "webm as wav": ("wav", WEBM),
    "playlist as wav": ("wav", PLAYLIST),
    "playlist as mp3": ("mp3", PLAYLIST),
    "concat as mp3": ("mp3", CONCAT),
    "playlist as m4a": ("m4a", PLAYLIST),
    "zeros as mp3": ("mp3", bytes(5_000)),
    "text as mp3": ("mp3", b"ID3 but not really, only words" * 50),
    "ID3 of gigabytes": ("mp3", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + MP3[10:200]),
    "ID3 alone": ("mp3", MP3[:45]),
    "mp3 sync alone": ("mp3", b"\xff\xfb\x90\0"),
    "flac marker": ("flac", FLAC[:4]),
    "flac header": ("flac", FLAC[:42]),
    "flac noise": ("flac", FLAC[:60] + b"\xaa" * 900),
    "flac zero info": ("flac", FLAC[:8] + bytes(34) + b"\x81\0\0\0"),
    "m4a ftyp": ("m4a", M4A[:28]),
    "m4a without moov": ("m4a", M4A[:9_000]),
    "m4a box of nothing": ("m4a", b"\0\0\0\0ftyp" + bytes(100)),
    "m4a box too long": ("m4a", b"\x7f\xff\xff\xffftypM4A " + bytes(100)),
    "m4a moov of noise": ("m4a", M4A[:28] + b"\0\0\2\0moov" + b"\x5a" * 504),
    "movie": ("m4a", movie("mpeg4")),
    "webm noise": ("webm", WEBM[:4] + b"\xff" * 400),
    "webm zeros": ("webm", bytes(400)),
    "webm of another codec": ("webm", WEBM.replace(b"A_OPUS", b"A_OPUZ")),
    "webm of unknown size": ("webm", WEBM[:36] + b"\xa3\xff" + bytes(60)),
    "webm huge element": ("webm", WEBM[:36] + b"\xa3\x08\xff\xff\xff\xff"),
    "ogg noise": ("ogg", b"OggS" + b"\xff" * 400),
    "ogg wrong version": ("ogg", b"OggS\7" + OGG[5:]),
    "ogg no opus": ("ogg", OGG.replace(b"OpusHead", b"OpusDead")),
    "ogg broken second page": ("ogg", OGG[:90].replace(b"OggS", b"OggX", 2) + bytes(100)),
    "ogg zeros": ("ogg", bytes(400)),
}


def test_there_are_forty_kinds() -> None:
    assert len({data for _, data in HOSTILE.values()}) >= 35


@pytest.mark.parametrize(("kind", "data"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_recordings_are_refused_by_their_code(kind: str, data: bytes) -> None:
    running = Recording(kind)
    with pytest.raises(GatewayError) as refused:
        running.decode(data)
    assert refused.value.code is ErrorCode.UNSUPPORTED_FORMAT
    assert kind in refused.value.message
    assert not running.continues


BOMB = """
import resource, sys, time
from gateway.media.containers import Recording
from gateway.core.events import GatewayError
data = open(sys.argv[2], "rb").read()
Recording(sys.argv[1]).decode(open(sys.argv[3], "rb").read())  # What is loaded once is not counted.
before = resource.getrusage(resource.RUSAGE_SELF)
try:
    Recording(sys.argv[1]).decode(data)
    code = "none"
except GatewayError as error:
    code = error.code.value
after = resource.getrusage(resource.RUSAGE_SELF)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(code, cpu, (after.ru_maxrss - before.ru_maxrss) / 1024)
"""


def long_silence(kind: str) -> bytes:
    """Twenty-five minutes in a few hundred kilobytes."""
    return encode(kind, np.zeros(1_500 * 48_000, np.int16), 48_000)


def long_table() -> bytes:
    """A movie that says it has ten million frames of one byte."""
    table = M4A.index(b"stsz")
    counts = (1).to_bytes(4, "big") + (10_000_000).to_bytes(4, "big")
    return M4A[: table + 8] + counts + M4A[table + 16 :]


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("flac", "too_large"), ("ogg", "too_large"), ("m4a", "unsupported_format")],
)
def test_a_bomb_costs_a_second_and_100_mb_at_most(tmp_path: Path, kind: str, refusal: str) -> None:
    bomb, small = tmp_path / "bomb", tmp_path / "small"
    bomb.write_bytes(long_table() if kind == "m4a" else long_silence(kind))
    small.write_bytes(recording(kind))
    ran = subprocess.run(
        [sys.executable, "-c", BOMB, kind, str(bomb), str(small)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    code, cpu, megabytes = ran.stdout.split()
    assert code == refusal
    assert float(cpu) <= 1.0
    assert float(megabytes) <= 100
