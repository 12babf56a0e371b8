"""The least that reading every organization costs: fetch every list and throw it away.

``python -m benchmarks.fetch KEYS_DIR BASE_URL``
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import aiohttp
import orjson

from benchmarks.loop import run

IN_FLIGHT = 64


def read_keys(folder: Path) -> list[str]:
    return [file.read_text() for file in sorted(folder.iterdir())]


async def fetch_and_discard(keys: list[str], base_url: str) -> None:
    waiting = iter(keys)
    async with aiohttp.ClientSession() as session:

        async def work() -> None:
            for key in waiting:
                headers = {"Authorization": f"Bearer {key}"}
                async with session.get(base_url + "/api/connections", headers=headers) as answer:
                    answer.raise_for_status()
                    await answer.read()

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


async def main(keys_dir: str, base_url: str) -> None:
    started = time.monotonic()
    await fetch_and_discard(read_keys(Path(keys_dir)), base_url)
    print(orjson.dumps({"duration_seconds": time.monotonic() - started}).decode())


if __name__ == "__main__":
    run(main(*sys.argv[1:3]))
