import subprocess
import sys
from pathlib import Path

import pytest

from gateway.local_model.weights import (
    HIBARI,
    MOONSHINE,
    WHISPER,
    ModelUnavailable,
    WeightPackage,
    is_installed,
    locate,
    verified,
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightPackage:
    """An installed package with one empty weight file; importing it would fail."""
    folder = tmp_path / "talkpath_test_weights"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "model" / "a.bin").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return WeightPackage("test-weights==1.0", "talkpath_test_weights", "model", {"a.bin": EMPTY})


def test_files_are_found_without_an_import(package: WeightPackage) -> None:
    paths = verified(package)
    assert paths["a.bin"].read_bytes() == b""
    assert package.module not in sys.modules


def test_other_bytes_are_refused(package: WeightPackage) -> None:
    path = locate(package) / "a.bin"
    path.write_text("other")
    with pytest.raises(ModelUnavailable, match=r"test-weights==1\.0: .*a\.bin is not the file"):
        verified(package)


def test_a_missing_file_is_named(package: WeightPackage) -> None:
    (locate(package) / "a.bin").unlink()
    with pytest.raises(ModelUnavailable, match=r"test-weights==1\.0: cannot read .*a\.bin"):
        verified(package)


def test_a_missing_package_is_named() -> None:
    package = WeightPackage("no-such-weights==1.0", "talkpath_no_such", "model", {})
    assert not is_installed(package)
    with pytest.raises(ModelUnavailable, match=r"no-such-weights==1\.0 is not installed"):
        verified(package)


@pytest.mark.parametrize("package", [MOONSHINE, WHISPER, HIBARI], ids=lambda p: p.module)
def test_the_pinned_packages_hold_what_was_measured(package: WeightPackage) -> None:
    if not is_installed(package):
        pytest.skip(f"{package.requirement} is not installed on this platform")
    assert set(verified(package)) == set(package.files)


def test_looking_for_weights_imports_no_model() -> None:
    code = (
        "import sys; from gateway.local_model.weights import *; "
        "[is_installed(p) and locate(p) for p in (MOONSHINE, WHISPER, HIBARI)]; "
        "print([m for m in ('moonshine_cpp', 'hibari', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
