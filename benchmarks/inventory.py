"""What a record of the whole inventory costs, compared with one of connections alone.

The cost is that of the organizations beyond the first, less what it takes to fetch their answers
and throw them away: so neither start-up nor the network is in it. It is given twice. Processor time
is of the command's process and hardly depends on what else the machine does; time by the clock has
Postgres in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from aggregator.resources import RESOURCES
from benchmarks import database, fleet, inventory_fleet, static_server
from benchmarks.cases import Sample
from benchmarks.figures import Figure, exactly
from benchmarks.fleet import Fleet
from benchmarks.measure import Measured, run
from benchmarks.static_server import StaticServer
from benchmarks.sync import sync

ORGANIZATIONS, CONNECTIONS = 200, 50
GOAL = 1.5
IDENTITY = "/api/me"


@dataclass(frozen=True, slots=True)
class Selection:
    """The resources that a run reads."""

    name: str
    resources: tuple[str, ...]
    records: int
    """Of one organization."""

    @property
    def paths(self) -> Iterator[str]:
        """What is asked of each organization in every run."""
        for resource in map(RESOURCES.__getitem__, self.resources):
            if resource.per == "organization":
                yield resource.path
                if resource.states:
                    request = resource.states.request
                    yield request.path + "?" + "&".join(map("=".join, request.query))


ALONE = Selection("connections alone", ("connections",), CONNECTIONS)
WHOLE = Selection(
    "all default resources",
    tuple(name for name, resource in RESOURCES.items() if resource.is_default),
    CONNECTIONS + inventory_fleet.RECORDS,
)
RUNS = ("first load", "unchanged")


@dataclass(frozen=True, slots=True)
class Round:
    """The samples of one selection, first load and unchanged, in one round."""

    syncs: Sequence[Sample]
    fetches: Sequence[Measured]


Rounds = dict[tuple[str, int], list[Round]]
"""By the selection's name and the number of organizations."""


async def measure_inventory(
    folder: Path, postgres: str, rounds: int
) -> tuple[list[Figure], list[Measured]]:
    """The ratio of both costs in either run, and what an unchanged run does."""
    many = fleet.write(folder, ORGANIZATIONS, CONNECTIONS)
    inventory_fleet.add(many)
    measured: Rounds = {}
    with static_server.running(many.answers) as api:
        for number in range(rounds):
            for selection in (ALONE, WHOLE)[:: -1 if number % 2 else 1]:
                for some in (_first_of(many, folder / "one"), many):
                    taken = await _measure(selection, some, api, postgres)
                    key = selection.name, some.organizations
                    measured.setdefault(key, []).append(taken)
    samples = [s.measured for runs in measured.values() for each in runs for s in each.syncs]
    return list(_figures(measured)), samples


def _first_of(many: Fleet, folder: Path) -> Fleet:
    """The first organization alone."""
    folder.mkdir(exist_ok=True)
    first = min(many.keys.iterdir())
    (folder / first.name).write_text(first.read_text())
    return Fleet(1, many.connections, many.answers, folder)


async def _measure(selection: Selection, some: Fleet, api: StaticServer, postgres: str) -> Round:
    async with database.fresh(postgres) as url:
        syncs = []
        for _ in RUNS:
            before, served = await database.rows_written(url, "inventory"), api.served()
            settings = {"RESOURCES": ",".join(selection.resources)}
            measured = sync(some.keys, api.base_url, url, **settings)
            served = api.served() - served
            after = await database.rows_written(url, "inventory")
            written = {table: count - before.get(table, 0) for table, count in after.items()}
            syncs.append(Sample(measured, served, written))
            _expect(selection, some, syncs)
            await database.execute(postgres, "checkpoint")
    asked = ((IDENTITY, *selection.paths), tuple(selection.paths))
    fetch = ["-m", "benchmarks.fetch", str(some.keys), api.base_url]
    return Round(syncs, [run([*fetch, *paths]) for paths in asked])


def _expect(selection: Selection, some: Fleet, syncs: Sequence[Sample]) -> None:
    """Ends the benchmark when a run did other work than it should: its time would mean nothing."""
    counts = syncs[-1].measured.printed["resources"]
    count = "created" if len(syncs) == 1 else "unchanged"
    done = sum(each[count] for name, each in counts.items() if RESOURCES[name].per != "deployment")
    if done != some.organizations * selection.records:
        raise SystemExit(f"the run counted {counts}")


def _figures(measured: Rounds) -> Iterator[Figure]:
    for index, name in enumerate(RUNS):
        for what, seconds in (("processor", _cpu), ("clock", _wall)):
            alone, whole = (_cost(measured, each, index, seconds) for each in (ALONE, WHOLE))
            costs = f"{whole / alone:.2f} ({whole * 1e6:.0f} to {alone * 1e6:.0f} µs)"
            label = f"inventory, {name}: cost of a record, {what}"
            yield Figure(label, f"≤ {GOAL:g}", costs, whole <= GOAL * alone)
    runs = measured[WHOLE.name, ORGANIZATIONS]
    written = max(sum(each.syncs[-1].rows_written.values()) for each in runs)
    yield exactly("inventory, unchanged: rows written to inventory tables", written, 0)
    one = measured[WHOLE.name, 1]
    more = median(each.syncs[-1].requests_served for each in runs)
    requests = (more - one[0].syncs[-1].requests_served) / (ORGANIZATIONS - 1)
    goal = len(tuple(WHOLE.paths))
    yield exactly("inventory, unchanged: requests per organization", requests, goal)


def _cost(
    measured: Rounds, selection: Selection, index: int, seconds: Callable[[Measured], float]
) -> float:
    """Seconds for each record of the organizations beyond the first; medians of all rounds."""

    def beyond_the_first(of: Callable[[Round], Measured]) -> float:
        one, many = (
            median(seconds(of(each)) for each in measured[selection.name, organizations])
            for organizations in (1, ORGANIZATIONS)
        )
        return many - one

    run_seconds = beyond_the_first(lambda each: each.syncs[index].measured)
    fetch_seconds = beyond_the_first(lambda each: each.fetches[index])
    return (run_seconds - fetch_seconds) / ((ORGANIZATIONS - 1) * selection.records)


def _cpu(measured: Measured) -> float:
    return measured.cpu_seconds


def _wall(measured: Measured) -> float:
    return measured.wall_seconds
