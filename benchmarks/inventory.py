"""What a record of the whole inventory costs, compared with one of connections alone.

That is of the run over a small fleet, start-up and all. And it is what the organizations cost that
a larger fleet has beyond those of the small one, less what it takes to fetch their answers and
throw them away: so neither start-up nor network is in it. Time by the clock has Postgres in it;
processor time is of the command's process, and hardly depends on what else the machine does.
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

ORGANIZATIONS, MORE_ORGANIZATIONS, CONNECTIONS = 200, 1_000, 50
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


Seconds = Callable[[Measured], float]
Rounds = dict[tuple[str, int], list[Round]]
"""By the selection's name and the number of organizations."""


async def measure_inventory(
    folder: Path, postgres: str, rounds: int
) -> tuple[list[Figure], list[Measured]]:
    """The ratios of both costs in either run, and what an unchanged run does."""
    more = fleet.write(folder, MORE_ORGANIZATIONS, CONNECTIONS)
    inventory_fleet.add(more)
    some = _first_of(more, ORGANIZATIONS, folder / "some")
    measured: Rounds = {}
    with static_server.running(more.answers) as api:
        for number in range(rounds):
            for selection in (ALONE, WHOLE)[:: -1 if number % 2 else 1]:
                for asked in (some, more):
                    taken = await _measure(selection, asked, api, postgres)
                    key = selection.name, asked.organizations
                    measured.setdefault(key, []).append(taken)
    samples = [s.measured for runs in measured.values() for each in runs for s in each.syncs]
    return list(_figures(measured)), samples


def _first_of(more: Fleet, organizations: int, folder: Path) -> Fleet:
    """The first organizations alone, with the same answers."""
    folder.mkdir()
    for file in sorted(more.keys.iterdir())[:organizations]:
        (folder / file.name).write_text(file.read_text())
    return Fleet(organizations, more.connections, more.answers, folder)


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
    for run_index, name in enumerate(RUNS):
        for what, cost in (("whole process", _of_the_process), ("beyond start-up", _beyond_it)):
            for clock, seconds in (("clock", _wall), ("processor", _cpu)):
                alone, whole = (cost(measured, each, run_index, seconds) for each in (ALONE, WHOLE))
                ratio = f"{whole / alone:.2f} ({whole * 1e6:.0f} to {alone * 1e6:.0f} µs)"
                label = f"inventory, {name}: cost of a record, {what}, {clock}"
                yield Figure(label, f"≤ {GOAL:g}", ratio, whole <= GOAL * alone)
    unchanged = {
        organizations: [each.syncs[-1] for each in measured[WHOLE.name, organizations]]
        for organizations in (ORGANIZATIONS, MORE_ORGANIZATIONS)
    }
    written = max(sum(each.rows_written.values()) for runs in unchanged.values() for each in runs)
    yield exactly("inventory, unchanged: rows written to inventory tables", written, 0)
    few, many = (max(each.requests_served for each in runs) for runs in unchanged.values())
    requests = (many - few) / (MORE_ORGANIZATIONS - ORGANIZATIONS)
    goal = len(tuple(WHOLE.paths))
    yield exactly("inventory, unchanged: requests per further organization", requests, goal)


def _of_the_process(
    measured: Rounds, selection: Selection, run_index: int, seconds: Seconds
) -> float:
    """Seconds for each record, start-up and network included; the median of all rounds."""
    runs = measured[selection.name, ORGANIZATIONS]
    taken = median(seconds(each.syncs[run_index].measured) for each in runs)
    return taken / (ORGANIZATIONS * selection.records)


def _beyond_it(measured: Rounds, selection: Selection, run_index: int, seconds: Seconds) -> float:
    """Seconds for each record of the further organizations, without fetching; of medians."""
    runs, more = (
        measured[selection.name, organizations]
        for organizations in (ORGANIZATIONS, MORE_ORGANIZATIONS)
    )

    def further(of: Callable[[Round], Measured]) -> float:
        few, many = (median(seconds(of(each)) for each in rounds) for rounds in (runs, more))
        return many - few

    taken = further(lambda each: each.syncs[run_index].measured)
    fetching = further(lambda each: each.fetches[run_index])
    return (taken - fetching) / ((MORE_ORGANIZATIONS - ORGANIZATIONS) * selection.records)


def _cpu(measured: Measured) -> float:
    return measured.cpu_seconds


def _wall(measured: Measured) -> float:
    return measured.wall_seconds
