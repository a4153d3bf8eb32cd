"""What must not harm ``send_audio``: broken, lying and greedy recordings, each by a name."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any, Final

import av
import numpy as np

from tests.recordings import encode, recording, tone

WAV, FLAC, M4A, MP3 = (recording(kind) for kind in ("wav", "flac", "m4a", "mp3"))
WEBM, OGG = recording("webm"), recording("ogg")


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


def page(serial: bytes, lacing: bytes, body: bytes = b"", flags: int = 0) -> bytes:
    """One of Ogg (RFC 3533 §6), whose checksum nobody reads."""
    head = b"OggS\0" + bytes([flags]) + bytes(8) + serial + bytes(8)
    return head + bytes([len(lacing)]) + lacing + body


def long_silence(kind: str) -> bytes:
    """Twenty-five minutes in a few hundred kilobytes."""
    return encode(kind, np.zeros(1_500 * 48_000, np.int16), 48_000)


def lying_table(frames: int, size: int) -> bytes:
    """A movie that says it has so many frames of so many bytes."""
    table = M4A.index(b"stsz")
    counts = size.to_bytes(4, "big") + frames.to_bytes(4, "big")
    return M4A[: table + 8] + counts + M4A[table + 16 :]


def many_tags(count: int) -> bytes:
    """A FLAC file of which each tag is compared with all before it."""
    tags = b"".join(
        len(text).to_bytes(4, "little") + text for text in (b"%x=1" % n for n in range(count))
    )
    comment = bytes(4) + count.to_bytes(4, "little") + tags
    block = b"\x04" + len(comment).to_bytes(3, "big") + comment
    return FLAC[:4] + b"\0" + FLAC[5:42] + block + FLAC[42:]


VOID = b"\xec\x80"
"""An element of WebM without content."""

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"
SERIAL = OGG[14:18]
OGG_HEAD = OGG[: OGG.index(b"OggS", OGG.index(b"OpusTags"))]

EMPTY_PAGE = page(SERIAL, bytes(255))
TINY_PACKETS = page(SERIAL, b"\1" * 255, b"\xfc" * 255)

BAD_REQUESTS: Final[dict[str, Sequence[Any]]] = {
    "no audio at all": (),
    "null": (None,),
    "a number": (7, "wav"),
    "a list": ([1, 2], "wav"),
    "an object without audio": ({"format": "wav"},),
    "audio that is an object": ({"audio": {}, "format": "wav"},),
    "a format that is a number": (WAV, 7),
    "base64 with a stray character": (base64.b64encode(WAV).decode()[:-8] + "!AAAAAAA", "wav"),
    "base64 cut off": (base64.b64encode(WAV).decode()[:-3], "wav"),
    "base64 for addresses": ("-_-_", "wav"),
}

TOO_LARGE: Final[dict[str, Sequence[Any]]] = {
    "a byte over the bound": (WAV[:44] + bytes(1_000_001 - 44), "wav"),
    "base64 over the bound": (base64.b64encode(bytes(1_000_001)).decode(), "wav"),
    "a format of 300 letters": (WAV, "w" * 300),
}

UNSUPPORTED: Final[dict[str, tuple[str, bytes]]] = {
    "an unknown format": ("mp5", WAV),
    "a path as format": ("../wav", WAV),
    "a playlist's format": ("audio/x-mpegurl", PLAYLIST),
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
    "webm without its header": ("webm", WEBM[2_000:4_000]),
    "ogg noise": ("ogg", b"OggS" + b"\xff" * 400),
    "ogg wrong version": ("ogg", b"OggS\7" + OGG[5:]),
    "ogg no opus": ("ogg", OGG.replace(b"OpusHead", b"OpusDead")),
    "ogg broken second page": ("ogg", OGG[:90].replace(b"OggS", b"OggX", 2) + bytes(100)),
    "ogg zeros": ("ogg", bytes(400)),
    "ogg without its header": ("ogg", OGG[OGG.index(b"OggS", 200) :]),
    "ogg packet of noise": ("ogg", OGG_HEAD + page(SERIAL, b"\x64", b"\xff" * 100)),
}

BOMBS: Final[dict[str, tuple[str, Callable[[], bytes], str]]] = {
    "25 minutes in 200 kB": ("flac", lambda: long_silence("flac"), "too_large"),
    "25 minutes of Opus": ("ogg", lambda: long_silence("ogg"), "too_large"),
    "ten million frames": ("m4a", lambda: lying_table(10_000_000, 1), "unsupported_format"),
    "a frame of a gigabyte": ("m4a", lambda: lying_table(1, 1 << 30), "unsupported_format"),
    "900,000 tags": ("flac", lambda: many_tags(900_000), "too_large"),
    "nothing, 4 million times": ("webm", lambda: WEBM + VOID * 4_000_000, "unsupported_format"),
    "pages of nothing": ("ogg", lambda: OGG + EMPTY_PAGE * 30_000, "unsupported_format"),
    "packets of a byte": ("ogg", lambda: OGG + TINY_PACKETS * 15_000, "too_large"),
    "packets too few": ("ogg", lambda: OGG + (EMPTY_PAGE * 190 + TINY_PACKETS) * 150, "too_large"),
}
"""Format, recording, and code. Each asks for more than a second, or more than 100 MB."""
