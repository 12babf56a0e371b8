"""Creates the embedded server's cluster: its files, its owner and its database."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from aggregator.embedded.binaries import REMEDY, Runner, last_line, major_version
from aggregator.errors import RunError

OWNER = "aggregator"
DATABASE = "aggregator"


def create_cluster(home: Path, runner: Runner, *, durable: bool) -> None:
    """Makes ``home/data`` in one step: an interruption leaves only what the next call clears.

    Beside it lies ``home/pgpass`` with the owner's password, which TCP asks for.

    :raises RunError: Postgres refuses; ``durable=False`` does not wait for the disk.
    """
    for left_over in home.glob("data.new.*"):
        shutil.rmtree(left_over, ignore_errors=True)
    # Its own name: an initdb that outlived its caller may still be writing to another.
    unfinished = home / f"data.new.{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(24)
    password_file = home / "password.new"
    _write_private(password_file, password)
    if runner.user is not None:
        os.chown(password_file, runner.user, -1)
    # fmt: off
    created = runner.run(
        "initdb", "-D", unfinished, "-U", OWNER, "-E", "UTF8",
        "--locale-provider=builtin", "--locale=C.UTF-8",
        "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password_file}",
        *([] if durable else ["--no-sync"]),
    )
    # fmt: on
    password_file.unlink()
    if created.returncode:
        raise RunError(f"initdb failed in {home}: {last_line(created)}; {REMEDY}")
    named = runner.run(
        "postgres", "--single", "-D", unfinished, "postgres", stdin=f"CREATE DATABASE {DATABASE}\n"
    )
    if named.returncode:
        raise RunError(f"the new cluster in {home} does not start: {last_line(named)}; {REMEDY}")
    _write_private(home / "pgpass", f"127.0.0.1:*:*:{OWNER}:{password}\n")
    unfinished.rename(home / "data")


def check_major_version(home: Path) -> None:
    """Postgres cannot read the files of another major version.

    :raises RunError: the cluster in ``home`` is of another one than the installed binaries.
    """
    made = (home / "data" / "PG_VERSION").read_text().strip()
    if made != major_version():
        raise RunError(
            f"{home} holds data of Postgres {made}, installed is {major_version()}; {REMEDY}"
        )


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
