"""What the tests of store, writer, ledger and pipeline stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.simulator import Fleet
from tests.syncing import Syncing, syncing


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Syncing]:
    """Two organizations, ``acme-01`` and ``acme-02``, with six connections each."""
    async with syncing(database_url, Fleet(2, 6)) as ready:
        yield ready
