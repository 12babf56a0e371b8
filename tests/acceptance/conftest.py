"""A simulated host and a migrated database for each test, with the command between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.acceptance.world import World
from tests.simulator import Fleet, Simulator


class NewWorld(Protocol):
    async def __call__(self, fleet: Fleet) -> World: ...


@pytest.fixture
async def new_world(database_url: str, tmp_path: Path) -> AsyncIterator[NewWorld]:
    """A world around a fleet of the test's choice."""
    async with AsyncExitStack() as stack:

        async def make(fleet: Fleet) -> World:
            simulator = await stack.enter_async_context(Simulator(fleet))
            return World(simulator, database_url, tmp_path)

        yield make


@pytest.fixture
async def world(new_world: NewWorld) -> World:
    """Three organizations with four connections each: ``acme-01`` to ``acme-03``."""
    return await new_world(Fleet(3, 4))
