"""What a user would write instead: the official client, 32 organizations at a time, an upsert.

``python -m benchmarks.user_script KEYS_DIR BASE_URL DATABASE_URL [one-pool]``: a client per key as
the official documentation shows it; with ``one-pool`` as it becomes after a look at a profile, when
all clients share one pool of sockets instead of each making its own TLS context.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
from polytomic import AsyncPolytomic, ConnectionResponseSchema

ORGANIZATIONS_AT_A_TIME = 32
UPSERT = """
    insert into connections values
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
         $21, $22, $23, $24, $25)
    on conflict (deployment, organization_id, connection_id) do update set
        name = excluded.name,
        type_id = excluded.type_id,
        type_name = excluded.type_name,
        operations = excluded.operations,
        status = excluded.status,
        status_error = excluded.status_error,
        saved = excluded.saved,
        configuration = excluded.configuration,
        policies = excluded.policies,
        parent_connection_id = excluded.parent_connection_id,
        api_calls_last_24_hours = excluded.api_calls_last_24_hours,
        rate_limited = excluded.rate_limited,
        rate_limited_since = excluded.rate_limited_since,
        rate_limit_expires_at = excluded.rate_limit_expires_at,
        created_at = excluded.created_at,
        created_by_id = excluded.created_by_id,
        created_by_name = excluded.created_by_name,
        created_by_type = excluded.created_by_type,
        updated_at = excluded.updated_at,
        updated_by_id = excluded.updated_by_id,
        updated_by_name = excluded.updated_by_name,
        updated_by_type = excluded.updated_by_type
"""


def to_row(deployment: str, connection: ConnectionResponseSchema) -> tuple[Any, ...]:
    kind, limit = connection.type, connection.rate_limit
    created_by, updated_by = connection.created_by, connection.updated_by
    configuration = connection.configuration
    return (
        deployment,
        connection.organization_id,
        connection.id,
        connection.name,
        kind.id if kind else None,
        kind.name if kind else None,
        kind.operations if kind else None,
        connection.status,
        connection.status_error,
        connection.saved,
        None if configuration is None else json.dumps(configuration),
        connection.policies,
        connection.parent_connection_id,
        connection.api_calls_last24hours,
        limit.currently_limited if limit else None,
        limit.limited_since if limit else None,
        limit.expires_at if limit else None,
        connection.created_at,
        created_by.id if created_by else None,
        created_by.name if created_by else None,
        created_by.type if created_by else None,
        connection.updated_at,
        updated_by.id if updated_by else None,
        updated_by.name if updated_by else None,
        updated_by.type if updated_by else None,
    )


async def main(keys: list[str], base_url: str, database_url: str, mode: str = "") -> None:
    started = time.monotonic()
    deployment = urlsplit(base_url).hostname or base_url
    turns = asyncio.Semaphore(ORGANIZATIONS_AT_A_TIME)
    async with asyncpg.create_pool(database_url) as pool, httpx.AsyncClient(timeout=60) as http:

        async def load(key: str) -> int:
            async with turns:
                client = AsyncPolytomic(
                    base_url=base_url, token=key, httpx_client=http if mode else None
                )
                answer = await client.connections.list()
                rows = [to_row(deployment, connection) for connection in answer.data or []]
                await pool.executemany(UPSERT, rows)
                return len(rows)

        counts = await asyncio.gather(*(load(key) for key in keys))
    print(json.dumps({"duration_seconds": time.monotonic() - started, "rows": sum(counts)}))


if __name__ == "__main__":
    files = sorted(Path(sys.argv[1]).iterdir())
    asyncio.run(main([file.read_text().strip() for file in files], *sys.argv[2:]))
