"""Keys and secrets of configurations, looked for wherever the program or its database could show
them: logs at DEBUG, JSON output, a full dump, the server's log, the arguments of processes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.figures import Figure, exactly
from benchmarks.trust.encodings import ENCODINGS, Scanner
from benchmarks.trust.stand import Stand
from tests.acceptance.world import World
from tests.command import finished, started_in
from tests.simulator import Fault, Fleet, Simulator, html_page
from tests.simulator.generate import identifier

ORGANIZATIONS = 24
PASSWORD = "made-up-database-password"  # noqa: S105 - an obvious fake
CONTROL = "c0ffee00-0000-4000-8000-00000000c0de"
"""Planted in every channel in every encoding: a search that does not find it proves nothing."""

_LOGGED = {
    "log_statement": "'all'",
    "log_min_error_statement": "'debug5'",
    "log_error_verbosity": "'verbose'",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
}
"""The server's log as talkative as it can be; a database's settings win over the server's."""


async def measure_canaries(stand: Stand) -> tuple[list[Figure], dict[str, Any]]:
    fleet = Fleet(ORGANIZATIONS, 10, seed=stand.seed)
    async with (
        stand.databases.copy(stand.databases.template) as url,
        Simulator(fleet) as simulator,
    ):
        world = World(simulator, url, stand.folder)
        log = stand.databases.folder / "postgres" / "log"
        if not log.exists():
            raise SystemExit("the server's log is read: unset AGGREGATOR_TEST_DATABASE_URL")
        await _make_talkative(world)
        secrets = _plant_secrets(fleet)
        start = _size(log)
        channels = Channels(defaultdict(list))
        await _run_everything(world, channels)
        for name, text in (await world.dump()).items():
            channels.add("database", f"{name}\n{text}")
        rows = await world.query("select count(*) as rows from reporting.rejected_records")
        channels.add("server log", _read(log, start))
        scanner = Scanner([*secrets, CONTROL])
        hits = {name: scanner.hits("\n".join(texts)) for name, texts in channels.texts.items()}
        missed = await _missed_controls(world, log, scanner)
    what = f"{len(secrets)} canaries in {len(ENCODINGS)} encodings"
    return [
        *(exactly(f"{what}: hits in {name}", len(found), 0) for name, found in hits.items()),
        exactly(f"planted control: channels of {len(hits)} where it was missed", len(missed), 0),
    ], {
        "characters": {name: sum(map(len, texts)) for name, texts in channels.texts.items()},
        "hits": hits,
        "missed": missed,
        "records that were rejected": rows[0]["rows"],
    }


@dataclass(frozen=True, slots=True)
class Channels:
    """What came out, by where."""

    texts: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, channel: str, text: str) -> None:
        self.texts[channel].append(text)


async def _make_talkative(world: World) -> None:
    """Everything is logged, and rows are refused: Postgres repeats them then (trap T12)."""
    [row] = await world.query("select current_database() as name")
    for name, value in _LOGGED.items():
        await world.execute(f'alter database "{row["name"]}" set {name} = {value}')
    await world.execute("alter table inventory.connections add check (name not like 'poison%')")


# What must be found nowhere


def _plant_secrets(fleet: Fleet) -> list[str]:
    """All keys, what is sent of them, and secrets in configurations, errors and unknown fields."""
    planted = []
    for number, organization in enumerate(fleet):
        secret = _secret_of(number)
        planted.append(secret)
        rows = organization.connections
        rows[0] |= _leaky(secret)
        rows[1] |= {"name": f"poison {number}", "configuration": {"password": secret}}
        rows[2] |= {"id": "", "configuration": {"api_key": secret}, "brand_new": secret}
    keys = [*fleet.api_keys.values(), fleet.partner_key]
    basic = [f"{each.id}:{fleet.partner_key}" for each in fleet]
    return [*planted, *keys, *basic, PASSWORD]


def _secret_of(number: int) -> str:
    """Secrets of several looks: a UUID, letters and digits, base64, words."""
    unique = identifier("canary", number)
    looks = (
        unique,
        f"sk_live_{unique.replace('-', '')}",
        base64.b64encode(UUID(unique).bytes * 2).decode().rstrip("="),
        f"correct horse battery {unique[:13]}",
    )
    return looks[number % len(looks)]


def _leaky(secret: str) -> dict[str, Any]:
    """A connection that shows a secret wherever servers were seen to show one."""
    word = secret.replace(" ", "-")
    return {
        "status": "unhealthy",
        "status_error": f"401: Authorization: Bearer {word}; password={word}; "
        f"postgres://svc:{word}@db.example/x?token={word}",
        "configuration": {
            "password": secret,
            "apiKey": secret,
            "private_key": f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----",
            "headers": [{"name": "X-Token", "value": secret}],
            "parameters": {"token": secret},
            "auth": {"basic": {"username": secret, "password": secret}},
            "url": f"https://svc:{word}@api.example/v1?key={word}",
            "connection_string": f"Server=db;Pwd={secret}",
            "unheard_of": secret,
            "nested": [{"deep": {"er": [secret]}}],
            word: "a map keyed by tokens",
        },
        "unknown_field": {"inner": secret},
        "api_calls_last_24_hours": secret,
        "rate_limit": {"currently_limited": secret, "new": secret},
    }


def _echoes(key: str) -> list[Fault]:
    """Servers that repeat the key they got, each in another place."""
    echo = f"no such key: {key} (Authorization: Bearer {key})"
    place = f"https://elsewhere.example/{key}?key={key}"
    return [
        Fault(status=401, body={"error": {"message": echo}}),
        Fault(status=403, body={"message": echo}),
        Fault(status=302, headers={"Location": place}),
        Fault(status=500, body=echo, headers={"X-Request-Id": key}),
        Fault(body={"error": echo, "data": []}),
        Fault(headers={"X-Polytomic-Version": key}),
        Fault(headers={"Set-Cookie": f"session={key}", "X-Request-Id": key}),
        Fault(status=429, headers={"Retry-After": key}),
        Fault(body=f'{{"data": [{{"id": "{key}", "organization_id": "{key}"'),
        Fault(body={"data": [{"id": "x", "organization_id": key, "name": key}]}),
        Fault(gzip="corrupt"),
        Fault(cut_after=50),
        html_page(),
    ]


# Running and catching


async def _run_everything(world: World, channels: Channels) -> None:
    """All commands with keys from several sources: undisturbed, then against servers that echo."""
    fleet = world.fleet
    url = world.database_url.replace("//aggregator@", f"//aggregator:{PASSWORD}@")
    keys = fleet.api_keys | {"broken": f"{fleet.partner_key} x", "partner": fleet.partner_key}
    by_key = {"API_KEYS": json.dumps(keys), "DATABASE_URL": url}
    by_partner = {"API_KEYS": None, "PARTNER_KEY": fleet.partner_key, "DATABASE_URL": url}
    await _run(world, channels, "migrate", **by_key)
    await _run(world, channels, "sync", "--json", **by_key)
    for organization in fleet:
        organization.connections[0]["name"] = "renamed"
        key = f"{organization.key} {fleet.partner_key} {organization.id}:{fleet.partner_key}"
        echoes = _echoes(key)
        organization.faults = [echoes[fleet.organizations.index(organization) % len(echoes)]]
    for settings in (by_key, by_partner):
        for command in ("sync", "check", "status"):
            await _run(world, channels, command, **settings)
            await _run(world, channels, command, "--json", LOG_FORMAT="json", **settings)
        await _run(world, channels, "sync", "--plan", **settings)


async def _run(world: World, channels: Channels, *arguments: str, **settings: str | None) -> None:
    chosen = {"LOG_LEVEL": "debug", "MAX_ATTEMPTS": "2", **settings}
    environment = world.environment(**chosen) | {"PYTHONASYNCIODEBUG": "1"}
    async with (
        started_in(world.folder, *arguments, env=environment) as process,
        _watching(process.pid, channels),
    ):
        result = await finished(process, 120)
    channels.add("logs at DEBUG", result.stderr)
    channels.add("JSON output" if "--json" in arguments else "output", result.stdout)


@asynccontextmanager
async def _watching(pid: int, channels: Channels) -> AsyncIterator[None]:
    """Looks at the arguments of the process and its children again and again."""

    async def watch() -> None:
        while True:
            channels.add("process arguments", _arguments(pid))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def _arguments(pid: int) -> str:
    texts = []
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        texts = [Path(f"/proc/{each}/cmdline").read_text() for each in (pid, *children)]
    return "\n".join(texts)


def _size(log: Path) -> int:
    return log.stat().st_size


def _read(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")


# The positive control: everything that is looked through is able to show a secret


async def _missed_controls(world: World, log: Path, scanner: Scanner) -> list[str]:
    """The channels in which a planted secret is not found in each encoding."""
    needles = [needle for encode in ENCODINGS.values() for needle in encode(CONTROL)]
    start = _size(log)
    await world.execute("create table ledger.planted (text text)")
    async with world.connection() as connection:
        for needle in needles:
            await connection.execute("insert into ledger.planted values ($1)", needle)
    dumped = (await world.dump())["ledger.planted"]
    script = "import sys, time; print(*sys.argv); print(*sys.argv, file=sys.stderr); time.sleep(9)"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-uc", script, *needles),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout, process.stderr  # noqa: S101 - both are pipes
    printed = (await process.stdout.readline()).decode()
    arguments = _arguments(process.pid)
    process.kill()
    await process.wait()
    seen = {
        "database": dumped,
        "server log": _read(log, start),
        "output": printed,
        "process arguments": arguments,
    }
    return [
        name for name, text in seen.items() if {*ENCODINGS} - {*Scanner([CONTROL]).hits(text)}
    ] + ([] if scanner.hits(CONTROL) else ["the search itself"])
