"""libopus by ctypes: where the shared library is, and the prototypes used (``opus.h``).

The library that PyAV's wheel carries is taken first: PyAV is needed anyway, so there is a libopus
on every platform PyAV has wheels for. ctypes releases the GIL during a call. Why this binding and
no other: ``docs/opus.md``.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any, Final

APPLICATION_AUDIO: Final = 2049

SET_BITRATE: Final = 4002
SET_MAX_BANDWIDTH: Final = 4004
SET_VBR: Final = 4006
SET_COMPLEXITY: Final = 4010
SET_INBAND_FEC: Final = 4012
SET_PACKET_LOSS_PERC: Final = 4014
SET_SIGNAL: Final = 4024
GET_LOOKAHEAD: Final = 4027

SIGNAL_VOICE: Final = 3001
SIGNAL_MUSIC: Final = 3002

BANDWIDTHS: Final = {8_000: 1101, 12_000: 1102, 16_000: 1103, 24_000: 1104, 48_000: 1105}
"""Narrowband to fullband (RFC 6716 §2), by the Hz of a rate that can hold them."""

MAX_FRAME_BYTES: Final = 1275
"""Bytes of the largest Opus frame (RFC 6716 §3.2.1)."""

# auditwheel: libopus-114e2b1a.so.0.11.1; delocate: libopus.0.dylib; delvewheel: libopus-0-4369….dll
_BUNDLED: Final = re.compile(r"libopus(-\w+)*(\.\d+)*\.(so[.\d]*|dylib|dll)")


class OpusUnavailable(RuntimeError):
    """No usable libopus: neither in PyAV's wheel nor on the system."""


class LibOpus:
    """The C functions used. A state is its address; PCM and packets are buffers.

    :param path: of the shared library, or a name the loader knows.
    :raises OSError: it cannot be loaded.
    :raises AttributeError: it lacks a function.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._library = ctypes.CDLL(path)
        number, state, buffer, text = (
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_char_p,
        )
        declare = self._declare
        self.get_version_string = declare("opus_get_version_string", text)
        self.strerror = declare("opus_strerror", text, number)
        self.decoder_create = declare("opus_decoder_create", state, number, number, buffer)
        self.decoder_destroy = declare("opus_decoder_destroy", None, state)
        self.decode = declare("opus_decode", number, state, text, number, buffer, number, number)
        self.encoder_create = declare("opus_encoder_create", state, number, number, number, buffer)
        self.encoder_destroy = declare("opus_encoder_destroy", None, state)
        self.encode = declare("opus_encode", number, state, text, number, buffer, number)
        # The value of a request is variadic. Only fixed parameters are declared: so ctypes knows,
        # and passes it where Apple's ARM64 ABI wants it.
        self.encoder_ctl = declare("opus_encoder_ctl", number, state, number)
        self.packet_has_lbrr: Callable[..., Any] | None = None
        if hasattr(self._library, "opus_packet_has_lbrr"):  # since 1.5
            self.packet_has_lbrr = declare("opus_packet_has_lbrr", number, text, number)

    @property
    def version(self) -> str:
        """For example ``libopus 1.6.1``."""
        version: bytes = self.get_version_string()
        return version.decode()

    def describe(self, code: int) -> str:
        """libopus's words for a negative result."""
        words: bytes = self.strerror(code)
        return words.decode()

    def _declare(self, name: str, result: type | None, *parameters: type) -> Callable[..., Any]:
        function: Any = getattr(self._library, name)
        function.restype = result
        function.argtypes = parameters
        return function  # type: ignore[no-any-return]


@functools.cache
def load() -> LibOpus:
    """The process's libopus.

    :raises OpusUnavailable: there is none; says what was tried.
    """
    tried: list[str] = []
    for path in _candidates():
        try:
            return LibOpus(path)
        except (OSError, AttributeError) as error:
            tried.append(f"{path}: {error}")
    raise OpusUnavailable(
        "no libopus: reinstall the package 'av', or install the system's library "
        f"(Debian: libopus0, Homebrew: opus). Tried: {'; '.join(tried) or 'nothing was found'}"
    )


def _candidates() -> Iterator[str]:
    yield from bundled_paths()
    system = ctypes.util.find_library("opus")
    if system:
        yield system


def bundled_paths() -> Iterator[str]:
    """The libopus inside the installed PyAV wheel; the wheel's list knows its hashed name."""
    try:
        files = metadata.files("av")
    except metadata.PackageNotFoundError:
        return
    for file in files or ():
        if _BUNDLED.fullmatch(file.name):
            yield str(file.locate())
