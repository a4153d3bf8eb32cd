"""Finding and binding libopus."""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

from gateway.media import libopus
from gateway.media.libopus import LibOpus, OpusUnavailable


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    libopus.load.cache_clear()
    yield
    libopus.load.cache_clear()


def test_the_library_inside_the_av_wheel_is_taken() -> None:
    library = libopus.load()
    assert library.path in list(libopus.bundled_paths())
    assert library.version.startswith("libopus 1.")


def test_it_is_loaded_once() -> None:
    assert libopus.load() is libopus.load()


@pytest.mark.parametrize(
    "name",
    [
        "av.libs/libopus-114e2b1a.so.0.11.1",
        "av/.dylibs/libopus.0.dylib",
        "av.libs/libopus-0-4369edc456631a3cc933d7918747e5d2.dll",
    ],
)
def test_the_names_of_all_platforms_wheels_are_known(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    class File(PurePosixPath):
        def locate(self) -> Path:
            return Path("/site-packages") / self

    wheel = [File("av/__init__.py"), File("av.libs/libopusfile.so.0"), File(name)]
    monkeypatch.setattr(metadata, "files", lambda distribution: wheel)
    assert list(libopus.bundled_paths()) == [f"/site-packages/{name}"]


def test_without_the_wheel_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = libopus.load().path

    def absent(distribution: str) -> None:
        raise metadata.PackageNotFoundError(distribution)

    libopus.load.cache_clear()
    monkeypatch.setattr(metadata, "files", absent)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: bundled)
    assert libopus.load().path == bundled


def test_none_at_all_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "files", lambda distribution: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(OpusUnavailable, match=r"libopus0.*nothing was found"):
        libopus.load()


def test_files_that_are_no_libopus_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "libopus.so.0"
    broken.write_bytes(b"not a library")
    unrelated = ctypes.util.find_library("m") or ctypes.util.find_library("c")
    monkeypatch.setattr(libopus, "bundled_paths", lambda: [str(broken)])
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: unrelated)
    with pytest.raises(OpusUnavailable) as failure:
        libopus.load()
    assert str(broken) in str(failure.value)
    assert "opus_get_version_string" in str(failure.value)


def test_a_library_before_1_5_lacks_only_the_fec_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    modern = libopus.load()
    assert modern.packet_has_lbrr is not None
    system = ctypes.util.find_library("opus")
    if system is None:
        pytest.skip("no system libopus beside the bundled one")
    assert LibOpus(system).version.startswith("libopus 1.")


def test_errors_have_libopus_s_words() -> None:
    assert libopus.load().describe(-4) == "corrupted stream"
