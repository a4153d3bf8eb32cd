"""The recordings that are kept: found, deleted, made whole after a crash, and let go in time.

All of it touches the disk, and belongs in a thread. Several gateways may share one folder: whose
call lives is known by its lock.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from gateway.recording import folder as layout
from gateway.recording.files import FOLDER_MODE, Locked

log = structlog.get_logger(__name__)

DAY_MS = 24 * 3600 * 1000

_DELETED = ".deleted"


class NoRecording(Exception):
    """There is none of that session."""


class StillLive(Exception):
    """The call is still being recorded."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One recording.

    :ivar about: what ``recording.json`` says.
    :ivar files: names and bytes.
    """

    session_id: str
    started_at: int
    live: bool
    about: dict[str, Any]
    files: dict[str, int]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(self.files.values())


def prepare(root: Path) -> None:
    """Make the folder of all recordings, if there is none.

    :raises OSError: there cannot be one, or nothing can be written there.
    """
    root.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    if not os.access(root, os.W_OK | os.X_OK):
        raise PermissionError(f"{root}: nothing can be written there")


def repair_all(root: Path) -> None:
    """Make whole what calls left behind that a crash ended, and delete what was being deleted."""
    for gone in root.glob(f".*{_DELETED}"):
        shutil.rmtree(gone, ignore_errors=True)
    for folder in folders(root):
        try:
            if layout.repair(folder):
                log.info("recording repaired", session=folder.name)
        except (OSError, Locked) as error:
            log.warning("recording cannot be repaired", session=folder.name, reason=str(error))


def folders(root: Path) -> Iterator[Path]:
    """Those of calls; whatever else lies there is nobody's business."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if layout.is_session_id(entry.name) and entry.is_dir(follow_symlinks=False):
            yield root / entry.name


def kept(root: Path) -> list[Kept]:
    """All recordings, the latest first."""
    found = [recording for folder in folders(root) if (recording := look(folder)) is not None]
    return sorted(found, key=lambda r: (r.started_at, r.session_id), reverse=True)


def look(folder: Path) -> Kept | None:
    """What a folder holds; None: it is gone."""
    files: dict[str, int] = {}
    for name in layout.FILES:
        try:
            files[name] = (folder / name).stat().st_size
        except OSError:
            continue
    about = layout.read_about(folder)
    started = about.get("startedAt")
    if not isinstance(started, int):
        try:
            started = round(1000 * folder.stat().st_mtime)
        except OSError:
            return None
    return Kept(folder.name, started, layout.is_live(folder), about, files)


def find(root: Path, session_id: str) -> Kept:
    """:raises NoRecording: there is none."""
    if layout.is_session_id(session_id) and (root / session_id).is_dir():
        found = look(root / session_id)
        if found is not None:
            return found
    raise NoRecording(session_id)


def file_of(root: Path, session_id: str, name: str) -> Path:
    """One file of a recording.

    :raises NoRecording: there is none, or no such file in it.
    """
    if name not in find(root, session_id).files:
        raise NoRecording(session_id)
    return root / session_id / name


def delete(root: Path, session_id: str) -> None:
    """:raises NoRecording: there is none.
    :raises StillLive: its call is not over.
    :raises OSError: some of it is still there.
    """
    if find(root, session_id).live:
        raise StillLive(session_id)
    _remove(root / session_id)


def sweep(root: Path, now_ms: int, *, max_days: float | None, max_bytes: int | None) -> list[str]:
    """Delete recordings that are too old, and the oldest ones while all together are too large;
    never one whose call lives. Returns what was deleted.
    """
    recordings = kept(root)
    total = sum(recording.size for recording in recordings)
    deleted: list[str] = []
    for recording in reversed(recordings):
        old = max_days is not None and now_ms - recording.started_at > max_days * DAY_MS
        large = max_bytes is not None and total > max_bytes
        if recording.live or not (old or large):
            continue
        try:
            _remove(root / recording.session_id)
        except OSError as error:
            log.warning("recording not deleted", session=recording.session_id, reason=str(error))
            continue
        total -= recording.size
        deleted.append(recording.session_id)
    return deleted


def _remove(folder: Path) -> None:
    """Out of sight at once, whatever happens on the way."""
    gone = folder.with_name(f".{folder.name}{_DELETED}")
    folder.rename(gone)
    shutil.rmtree(gone)
