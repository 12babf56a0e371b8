"""Peak memory of the command over all faults that could raise it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Figure, at_most
from benchmarks.measure import Measured, run
from benchmarks.trust.stand import Stand
from tests.simulator import Fault, Fleet, Simulator, html_page
from tests.simulator.generate import make_connections

GOAL_MEGABYTES = 512 * 1.048576
"""512 MiB."""
LIMIT = 32 << 20
"""The default of MAX_RESPONSE_BYTES."""
IN_FLIGHT = 64
"""The default of MAX_CONCURRENCY: so many organizations answer with something large at once."""
EXIT_CODES = {"sync": {0, 3, 4, 5}, "check": {0, 2, 3}}
"""Those of a program that works and says what is wrong."""
LIST = "/api/connections"


@dataclass(frozen=True, slots=True)
class Threat:
    """What servers do; to how many organizations, with how many connections each by themselves."""

    faults: Callable[[], list[Fault]]
    organizations: int = IN_FLIGHT
    connections: int = 2
    command: str = "sync"


async def measure_memory(
    stand: Stand, large: int, fleet: int
) -> tuple[list[Figure], dict[str, Any]]:
    """``large`` honest full lists, all stored; ``fleet`` organizations that are all well or ill."""
    figures, account = [], {}
    for name, threat in threats(large, fleet).items():
        measured = await _measure(stand, threat)
        figures.append(
            at_most(f"peak memory, {name}", measured.peak_bytes / 1e6, GOAL_MEGABYTES, " MB")
        )
        said = {key: measured.printed.get(key) for key in ("outcomes", "requests", "retries")}
        account[name] = {**said, "seconds": measured.wall_seconds}
        print(f"… {name}: {figures[-1].measured} in {measured.wall_seconds:.0f} s", file=sys.stderr)
    return figures, account


def threats(large: int, fleet: int) -> Mapping[str, Threat]:
    honest = _honest(LIMIT - 1_000)
    return {
        f"{large} lists of 32 MiB": Threat(_lists(honest), organizations=large),
        "64 lists of 2 MiB": Threat(_lists(_honest(2 << 20))),
        f"{large} lists of 32 MiB in another encoding": Threat(
            _lists(_honest(LIMIT // 2 - 1_000).decode().encode("utf-16")), organizations=large
        ),
        "64 bodies of tiny lists": Threat(_lists(_repeated("[]"))),
        "64 bodies of tiny objects": Threat(_lists(_repeated('{"a":1}'))),
        "64 bodies of as many values as may be": Threat(_lists(_repeated('{"a":1}', 1_040_000))),
        f"{large} bodies of tiny records": Threat(_lists(_records(131_000)), organizations=large),
        "64 bodies of 11,000,000 levels": Threat(_lists(b'{"data":' + b"[" * (LIMIT - 100))),
        "64 records of 32 MiB": Threat(_lists(_single(LIMIT - 1_000))),
        "64 gzip bombs": Threat(lambda: [Fault(bomb_bytes=1 << 30)]),
        "64 gzip bombs just small enough": Threat(lambda: [Fault(path=LIST, bomb_bytes=31 << 20)]),
        "64 identities of 32 MiB": Threat(lambda: [Fault(path="/api/me", bomb_bytes=31 << 20)]),
        "64 identities of 32 MiB, checked": Threat(
            lambda: [Fault(path="/api/me", bomb_bytes=31 << 20)], command="check"
        ),
        "64 errors of 32 MiB": Threat(
            lambda: [Fault(status=404, body=b'{"message":"' + b"x" * (LIMIT - 100) + b'"}')]
        ),
        "16 lists of endless pages": Threat(
            lambda: [Fault(path=LIST, next_page="endless")], organizations=16, connections=1_000
        ),
        "64 lists cut off at 30 MiB": Threat(
            lambda: [Fault(path=LIST, body=honest, cut_after=30 << 20)]
        ),
        f"{fleet:,} organizations": Threat(list, organizations=fleet),
        f"{fleet:,} identical errors": Threat(lambda: [html_page(path=LIST)], organizations=fleet),
    }


async def _measure(stand: Stand, threat: Threat) -> Measured:
    served = Fleet(threat.organizations, threat.connections, seed=stand.seed)
    served.faults = threat.faults()
    keys = stand.folder / "keys"
    keys.mkdir()
    for name, key in served.api_keys.items():
        (keys / name).write_text(key)
    try:
        async with (
            stand.databases.copy(stand.databases.template) as url,
            Simulator(served) as simulator,
        ):
            settings = {
                "KEYS_DIR": str(keys),
                "BASE_URL": simulator.base_url,
                "DATABASE_URL": url,
                "REQUESTS_PER_SECOND": "0",
                "REQUESTS_PER_SECOND_PER_ORGANIZATION": "0",
                "MAX_ATTEMPTS": "2",
            }
            measured = await asyncio.to_thread(
                run,
                ["-m", "aggregator", threat.command, "--json"],
                {f"AGGREGATOR_{name}": value for name, value in settings.items()},
                exit_codes=EXIT_CODES[threat.command],
            )
        if not measured.printed:
            raise SystemExit(f"{threat.command} has not said what it came to")
        return measured
    finally:
        shutil.rmtree(keys)


# Bodies


def _lists(body: bytes) -> Callable[[], list[Fault]]:
    return lambda: [Fault(path=LIST, body=body)]


def _honest(size: int) -> bytes:
    """A list of real connections, as large as that; whose they are is left to ``/api/me``."""
    some = make_connections(1, "", "acme", 500)
    rows, written = [], 0
    number = 0
    while written < size:
        row = some[number % len(some)] | {"id": f"{number:036x}"}
        del row["organization_id"]
        rows.append(json.dumps(row, separators=(",", ":"), ensure_ascii=False))
        written += len(rows[-1].encode()) + 1
        number += 1
    return f'{{"data":[{",".join(rows[:-1])}]}}'.encode()


def _repeated(item: str, times: int = LIMIT) -> bytes:
    """As often as the limit lets it."""
    times = min(times, (LIMIT - 100) // (len(item) + 1))
    return f'{{"data":[{",".join([item] * times)}]}}'.encode()


def _records(count: int) -> bytes:
    rows = ",".join(json.dumps({"id": f"{number:x}"}) for number in range(count))
    return f'{{"data":[{rows}]}}'.encode()


def _single(size: int) -> bytes:
    text = "x" * (size // 4)
    configuration = {"host": text, "password": text}
    record = {"id": "1", "name": text, "configuration": configuration, "new": text}
    return json.dumps({"data": [record]}).encode()
