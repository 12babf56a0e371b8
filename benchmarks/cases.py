"""The side-by-side cases: each is one measured process against the same fleet and server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from benchmarks import database
from benchmarks.fleet import Fleet
from benchmarks.measure import Measured, run
from benchmarks.static_server import StaticServer
from benchmarks.sync import expect, sync


@dataclass(frozen=True, slots=True)
class Stand:
    """What all cases run against; nothing here is opened or closed by them."""

    fleet: Fleet
    changed: Fleet
    changed_rows: int
    api: StaticServer
    postgres: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured process, and what was counted around it."""

    measured: Measured
    requests_served: int
    """As the API server counts them."""
    rows_written: Mapping[str, int]
    """Rows inserted, updated or deleted by table, as Postgres counts them; only of ``sync``."""


Samples = dict[str, Sample]


async def measure_sync(stand: Stand) -> Samples:
    """First load, the same again, and once more with a part of the connections changed."""
    async with database.fresh(stand.postgres) as url:

        async def once() -> Sample:
            written, served = await database.rows_written(url, "inventory"), stand.api.served()
            measured = sync(stand.fleet.keys, stand.api.base_url, url)
            served = stand.api.served() - served
            after = await database.rows_written(url, "inventory")
            return Sample(measured, served, {k: n - written.get(k, 0) for k, n in after.items()})

        rows, changed = stand.fleet.rows, stand.changed_rows
        first = await once()
        expect(first.measured, seen=rows, created=rows)
        await database.execute(stand.postgres, "checkpoint")
        unchanged = await once()
        expect(unchanged.measured, unchanged=rows, updated=0, removed=0)
        stand.api.serve(stand.changed.answers)
        try:
            altered = await once()
        finally:
            stand.api.serve(stand.fleet.answers)
        expect(altered.measured, updated=changed, unchanged=rows - changed, removed=0)
    return {"first load": first, "unchanged": unchanged, "5% changed": altered}


async def measure_script(stand: Stand) -> Samples:
    return {"official client": await _load(stand, "benchmarks.user_script")}


async def measure_script_one_pool(stand: Stand) -> Samples:
    sample = await _load(stand, "benchmarks.user_script", "one-pool")
    return {"official client, one pool": sample}


async def measure_floor(stand: Stand) -> Samples:
    return {"floor": await _load(stand, "benchmarks.floor", str(stand.fleet.answers))}


async def measure_fetch(stand: Stand) -> Samples:
    arguments = [str(stand.fleet.keys), stand.api.base_url]
    return {"fetch and discard": _counted(stand, ["-m", "benchmarks.fetch", *arguments])}


GROUPS: Mapping[str, Callable[[Stand], Awaitable[Samples]]] = {
    "sync": measure_sync,
    "script": measure_script,
    "script-one-pool": measure_script_one_pool,
    "floor": measure_floor,
    "fetch": measure_fetch,
}


async def _load(stand: Stand, module: str, *options: str) -> Sample:
    async with database.fresh(stand.postgres, with_table=True) as url:
        arguments = [str(stand.fleet.keys), stand.api.base_url, url, *options]
        sample = _counted(stand, ["-m", module, *arguments])
        await _expect_rows(url, stand.fleet.rows)
    return sample


def _counted(stand: Stand, arguments: list[str]) -> Sample:
    served = stand.api.served()
    measured = run(arguments)
    return Sample(measured, stand.api.served() - served, {})


async def _expect_rows(url: str, rows: int) -> None:
    found = await database.count_rows(url, "connections")
    if found != rows:
        raise SystemExit(f"the table holds {found} rows, expected were {rows}")
