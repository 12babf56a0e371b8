"""Threats S of section 3b: what somebody might try, or might see."""

from __future__ import annotations

import asyncio
import ensurepip
import hashlib
import importlib.util
import json
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import yarl

from aggregator.errors import ScopeError
from aggregator.migrate import migrate
from aggregator.transport import make_session, send
from tests.command import ROOT, finished
from tests.faults.conftest import OpenWorld
from tests.faults.outside import started
from tests.leaks import forms, looks_like_keys
from tests.simulator import CANARY, Fault, Fleet, html_page, refusal

EVERYTHING_LOGS = """
import asyncio, logging, sys
sys.modules["uvloop"] = None  # asyncio's own loop says more
for name in ("aiohttp", "aiohttp.client", "asyncio", "asyncpg", "concurrent"):
    logging.getLogger(name).setLevel(logging.DEBUG)
made = asyncio.BaseEventLoop.__init__
def make(loop):
    made(loop)
    loop.slow_callback_duration = 0.0
asyncio.BaseEventLoop.__init__ = make
"""


def nasty_faults(key: str) -> list[Fault]:
    """Answers that repeat the key, break off, lie, or are of no use."""
    echo = f"no such key {key} (Authorization: Bearer {key})"
    return [
        Fault(status=401, body={"error": {"message": echo}}),
        Fault(status=403, body=echo, headers={"WWW-Authenticate": echo, "X-Request-Id": key}),
        Fault(status=302, headers={"Location": f"https://{key}@elsewhere.example/{key}?k={key}"}),
        Fault(status=500, body={"message": echo}, headers={"Retry-After": key}),
        Fault(headers={"X-Polytomic-Version": key}),
        Fault(headers={"Content-Encoding": key}),
        Fault(headers={"X-Long": key * 400}),
        Fault(body=f'{{"data": "{key}"'),
        Fault(body={"data": [{"id": key, "name": key, "configuration": {"token": key}}]}),
        Fault(body={"data": [{"id": "1", "organization_id": key}]}),
        Fault(envelope={"pagination": {"next_page_token": key}}),
        Fault(gzip="corrupt"),
        Fault(cut_after=40),
        Fault(latency=5),
        Fault(close=True),
        html_page(),
        refusal(key),
    ]


async def test_no_form_of_a_key_is_shown_or_stored_whatever_the_server_does(
    open_world: OpenWorld,
) -> None:
    """Threats S1, S2 and S3, trap T1: every library at DEBUG, asyncio's debug mode, every fault.

    Ids are stored as the server says them, also where it says that they are the key; so those two
    organizations are looked for in what is shown only.
    """
    probe = nasty_faults("")
    async with open_world(Fleet(len(probe) + 1, 3)) as world:
        keys = world.fleet.api_keys
        for organization in list(world.fleet)[: len(probe)]:
            number = list(world.fleet).index(organization)
            organization.faults = [nasty_faults(organization.key)[number]]
        told_by_the_server = list(keys.values())[8:10]
        (world.folder / "sitecustomize.py").write_text(EVERYTHING_LOGS)
        async with started(
            world,
            "sync",
            variables={
                "PYTHONPATH": f"{world.folder}:{ROOT}",
                "PYTHONASYNCIODEBUG": "1",
                "PYTHONDEVMODE": "1",
            },
            LOG_LEVEL="debug",
            REQUEST_TIMEOUT_SECONDS=2,
        ) as process:
            result = await finished(process)
        stored = await world.everything_stored()
    assert result.exit_code == 3
    assert "Executing <" in result.stderr, "the libraries do log"
    shown = result.stdout + result.stderr
    for key in keys.values():
        secret = {form for form in forms(key) if form.lower() in shown.lower()}
        assert secret == set()
        if key not in told_by_the_server:
            assert {form for form in forms(key) if form.lower() in stored.lower()} == set()
    planted = next(iter(keys.values()))
    for form in forms(planted):
        assert form.lower() in f"{shown}{form}".lower(), "the scan finds what is there"
    assert re.findall("never (?:retrieved|awaited)|was destroyed", shown) == []


@asynccontextmanager
async def digesting() -> AsyncIterator[str]:
    """The base URL of a server whose answers name the digest of the key, after being difficult."""
    chance = random.Random(6)  # noqa: S311 - repeatable

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                (key,) = re.findall(rb"Authorization: Bearer (\S+)", head)
                body = json.dumps({"data": [hashlib.sha256(key).hexdigest()] * 20}).encode()
                answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: key=%b\r\nContent-Length: %d\r\n\r\n"
                writer.write(answer % (key, len(body)) + body[:300])
                trouble = chance.random()
                if trouble < 0.05:
                    break
                if trouble < 0.10:
                    await asyncio.sleep(0.12)  # longer than is waited for
                writer.write(body[300:])
                await writer.drain()
                if trouble > 0.95:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield "http://localhost:{1}".format(*server.sockets[0].getsockname())


async def test_no_answer_ever_reaches_another_key() -> None:
    """Threat S6, trap T6: 3,000 requests of 60 keys over 12 connections that are cut, closed and
    abandoned in the middle of an answer.
    """
    keys = [f"face0000-0000-4000-8000-{number:012x}" for number in range(60)]
    answered = failed = 0

    async def ask(base_url: str, key: str, times: int) -> None:
        nonlocal answered, failed
        digest = hashlib.sha256(key.encode()).hexdigest()
        for _ in range(times):
            try:
                response = await send(
                    session,
                    yarl.URL(f"{base_url}/api/connections"),
                    lambda: {"Authorization": f"Bearer {key}"},
                    timeout_seconds=0.1,
                    max_bytes=10_000,
                )
            except ScopeError:
                failed += 1
            else:
                answered += 1
                assert set(json.loads(response.body)["data"]) == {digest}

    async with digesting() as base_url, make_session(12) as session:
        gate = asyncio.Semaphore(12)

        async def one(key: str) -> None:
            async with gate:
                await ask(base_url, key, 50)

        await asyncio.gather(*map(one, keys))
    assert answered + failed == 3000
    assert failed > 100, "it was difficult"
    assert answered > 2000


async def test_an_answer_that_attacks_costs_its_organization_and_nobody_else(
    open_world: OpenWorld,
) -> None:
    """Threat S7: bombs, pages without end, depth, markup and SQL, all at once."""
    attacks = {
        "bomb": Fault(bomb_bytes=64 << 20),
        "pages": Fault(next_page="endless", body={"data": []}),
        "depth": Fault(body="[" * 50_000 + "]" * 50_000),
        "markup": Fault(body={"data": [{"id": "<script>", "name": "'; drop table x; --"}]}),
    }
    async with open_world(Fleet(names=[*attacks, "good"], connections=2)) as world:
        for name, fault in attacks.items():
            fault.path = "/api/connections"
            world.fleet[name].faults = [fault]
        ran = await world.sync()
        assert ran.outcomes == {
            "bomb": "too_large",
            "pages": "bad_payload",
            "depth": "bad_payload",
            "markup": "complete",
            "good": "complete",
        }


HIJACK = """
create schema evil;
create function evil.refuse() returns boolean language plpgsql as
    $$ begin raise exception 'hijacked'; end $$;
create function evil.lower(text) returns text language sql as 'select evil.refuse()::text';
create function evil.now() returns timestamptz language sql as
    'select case when evil.refuse() then null::timestamptz end';
create function evil.md5(text) returns text language sql as 'select evil.refuse()::text';
create function evil.to_jsonb(anyelement) returns jsonb language sql as
    'select case when evil.refuse() then null::jsonb end';
create table evil.connections (stolen text);
create table evil.runs (stolen text);
"""


async def test_a_hijacked_search_path_reaches_neither_migrations_nor_runs(
    open_world: OpenWorld, empty_database_url: str
) -> None:
    """Threat S11: the database puts somebody's functions before those of Postgres."""
    owner = await asyncpg.connect(empty_database_url)
    await owner.execute(HIJACK)
    name = await owner.fetchval("select current_database()")
    await owner.execute(f'alter database "{name}" set search_path = evil, pg_catalog, public')
    await owner.close()
    victim = await asyncpg.connect(empty_database_url)
    with pytest.raises(asyncpg.RaiseError, match="hijacked"):
        await victim.fetch("select lower('A')")
    await migrate(empty_database_url)
    async with open_world(Fleet(2, 3)) as world:
        world.database_url = empty_database_url
        assert (await world.sync()).exit_code == 0
        world.fleet["acme-01"].connections.pop()
        world.fleet["acme-02"].connections[0]["name"] = "renamed"
        assert (await world.sync()).exit_code == 0
    for view in ("connections", "organizations", "runs", "connection_changes"):
        assert await victim.fetch(f"select * from reporting.{view}")  # noqa: S608 - names of ours
    assert await victim.fetchval("select count(*) from evil.connections") == 0
    await victim.close()


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As make runs it; where the environment has none (uv's), the one that Python brings along."""
    (wheel,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    installed = importlib.util.find_spec("pip") is not None
    start = ("-m", "pip") if installed else (f"{wheel}/pip",)
    return subprocess.run(
        [sys.executable, *start, "--disable-pip-version-check", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_package_with_one_other_digit_in_its_hash_is_refused(tmp_path: Path) -> None:
    """Threat S12: with the options that make and the image install with; the right one passes."""
    wheel = _wheel(tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    flipped = ("1" if digest[0] == "0" else "0") + digest[1:]
    options = ("--no-index", f"--find-links={tmp_path}", "--only-binary", ":all:", "--no-deps")
    codes = []
    for name, each in {"right": digest, "flipped": flipped}.items():
        pins = tmp_path / f"{name}.txt"
        pins.write_text(f"victim==1.0 --hash=sha256:{each}\n")
        done = pip(
            *("install", "--require-hashes", *options, "--target", str(tmp_path / name)),
            *("--requirement", str(pins)),
        )
        codes.append(done.returncode)
    assert codes == [0, 1]
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert "--require-hashes" in (ROOT / "Makefile").read_text()
    assert "--only-binary :all: --require-hashes" in (ROOT / "Dockerfile").read_text()


def _wheel(folder: Path) -> Path:
    """A package that is nothing but its name."""
    import zipfile  # noqa: PLC0415 - only here

    path = folder / "victim-1.0-py3-none-any.whl"
    info = "victim-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("victim.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: victim\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"victim.py,,\n{info}/METADATA,,\n{info}/RECORD,,\n")
    return path


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_no_version_is_pinned_that_is_known_to_be_open_to_bombs(name: str) -> None:
    """Threat S13: CVE-2025-69223 ends with aiohttp 3.13.3."""
    (version,) = re.findall(r"^aiohttp==([0-9.]+)", (ROOT / name).read_text(), re.MULTILINE)
    assert tuple(map(int, version.split("."))) >= (3, 13, 3)


def test_nothing_claims_to_audit_what_it_cannot() -> None:
    """Trap T17, threat S13: without its data an audit finds nothing and passes. None is run; who
    adds one adds the package that must be found.
    """
    for name in ("Makefile", ".ci/run", "Dockerfile", "pyproject.toml"):
        assert "audit" not in (ROOT / name).read_text()


def test_no_tracked_file_holds_what_looks_like_a_key() -> None:
    """Threat S14, trap T16: the rule knows that a Polytomic key is a UUID."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(files) > 100
    found = {}
    for file in files:
        text = file.read_text(errors="replace") if file.is_file() else ""
        if hits := looks_like_keys(text):
            found[str(file.relative_to(ROOT))] = hits
    assert found == {}


PLANTED = [
    "Authorization: Bearer {0}",
    'api_key = "{0}"',
    "API_KEYS__ACME={0}",
    "acme,{0},token",
    '{{"apiKey": "{0}"}}',
    "token: {0}",
]


@pytest.mark.parametrize("line", PLANTED)
def test_a_planted_key_is_found(line: str) -> None:
    """Threat S14, trap T16: the control of the scan of files."""
    key = "7c9e6679-7425-40de-944b-" + "e07fc1f90ae7"
    assert looks_like_keys(line.format(key)) == [key]
    assert looks_like_keys(line.format("face0000-0000-4000-8000-000000000001")) == []


def test_a_container_has_no_more_rights_than_it_needs() -> None:
    """Threat S15: as the image and the compose file say; test_process runs it so."""
    image = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9][0-9]*:[1-9][0-9]*$", image, re.MULTILINE)
    compose = (ROOT / "docker-compose.yml").read_text()
    for line in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"):
        assert line in compose


async def test_a_new_field_with_a_secret_is_masked(open_world: OpenWorld) -> None:
    """Threat S4, in a run: a canary under names that nobody vouched for."""
    async with open_world(Fleet(1, 3)) as world:
        for number, connection in enumerate(world.fleet["acme-01"].connections):
            connection["configuration"] = {f"brand_new_{number}": CANARY, "auth": {"x": CANARY}}
            connection[f"unknown_{number}"] = {"deep": [CANARY]}
        assert (await world.sync()).exit_code == 0
        assert CANARY not in await world.everything_stored()
