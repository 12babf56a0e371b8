"""What the tests of store, writer, ledger and pipeline stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aggregator.resources import RESOURCES
from tests.simulator import Fleet
from tests.syncing import Syncing, syncing


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Syncing]:
    """Two organizations, ``acme-01`` and ``acme-02``, with six connections each."""
    async with syncing(database_url, Fleet(2, 6)) as ready:
        yield ready


@pytest.fixture
async def whole(database_url: str) -> AsyncIterator[Syncing]:
    """Three organizations of which every default resource is read."""
    async with syncing(database_url, Fleet(3, 6)) as ready:
        ready.resources = [each for each in RESOURCES.values() if each.is_default]
        yield ready


@pytest.fixture
async def everything(database_url: str) -> AsyncIterator[Syncing]:
    """Three organizations of which every resource is read."""
    async with syncing(database_url, Fleet(3, 6)) as ready:
        ready.resources = list(RESOURCES.values())
        yield ready
