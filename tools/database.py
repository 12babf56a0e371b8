"""A migrated database of no data, gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from aggregator import embedded
from aggregator.migrate import migrate


@asynccontextmanager
async def migrated() -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """The owner's connection to a database on an embedded server of its own."""
    with _server() as dsn:
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        try:
            yield connection
        finally:
            await connection.close()


@contextmanager
def _server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="docs_"))
    folder.chmod(0o755)  # where root calls, the server runs as another user
    try:
        yield embedded.start(folder, durable=False).dsn
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)
