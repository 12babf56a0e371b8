"""``async with open_world(Fleet(3)) as world: await world.sync()``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from aggregator import embedded
from tests.databases import Databases, server_folder
from tests.faults.servers import Cluster
from tests.faults.world import World, opened
from tests.simulator import Fleet

OpenWorld: TypeAlias = Callable[[Fleet], AbstractAsyncContextManager[World]]


@pytest.fixture(scope="session")
def open_world(_migrated: Databases, tmp_path_factory: pytest.TempPathFactory) -> OpenWorld:
    return lambda fleet: opened(_migrated, tmp_path_factory.mktemp("world"), fleet)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server that tests may stop and fill; it runs whenever a test begins."""
    folder = server_folder("aggregator_tests_own_")
    try:
        yield Cluster.started(folder)
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)
