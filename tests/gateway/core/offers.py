"""Offers as real peers send them (captured, or after their sources), and ways to spoil them."""

import random
import re
from collections.abc import Callable
from pathlib import Path

_DIRECTORY = Path(__file__).parent / "sdp"

NAMES = sorted(path.stem for path in _DIRECTORY.glob("*.sdp"))
PLAIN = ["phone", "phone_sdes"]
WEBRTC = [name for name in NAMES if name not in PLAIN]

Change = Callable[[str], str]


def load(name: str, *changes: Change) -> str:
    """The offer ``sdp/<name>.sdp`` with the line ends of the wire, changed in turn."""
    text = (_DIRECTORY / f"{name}.sdp").read_text().replace("\n", "\r\n")
    for change in changes:
        text = change(text)
    return text


def without(pattern: str) -> Change:
    """Drop the lines that match ``pattern``."""

    def drop(text: str) -> str:
        kept = [line for line in text.split("\r\n") if not re.fullmatch(pattern, line)]
        assert len(kept) < text.count("\r\n") + 1, f"no line matches {pattern}"
        return "\r\n".join(kept)

    return drop


def replaced(pattern: str, replacement: str) -> Change:
    """Put ``replacement`` for each line that matches ``pattern``."""

    def replace(text: str) -> str:
        lines = text.split("\r\n")
        assert any(re.fullmatch(pattern, line) for line in lines), f"no line matches {pattern}"
        return "\r\n".join(replacement if re.fullmatch(pattern, line) else line for line in lines)

    return replace


def spoiled(text: str, seed: int, edits: int) -> str:
    """``text`` after random edits of the kinds that careless peers and transports make."""
    rng = random.Random(seed)
    lines = text.split("\r\n")
    for _ in range(edits):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        line = lines[i]
        cut = rng.randrange(len(line) + 1)
        stray = rng.choice("\t :/=;,-0129aZ\x00\x7f\u00b2\u2028\ud800")
        number = rng.choice([0, -1, 65_536, 2**32, 2**64, 10**30])
        lines[i] = rng.choice(
            [
                "",
                line[:cut],
                line[cut:],
                lines[j],
                line[:cut] + stray + line[cut:],
                line[:cut] + line[cut + 1 :],
                line[:cut] + str(number),
                line.swapcase(),
                line.replace(" ", ""),
                line.replace(":", " "),
                f"{line} {lines[j]}",
            ]
        )
    return "\r\n".join(lines)
