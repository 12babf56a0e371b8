"""What every test stands on: clean surroundings, a database of its own, the command."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import databases
from tests.command import ROOT, RunCommand, run_in
from tests.databases import Databases

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

# Where Debian keeps what root uses: nginx, nft, pgbouncer.
os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"

_RUN = pytest.StashKey[databases.Run]()
_RUN_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also under nohup: the command would inherit it
    if hasattr(config, "workerinput"):
        config.stash[_RUN_FOLDER] = Path(config.workerinput["run_folder"])
    else:
        config.stash[_RUN] = databases.Run()
        config.stash[_RUN_FOLDER] = config.stash[_RUN].folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    node.workerinput["run_folder"] = str(node.config.stash[_RUN_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """The run's last word: its workers have ended."""
    if _RUN in config.stash:
        config.stash[_RUN].close()


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer reaches a test: neither a variable nor a ``.env``."""
    for name in list(os.environ):
        if name.upper().startswith("AGGREGATOR_") and name != databases.OUTSIDE_SERVER:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # python -m tests.simulator, from that folder


@pytest.fixture(scope="session")
def _server(request: pytest.FixtureRequest) -> Databases:
    return Databases.of_run(request.config.stash[_RUN_FOLDER])


@pytest.fixture(scope="session")
def _migrated(_server: Databases) -> Databases:
    _server.migrate_template()
    return _server


@pytest.fixture
def databases_of_run(_server: Databases) -> Databases:
    """For tests that need more than one database, or one made in another way."""
    return _server


@pytest.fixture
async def database_url(_migrated: Databases) -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    async with _migrated.copy(_migrated.template) as dsn:
        yield dsn


@pytest.fixture
async def empty_database_url(_server: Databases) -> AsyncIterator[str]:
    """A database of the test's own without any migration."""
    async with _server.copy("template0") as dsn:
        yield dsn


@pytest.fixture
def run_command(tmp_path: Path) -> RunCommand:
    """``await run_command("sync", "--json", env={"AGGREGATOR_…": "…"})`` → ``Finished``."""
    return functools.partial(run_in, tmp_path)
