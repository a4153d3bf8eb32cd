"""What a recording is, and a recorder's chunks; whole files: ``test_files.py``."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.core.events import ErrorCode, GatewayError
from gateway.core.opus_streams import OggStream
from gateway.media.containers import Recording, container_of, is_mp3, probe
from gateway.media.decoded import PIECE_BYTES
from gateway.media.opus import OpusDecoder
from tests.hostile_recordings import EMPTY_PAGE, OGG, OGG_HEAD, SERIAL, VOID, WEBM, page
from tests.recordings import KINDS, recording

STREAMS = ("webm", "ogg")


def decode(running: Recording, data: bytes) -> bytes:
    decoded = running.decode_stream(data)
    assert decoded is not None
    return b"".join(decoded.pieces)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_known_by_its_first_bytes(kind: str) -> None:
    assert probe(recording(kind)) == kind


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("size", [100, 777, 4_096])
def test_a_recorder_s_chunks_are_one_recording(kind: str, size: int) -> None:
    data, running = recording(kind), Recording(kind)
    starts = range(0, len(data), size)
    pieces = [decode(running, data[start : start + size]) for start in starts]
    assert b"".join(pieces) == decode(Recording(kind), data)


@pytest.mark.parametrize("kind", STREAMS)
def test_the_metadata_are_the_recording_s(kind: str) -> None:
    decoded = Recording(kind).decode_stream(recording(kind, "stereo", 2.5))
    assert decoded is not None
    assert (decoded.sample_rate, decoded.channels) == (48_000, 2)
    assert [len(piece) for piece in decoded.pieces[:2]] == [PIECE_BYTES] * 2


@pytest.mark.parametrize("kind", STREAMS)
def test_the_decoder_s_run_up_is_left_out(kind: str) -> None:
    """RFC 7845 §4.2: all that is decoded, but for what the header says, in whatever pieces."""
    decoder = OpusDecoder(24_000)
    all_of_it = b"".join(decoder.decode(packet) for packet in OggStream().feed(OGG))
    head = OGG.index(b"OpusHead")
    pre_skip = int.from_bytes(OGG[head + 10 : head + 12], "little")
    assert pre_skip == 312
    running, data = Recording(kind), recording(kind)
    pieces = [decode(running, data[at : at + 60]) for at in range(0, len(data), 60)]
    assert b"".join(pieces) == all_of_it[2 * pre_skip // 2 :]


def test_a_run_up_longer_than_a_packet() -> None:
    at = OGG.index(b"OpusHead") + 10
    longer = OGG[:at] + (4_800).to_bytes(2, "little") + OGG[at + 2 :]
    assert decode(Recording("ogg"), longer) == decode(Recording("ogg"), OGG)[4_800 - 312 :]


def test_only_a_stream_of_opus_continues() -> None:
    for kind in ("wav", "mp3", "m4a", "flac"):
        running = Recording(kind)
        assert not running.continues
        assert running.decode_stream(recording(kind)) is None
    for kind in ("webm of Vorbis", "ogg of Vorbis"):
        running = Recording(kind.split()[0])
        assert running.decode_stream(recording(kind, "stereo")) is None
        assert not running.continues
    webm, ogg = Recording("webm"), Recording("ogg")
    decode(webm, WEBM)
    decode(ogg, OGG)
    assert webm.continues
    assert not ogg.continues, "it said its end"


def test_a_page_that_is_not_the_first_belongs_to_what_goes_on() -> None:
    later = page(SERIAL, b"\1", b"\xfc")
    assert Recording("ogg").goes_on_with(later)
    assert not Recording("ogg").goes_on_with(OGG)
    assert not Recording("ogg").goes_on_with(b"OggS")
    assert not Recording("ogg").goes_on_with(WEBM)
    assert not Recording("webm").goes_on_with(later)


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


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("webm", WEBM[:4] + b"\xff" * 400),
        ("webm", bytes(400)),
        ("webm", WEBM + VOID * 60_000),
        ("ogg", bytes(400)),
        ("ogg", OGG + EMPTY_PAGE * 300),
        ("ogg", OGG_HEAD + page(SERIAL, b"\x64", b"\xff" * 100)),
    ],
)
def test_a_broken_stream_is_refused_and_over(kind: str, data: bytes) -> None:
    running = Recording(kind)
    with pytest.raises(GatewayError) as refused:
        running.decode_stream(data)
    assert refused.value.code is ErrorCode.UNSUPPORTED_FORMAT
    assert kind in refused.value.message
    assert not running.continues


def test_a_stream_of_too_much_is_refused_and_over() -> None:
    running = Recording("ogg")
    with pytest.raises(GatewayError) as refused:
        running.decode_stream(OGG + page(SERIAL, b"\1" * 255, b"\xfc" * 255) * 200)
    assert refused.value.code is ErrorCode.TOO_LARGE
    assert not running.continues
