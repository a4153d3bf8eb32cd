"""Containers without an engine: a root of its own by chroot, and namespaces of mounts and network.

The userland and the Python are this machine's, bound read-only, in place of a base image's. Whoever
runs this is root.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PYTHON = Path(sys.executable).resolve()
PREFIX = Path(sys.base_prefix).resolve()

BASE_PATH = "/python/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

_USERLAND = ("bin", "lib", "lib32", "lib64", "sbin")
_ETC = (
    *("group", "gshadow", "host.conf", "hosts", "ld.so.cache", "login.defs", "nsswitch.conf"),
    *("pam.d", "passwd", "shadow", "ssl"),
)
_DEVICES = ("null", "zero", "full", "random", "urandom")

Result = subprocess.CompletedProcess[str]


def can_be_made() -> bool:
    """Whether this user and this machine's kernel make namespaces."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv", "ip"))):
        return False
    tried = ["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "tried", "/tmp"]
    return subprocess.run(tried, capture_output=True, timeout=10, check=False).returncode == 0


class Root:
    """The files of a container, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        binds = [Path("/usr"), *([] if PREFIX.is_relative_to("/usr") else [PREFIX])]
        for name in _USERLAND:
            host = Path("/", name)
            if host.is_symlink():
                (folder / name).symlink_to(host.readlink())
            elif host.exists():
                binds.append(host)
        for path in (*binds, Path("/proc"), Path("/tmp"), Path("/root"), Path("/dev/shm")):
            self.inside(path).mkdir(parents=True, exist_ok=True)
        for name in _DEVICES:
            self.inside(f"/dev/{name}").touch()
        self.inside("/dev/fd").symlink_to("/proc/self/fd")
        self._copy_etc()
        self.inside("/python/bin").mkdir(parents=True)
        self.inside("/python/bin/python").symlink_to(PYTHON)
        self._binds = binds

    def _copy_etc(self) -> None:
        self.inside("/etc").mkdir()
        for name in _ETC:
            host, copy = Path("/etc", name), self.inside(f"/etc/{name}")
            if host.is_dir():
                shutil.copytree(host, copy, symlinks=True)
            elif host.exists():
                shutil.copy2(host, copy)

    def inside(self, path: str | Path) -> Path:
        """A path of the container as this machine's."""
        return self.folder / str(path).lstrip("/")

    def user(self, name: str) -> tuple[int, int]:
        """The ids of a user and its group, by a name or a number."""
        for line in self.inside("/etc/passwd").read_text().splitlines():
            known, _, uid, gid, *_ = line.split(":")
            if name in (known, uid):
                return int(uid), int(gid)
        raise LookupError(name)

    def _mounts(self, volume: Mapping[str, Path], *, read_only: bool) -> list[str]:
        root = shlex.quote(str(self.folder))
        lines = ["set -e", f"mount --bind {root} {root}"]
        for path in self._binds:
            there = shlex.quote(str(self.inside(path)))
            lines.append(f"mount --bind {shlex.quote(str(path))} {there}")
            lines.append(f"mount -o remount,bind,ro {there}")
        lines += [f"mount --bind /dev/{name} {root}/dev/{name}" for name in _DEVICES]
        lines += [f"mount --rbind /proc {root}/proc", f"mount -t tmpfs shm {root}/dev/shm"]
        for place, host in volume.items():
            lines.append(f"mount --bind {shlex.quote(str(host))} {root}{place}")
        if read_only:
            lines.append(f"mount -t tmpfs -o mode=1777 tmp {root}/tmp")
            lines.append(f"mount -o remount,bind,ro {root}")
        return [*lines, "ip link set lo up"]

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: str = "/",
        user: str = "root",
        volumes: Mapping[str, Path] | None = None,
        read_only: bool = False,
        niceness: int = 0,
    ) -> subprocess.Popen[str]:
        """A process that sees nothing but this root and a loopback of its own, as ``docker run
        --network none`` starts it. As another user than root it has no capability and gets none.

        :param volumes: folders of this machine, by the paths at which they are mounted.
        :param read_only: but for them and /tmp.
        :param niceness: of the process.
        """
        entered = _as_user(self.user(user), command, environment, cwd)
        lines = self._mounts(volumes or {}, read_only=read_only)
        lines.append(f"exec chroot {shlex.quote(str(self.folder))} {shlex.join(entered)}")
        script = "\n".join(lines)
        return subprocess.Popen(
            ["nice", "-n", str(niceness), "unshare", "--mount", "--net", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *args: object, timeout: float = 60.0, **options: object) -> Result:
        """:meth:`start`, and its end; both outputs are one."""
        process = self.start(*args, **options)  # type: ignore[arg-type]
        try:
            output, _ = process.communicate(timeout=timeout)
        finally:
            process.kill()
            process.wait()
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def enter(
        self, pid: int, command: Sequence[str], environment: Mapping[str, str], user: str
    ) -> Result:
        """Run something beside a process that was started, as ``docker exec`` does."""
        namespaces = ["nsenter", f"--target={pid}", "--mount", "--net", "--root", "--"]
        entered = _as_user(self.user(user), command, environment, "/")
        return subprocess.run(
            [*namespaces, *entered], capture_output=True, text=True, timeout=10, check=False
        )


def _as_user(
    ids: tuple[int, int], command: Sequence[str], environment: Mapping[str, str], cwd: str
) -> list[str]:
    uid, gid = ids
    given = [f"{name}={value}" for name, value in environment.items()]
    without = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"] if uid else []
    identity = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *without]
    return ["setpriv", *identity, "env", "-i", f"--chdir={cwd}", *given, *command]
