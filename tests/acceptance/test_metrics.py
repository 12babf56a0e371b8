"""What Prometheus finds after a run: what the run came to, however it ended."""

from __future__ import annotations

import asyncio
import signal
import stat
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from aggregator.push import PushError, push
from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World, until
from tests.simulator import Fault, Fleet

Series = dict[str, float]


def parsed(text: str) -> Series:
    """Values by name and labels, such as ``aggregator_run_status{status=complete}``."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def told(world: World) -> Series:
    return parsed((world.folder / "aggregator.prom").read_text())


FILE = ("--metrics-file", "aggregator.prom")


async def test_a_complete_run_is_told(world: World) -> None:
    result = await world.sync(*FILE)
    found = told(world)
    assert result.exit_code == 0
    assert found["aggregator_run_exit_code"] == 0
    assert found["aggregator_run_status{status=complete}"] == 1
    assert found["aggregator_run_status{status=failed}"] == 0
    assert found["aggregator_run_requests"] == result.document["requests"]
    assert found["aggregator_run_retries"] == 0
    assert found["aggregator_run_outcomes{outcome=complete}"] == 3
    assert found["aggregator_run_outcomes{outcome=unauthorized}"] == 0
    assert found["aggregator_run_organizations{result=complete}"] == 3
    assert found["aggregator_run_rows{change=created,resource=connections}"] == 12
    assert found["aggregator_organizations{status=complete}"] == 3
    assert found["aggregator_organizations_never_complete"] == 0
    assert sum(v for k, v in found.items() if k.startswith("aggregator_connections")) == 12
    assert found["aggregator_withheld_rows{resource=connections}"] == 0
    assert found["aggregator_run_limit_wait_seconds"] >= 0
    assert found["aggregator_run_duration_seconds"] == result.document["duration_seconds"]
    now = time.time()
    for name in ("run_finished", "last_complete_run", "oldest_organization"):
        assert now - 60 < found[f"aggregator_{name}_timestamp_seconds"] <= now
    assert (
        found["aggregator_run_finished_timestamp_seconds"]
        - found["aggregator_run_started_timestamp_seconds"]
    ) == pytest.approx(found["aggregator_run_duration_seconds"], abs=0.001)
    assert not [name for name in found if "_created" in name]


async def test_the_file_is_for_another_user_and_nothing_else_is_left(world: World) -> None:
    await world.sync(METRICS_FILE=str(world.folder / "aggregator.prom"))
    assert [path.name for path in world.folder.iterdir()] == ["aggregator.prom"]
    mode = (world.folder / "aggregator.prom").stat().st_mode
    assert stat.S_IMODE(mode) == 0o644


async def test_a_failing_run_takes_the_place_of_a_success(world: World) -> None:
    """Exit 4: yesterday's success must not be told as today's; when it was is still told."""
    await world.sync(*FILE)
    before = told(world)
    world.fleet.faults = [Fault(status=401)]
    result = await world.sync(*FILE)
    found = told(world)
    assert result.exit_code == found["aggregator_run_exit_code"] == 4
    assert found["aggregator_run_status{status=failed}"] == 1
    assert found["aggregator_run_outcomes{outcome=unauthorized}"] == 3
    assert found["aggregator_organizations{status=stale}"] == 3
    for name in ("last_complete_run", "oldest_organization"):
        metric = f"aggregator_{name}_timestamp_seconds"
        assert found[metric] == before[metric] < found["aggregator_run_started_timestamp_seconds"]


async def test_an_unreachable_database_is_told_and_what_it_knows_is_left_out(
    world: World,
) -> None:
    """Exit 1: not as zeros."""
    await world.sync(*FILE)
    result = await world.sync(*FILE, DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    found = told(world)
    assert result.exit_code == found["aggregator_run_exit_code"] == 1
    assert found["aggregator_run_status{status=failed}"] == 1
    assert not [name for name in found if "organizations" in name or "connections" in name]


async def test_a_run_that_a_signal_stops_is_told(new_world: NewWorld) -> None:
    world = await new_world(Fleet(3, 4))
    world.fleet.faults = [Fault(latency=30)]
    async with world.started("sync", "--json", *FILE) as process:
        await until(lambda: _asked(world))
        result, _ = await world.stopped(process, signal.SIGTERM)
    assert result.exit_code == told(world)["aggregator_run_exit_code"] == 143
    assert told(world)["aggregator_run_status{status=cancelled}"] == 1


async def _asked(world: World) -> bool:
    return bool(world.simulator.observed.requests())


async def test_a_run_that_never_began_leaves_what_was_told(world: World) -> None:
    """Exits 2 and 6: the times show how old it is."""
    await world.sync(*FILE)
    before = (world.folder / "aggregator.prom").read_bytes()
    assert (await world.sync(*FILE, "--organization", "nobody")).exit_code == 2
    assert (await world.sync(*FILE, "--plan")).exit_code == 0
    async with world.connection() as connection, connection.transaction():
        await connection.execute("select from ledger.run_lock for update")
        assert (await world.sync(*FILE)).exit_code == 6
    assert (world.folder / "aggregator.prom").read_bytes() == before


@pytest.mark.parametrize("path", ["no/such/folder/aggregator.prom", "-", "x" * 256 + "/metrics"])
async def test_a_file_that_cannot_be_is_exit_2_before_anything_is_asked(
    world: World, path: str
) -> None:
    result = await world.sync("--metrics-file", path)
    assert result.failed_with(2)
    assert world.simulator.observed.requests() == []


async def test_a_file_that_cannot_be_written_in_the_end_changes_no_exit_code(
    world: World,
) -> None:
    """Fault I8: neither where it is a folder, nor where its path cannot be looked at."""
    (world.folder / "aggregator.prom").mkdir()
    for arguments in (FILE, ("--metrics-file", "x" * 256)):
        result = await world.sync(*arguments)
        assert result.exit_code == 0, result.stderr
        assert "metrics.not_written" in result.stderr


async def test_names_of_organizations_are_labels_only_on_request(world: World) -> None:
    """Fault I5."""
    await world.sync(*FILE)
    assert "acme" not in (world.folder / "aggregator.prom").read_text()
    await world.sync(*FILE, METRICS_ORGANIZATION_LABELS="true")
    found = told(world)
    assert found["aggregator_organization_is_complete{organization=acme-01}"] == 1
    assert found["aggregator_organization_connections{organization=acme-03}"] == 4
    assert found["aggregator_organizations_are_cut"] == 0


@dataclass
class Gateway:
    """A Pushgateway as far as a push goes; it answers with ``status``, or never."""

    status: int | None = 202
    url: str = ""
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.seen.append((request.path, text, request.headers.get("Authorization")))
        if self.status is None:
            await asyncio.Event().wait()
        location = {"Location": "http://127.0.0.1:9/"}
        return web.Response(status=self.status or 200, headers=location)


@asynccontextmanager
async def gateway(status: int | None = 202) -> AsyncIterator[Gateway]:
    made = Gateway(status)
    application = web.Application()
    application.router.add_route("PUT", "/{path:.*}", made.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    made.url = f"http://{host}:{port}"
    try:
        yield made
    finally:
        await runner.cleanup()


async def test_the_gateway_gets_what_the_file_gets(world: World) -> None:
    async with gateway() as made:
        result = await world.sync(*FILE, PUSHGATEWAY_URL=made.url)
    [(path, text, authorization)] = made.seen
    assert (result.exit_code, path, authorization) == (0, "/metrics/job/aggregator", None)
    assert text == (world.folder / "aggregator.prom").read_text()


async def test_the_password_of_a_gateway_reaches_it_and_nobody_else(world: World) -> None:
    """Threat S1: not in logs, whether it works or not."""
    secret = "p%40ssw%2Frd"
    async with gateway() as made:
        url = made.url.replace("http://", f"http://me:{secret}@") + "/push/"
        result = await world.sync(PUSHGATEWAY_URL=url, LOG_LEVEL="debug")
        made.status = 401
        refused = await world.sync(PUSHGATEWAY_URL=url, LOG_LEVEL="debug")
    unreachable = await world.sync(PUSHGATEWAY_URL=url, LOG_LEVEL="debug")
    assert made.seen[0][0] == "/push/metrics/job/aggregator"
    assert made.seen[0][2] == "Basic bWU6cEBzc3cvcmQ="
    for each in (result, refused, unreachable):
        assert each.exit_code == 0
        assert secret not in each.stderr
        assert "p@ssw/rd" not in each.stderr
    assert "metrics.not_pushed" not in result.stderr
    assert 'metrics.not_pushed error="the gateway answered 401"' in refused.stderr
    assert "metrics.not_pushed" in unreachable.stderr


async def test_what_went_wrong_at_a_gateway_is_told_without_its_address() -> None:
    """Threat S1, trap T1: by itself, before any log masks it; nor is it in what came before."""
    secret = "an-obvious-" + "fake"  # a traceback has this line
    for address in ("127.0.0.1:1", "127.0.0.1:1/%00", "a..b"):
        with pytest.raises(PushError) as caught:
            await push(f"http://me:{secret}@{address}", b"")
        assert secret not in "".join(traceback.format_exception(caught.value))
        assert address not in str(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize("status", [307, 400, 500])
async def test_a_gateway_that_refuses_changes_no_exit_code(world: World, status: int) -> None:
    """Fault I8."""
    async with gateway(status) as made:
        result = await world.sync(PUSHGATEWAY_URL=made.url)
    assert result.exit_code == 0
    assert f"the gateway answered {status}" in result.stderr
    assert len(made.seen) == 1


async def test_a_gateway_that_hangs_holds_a_run_up_for_five_seconds(world: World) -> None:
    """Fault I8: and the file is written before it."""
    async with gateway(None) as made:
        began = time.monotonic()
        result = await world.sync(*FILE, PUSHGATEWAY_URL=made.url)
        seconds = time.monotonic() - began
    assert result.exit_code == told(world)["aggregator_run_exit_code"] == 0
    assert "did not answer in 5 seconds" in result.stderr
    assert seconds < 5 + 10, "the run itself, on a busy machine"


async def test_without_the_library_it_is_exit_2_with_the_remedy(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('not installed')")
    result = await world.sync(*FILE)
    assert result.failed_with(2)
    assert "pip install 'polytomic-inventory-aggregator[metrics]'" in result.stderr
