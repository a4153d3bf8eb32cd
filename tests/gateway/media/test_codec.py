"""That every codec has what a stream uses."""

import inspect

import pytest

from gateway.media.codec import AudioCodec, CodecError, Decoder, Encoder
from gateway.media.codecs import CODECS
from gateway.media.opus import OpusError


@pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.name)
@pytest.mark.parametrize(("protocol", "side"), [(Decoder, "decoder"), (Encoder, "encoder")])
def test_it_has_every_method_by_its_signature(codec: AudioCodec, protocol: type, side: str) -> None:
    made = getattr(codec, side)()
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            own, wanted = (
                list(inspect.signature(m).parameters) for m in (getattr(made, name), method)
            )
            assert own == wanted[1:], name
    made.close()


def test_an_opus_error_is_one_that_a_stream_expects() -> None:
    assert issubclass(OpusError, CodecError)
