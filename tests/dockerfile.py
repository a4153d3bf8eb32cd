"""A Dockerfile and its .dockerignore, read as `docker build` reads them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """:ivar text: what is behind the keyword, on one line."""

    keyword: str
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)


@dataclass
class Stage:
    """:ivar image: that it is built on, before arguments are filled in."""

    image: str
    name: str
    steps: list[Instruction] = field(default_factory=list)

    def last(self, keyword: str) -> str:
        """What the last of these instructions says, which is the one that counts."""
        return next(step.text for step in reversed(self.steps) if step.keyword == keyword)


def instructions(path: Path) -> list[Instruction]:
    """Without comments; continued lines are one."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in whole if line.strip()]


def stages(path: Path) -> list[Stage]:
    """What is before the first FROM is left out."""
    found: list[Stage] = []
    for step in instructions(path):
        if step.keyword == "FROM":
            image, *name = step.words
            found.append(Stage(image, name[1] if name else ""))
        elif found:
            found[-1].steps.append(step)
    return found


class Context:
    """The files that a build may copy.

    :param root: of the project, with its .dockerignore.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        lines = (root / ".dockerignore").read_text().splitlines()
        patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._rules = [(_regex(p.removeprefix("!")), p.startswith("!")) for p in patterns]

    def admits(self, path: str) -> bool:
        """Whether a file is in it: the last rule that matches it, or a folder above, decides."""
        parts = path.split("/")
        above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        admitted = True
        for rule, exception in self._rules:
            if any(rule.fullmatch(folder) for folder in above):
                admitted = exception
        return admitted

    def files(self, source: str) -> Iterator[str]:
        """Those of a file, or below a folder, relative to the root."""
        if (self._root / source).is_file():
            yield from (source,) if self.admits(source) else ()
        for folder, folders, names in os.walk(self._root / source):
            folders[:] = [name for name in folders if name != "node_modules"]
            inside = Path(folder).relative_to(self._root)
            yield from (path for name in names if self.admits(path := str(inside / name)))


def _regex(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern.strip("/"))
    return re.compile(
        escaped.replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    )
