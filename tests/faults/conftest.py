"""``async with open_world(Fleet(3)) as world: await world.sync()``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from tests.databases import Databases
from tests.faults.world import World, opened
from tests.simulator import Fleet

OpenWorld: TypeAlias = Callable[[Fleet], AbstractAsyncContextManager[World]]


@pytest.fixture(scope="session")
def open_world(_migrated: Databases, tmp_path_factory: pytest.TempPathFactory) -> OpenWorld:
    return lambda fleet: opened(_migrated, tmp_path_factory.mktemp("world"), fleet)
