"""The least that reading every organization costs: fetch every list and throw it away.

``python -m benchmarks.fetch KEYS_DIR BASE_URL [PATH...]``, by default of connections alone.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import orjson

from benchmarks.loop import run

IN_FLIGHT = 64
CONNECTIONS = "/api/connections"


def read_keys(folder: Path) -> list[str]:
    return [file.read_text() for file in sorted(folder.iterdir())]


async def fetch_and_discard(keys: list[str], base_url: str, paths: Sequence[str]) -> None:
    waiting = itertools.product(keys, paths)
    async with aiohttp.ClientSession() as session:

        async def work() -> None:
            for key, path in waiting:
                headers = {"Authorization": f"Bearer {key}"}
                async with session.get(base_url + path, headers=headers) as answer:
                    answer.raise_for_status()
                    await answer.read()

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


async def main(keys_dir: str, base_url: str, *paths: str) -> None:
    started = time.monotonic()
    await fetch_and_discard(read_keys(Path(keys_dir)), base_url, paths or (CONNECTIONS,))
    print(orjson.dumps({"duration_seconds": time.monotonic() - started}).decode())


if __name__ == "__main__":
    run(main(*sys.argv[1:]))
