"""Faults H5, H6, H9, H10, H12 to H15: memory, full disks, stalls, reruns, odd surroundings."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.world import until
from tests.command import ROOT, finished
from tests.faults.conftest import OpenWorld
from tests.faults.front import front, listener
from tests.faults.namespace import namespace
from tests.faults.outside import needs_root, run, started
from tests.faults.world import World
from tests.simulator import Fault, Fleet

FULL = "/dev/full"
MEBIBYTES = 1 << 20


async def run_in_shell(world: World, line: str, **settings: object) -> tuple[int, str, str]:
    """``line`` for sh, in which ``$it`` is the command: exit code, standard output and error."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", line),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=world.folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "it": f"{sys.executable} -m aggregator",
            **world.environment(**settings),
        },
    )
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()


def proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


async def last_run(world: World) -> tuple[str, int]:
    (row,) = await world.query(
        "select status, exit_code from reporting.runs order by started_at desc limit 1"
    )
    return row["status"], row["exit_code"]


@pytest.mark.parametrize(
    "redirections",
    ["--json >/dev/full", ">/dev/full", "--json 2>/dev/full", ">/dev/full 2>&1", ">&- 2>&-"],
)
async def test_a_full_disk_for_output_changes_nothing_of_a_run(
    open_world: OpenWorld, redirections: str
) -> None:
    """Fault H6: the result is in the database, and the exit code is that of the run."""
    async with open_world(Fleet(3, 2)) as world:
        world.fleet["acme-02"].faults = [Fault(status=403)]
        code, stdout, stderr = await run_in_shell(world, f"$it sync {redirections}")
        assert code == 3
        assert await last_run(world) == ("partial", 3)
        assert len(await world.query("select 1 from reporting.connections")) == 4
        assert "Traceback" not in stdout + stderr
        assert "Exception ignored" not in stderr
        if redirections in {"--json >/dev/full", ">/dev/full"}:
            assert "standard output: No space left on device" in stderr


@pytest.mark.parametrize(
    "command",
    [
        *("status", "status --json", "check", "sync --plan", "grant --list"),
        "sync >/dev/null; $it explain {id}",
    ],
)
async def test_a_command_that_only_tells_fails_where_it_cannot(
    open_world: OpenWorld, command: str
) -> None:
    """Fault H6."""
    async with open_world(Fleet(1, 1)) as world:
        line = command.format(id=world.fleet["acme-01"].connections[0]["id"])
        code, _, stderr = await run_in_shell(world, f"$it {line} >{FULL}")
        assert code == 1
        assert stderr.endswith("aggregator: standard output: No space left on device\n")


async def test_a_reader_that_leaves_is_no_error_of_the_run(open_world: OpenWorld) -> None:
    """Fault H6: ``sync | head -c 0``, told by a file because a pipe hides the exit code."""
    async with open_world(Fleet(1, 1)) as world:
        line = "{ $it sync --json; echo $? >code; } | true"
        _, _, stderr = await run_in_shell(world, line, LOG_LEVEL="error")
        assert (world.folder / "code").read_text() == "0\n"
        assert stderr == ""


async def test_a_run_stays_far_below_its_memory_whatever_is_sent(open_world: OpenWorld) -> None:
    """Fault H5: bombs, large lists and endless pages at once, under a limit of the kernel.

    The limit is of address space, of which a process maps more than it uses; see ``benchmarks`` for
    the memory of large fleets.
    """
    async with open_world(Fleet(24, 20)) as world:
        names = list(world.keys)
        for name in names[:8]:
            world.fleet[name].faults = [Fault(path="/api/connections", bomb_bytes=256 << 20)]
        for name in names[8:12]:
            world.fleet[name].faults = [Fault(path="/api/connections", body=_large_list())]
        for name in names[12:16]:
            world.fleet[name].faults = [Fault(path="/api/connections", next_page="endless")]
        async with started(
            world,
            *("sync", "--json"),
            wrapper=("prlimit", f"--as={1536 * MEBIBYTES}"),
            MAX_ATTEMPTS=1,
            RUN_DEADLINE_SECONDS=10,
        ) as process:
            result = await finished(process, 40)
        rows = await world.query("select organization, outcome from reporting.run_organizations")
        outcomes = {row["organization"]: row["outcome"] for row in rows}
        assert result.exit_code == 3
        assert {outcomes[name] for name in names[:8]} == {"too_large"}
        assert {outcomes[name] for name in names[8:12]} == {"complete"}
        assert {outcomes[name] for name in names[12:16]} <= {"bad_payload", "too_large", "deferred"}
        assert {outcomes[name] for name in names[16:]} == {"complete"}
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        assert used < 512, "MiB, the most that any command of this test process took"


def _large_list() -> bytes:
    record = b'{"id":"%d","name":"' + b"x" * 2000 + b'"}'
    return b'{"data":[' + b",".join(record % n for n in range(2000)) + b"]}"


@pytest.mark.parametrize("seconds", [3.0], ids=["longer than an attempt may take"])
async def test_a_process_that_was_frozen_hears_the_answers_that_came_meanwhile(
    open_world: OpenWorld, seconds: float
) -> None:
    """Faults H9 and H10: nobody is blamed, nothing is sent again, and deadlines are monotonic."""
    async with open_world(Fleet(6, 2)) as world:
        world.fleet.faults = [Fault(path="/api/connections", latency=1.0)]

        async def listing() -> bool:
            requests = world.simulator.observed.requests()
            return sum(each.path == "/api/connections" for each in requests) == 6

        async with started(world, "sync", "--json", REQUEST_TIMEOUT_SECONDS=2) as process:
            await until(listing)
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            process.send_signal(signal.SIGCONT)
            result = await finished(process)
        assert result.exit_code == 0
        assert (result.document["requests"], result.document["retries"]) == (12, 0)


async def test_the_loop_leaves_nothing_unheard(open_world: OpenWorld) -> None:
    """Fault H12: in development mode, with faults of every kind, no task and no error is lost."""
    faults = [
        Fault(cut_after=30),
        Fault(latency=5),
        Fault(status=500),
        Fault(gzip="corrupt"),
        Fault(byte_interval=0.2),
        Fault(close=True),
        Fault(body={"data": [{}]}),
        Fault(status=401),
    ]
    async with open_world(Fleet(len(faults) + 2, 3)) as world:
        for organization, fault in zip(world.fleet, faults, strict=False):
            organization.faults = [fault]
        async with started(
            world,
            *("sync", "--json"),
            variables={"PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1"},
            REQUEST_TIMEOUT_SECONDS=1,
            LOG_LEVEL="debug",
        ) as process:
            result = await finished(process)
    assert result.exit_code == 3
    lost = r"never (retrieved|awaited)|was destroyed|Exception ignored|ResourceWarning|Traceback"
    assert re.findall(lost, result.stderr) == []


async def test_a_day_without_a_run_shows_as_age(open_world: OpenWorld) -> None:
    """Fault H13: the job that did not start leaves everything readable, and visibly old."""
    async with open_world(Fleet(2, 2)) as world:
        await world.sync()
        await world.query(
            "update ledger.scopes set last_read_at = last_read_at - interval '30 hours',"
            " last_complete_at = last_complete_at - interval '30 hours'"
        )
        result = await run(world, "status", "--json")
        assert result.exit_code == 0
        for row in result.document["organizations"]:
            assert timedelta(seconds=row["age_seconds"]) >= timedelta(hours=30)
        rows = await world.query(
            "select min(now() - last_complete_at) as age from reporting.organizations"
        )
        assert rows[0]["age"] >= timedelta(hours=30)
        assert len(await world.query("select 1 from reporting.connections")) == 4


def test_the_documented_schedule_neither_overlaps_nor_catches_up_for_ever() -> None:
    """Faults H13 and F8."""
    text = (ROOT / "docs/operations.md").read_text()
    (cron_job,) = re.findall(r"```yaml\n(.*?kind: CronJob.*?)```", text, re.DOTALL)
    assert "concurrencyPolicy: Forbid" in cron_job
    assert re.search(r"startingDeadlineSeconds: \d+", cron_job)
    assert "backoffLimit: 0" in cron_job


async def test_a_rerun_begins_with_those_that_are_missing_and_costs_the_others_one_request(
    open_world: OpenWorld,
) -> None:
    """Fault H14: repeated until it is whole, a run converges; nothing is read twice for it."""
    async with open_world(Fleet(12, 3)) as world:
        broken = [f"acme-{number:02d}" for number in (2, 5, 9)]
        for name in broken:
            world.fleet[name].faults = [Fault(path="/api/connections", status=503)]
        assert (await world.sync(MAX_ATTEMPTS=1)).exit_code == 3
        for name in broken:
            world.fleet[name].faults = []
        world.simulator.observed.reset()
        second = await world.sync(MAX_CONCURRENCY=1)
        assert second.exit_code == 0
        asked = [request.organization for request in world.simulator.observed.requests()]
        assert set(asked[: len(broken)]) == set(broken), "the stalest come first"
        assert [asked.count(name) for name in world.keys if name not in broken] == [1] * 9
        third = await world.sync()
        assert (third.exit_code, third.account["requests"]) == (0, 12)
        assert third.account["resources"]["connections"]["unchanged"] == 36


NOWHERE = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


async def test_without_a_home_and_with_an_ascii_locale_names_are_still_shown(
    open_world: OpenWorld,
) -> None:
    """Fault H15: what the locale cannot say is escaped; JSON and the database have it as it is."""
    async with open_world(Fleet(1, 2)) as world:
        world.fleet["acme-01"].connections[0]["name"] = "Zürich 北京"
        world.fleet["acme-01"].identity = {"organization_name": "Zürich 北京"}
        for command in ("sync", "status", "check"):
            result = await run(
                world, command, wrapper=("env", "--unset=HOME", "--unset=TERM"), variables=NOWHERE
            )
            assert result.exit_code == 0, result.stderr
        assert r"Z\xfcrich \u5317\u4eac" in result.stdout
        rows = await world.query("select name from reporting.connections")
        assert "Zürich 北京" in {row["name"] for row in rows}


@needs_root("ip", "nft", "unshare", "setpriv")
async def test_it_runs_as_nobody_without_rights_on_a_disk_it_cannot_write(
    open_world: OpenWorld,
) -> None:
    """Fault H15, threat S15: a user nobody knows, no capability, no new privileges, a read-only
    root, and a network in which packets get to the host and nowhere else.
    """
    ours = "meta oif lo tcp dport 7001 accept", "meta oif lo tcp sport 7001 accept"
    read_only = 'mount -o remount,bind,ro / && exec "$@"'
    confined = (
        *("unshare", "--mount", "sh", "-c", read_only, "sh"),
        *("unshare", "--user", "--map-user=54321", "--map-group=54321"),
        *("setpriv", "--no-new-privs", "env", "--unset=HOME"),
    )
    with namespace() as inside:
        inside.filter(*ours, "counter drop")
        sock = inside.make(lambda: listener("127.0.0.1", 7001))
        async with open_world(Fleet(3, 2)) as world, front(world.simulator.base_url, sock):
            world.fleet["acme-03"].faults = [Fault(latency=2)]
            async with started(
                world,
                *("sync", "--json"),
                wrapper=(*inside.wrapper, *confined),
                variables={"PYTHONDONTWRITEBYTECODE": "1"},
                BASE_URL="http://127.0.0.1:7001",
            ) as process:

                async def asked() -> bool:
                    return bool(world.simulator.observed.requests())

                await until(asked)
                status = proc(process.pid, "status")
                result = await finished(process)
        assert result.exit_code == 0, result.stderr
        assert result.document["organizations"]["complete"] == 3
        assert re.search(r"CapEff:\s+0{16}\n", status)
        assert "NoNewPrivs:\t1" in status
        assert inside.counted() == [0], "it sent nothing to anybody else"


def test_other_pythons_are_refused_or_run() -> None:
    """Fault H15: an interpreter that is too old is told so by the packaging, and by make."""
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
    make = (ROOT / "Makefile").read_text()
    assert "sys.version_info < (3, 11)" in make
    for flags in (["-O"], ["-OO"], ["-I", "-X", "utf8=0"]):
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[1:] = ['--version']"
        done = subprocess.run(
            [sys.executable, *flags, "-c", f"{code}; from aggregator.cli import main; main()"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.stdout.startswith("aggregator "), done.stderr


async def test_a_crash_leaves_no_core_file(open_world: OpenWorld) -> None:
    """Threat S2: aborted in the middle of a run that was allowed to leave a core file."""
    async with open_world(Fleet(1, 1)) as world:
        world.fleet.faults = [Fault(latency=30)]

        async def asked() -> bool:
            return bool(world.simulator.observed.requests())

        async with started(
            world, "sync", wrapper=("prlimit", "--core=unlimited:unlimited")
        ) as process:
            await until(asked)
            limits = proc(process.pid, "limits")
            process.send_signal(signal.SIGABRT)
            await process.communicate()
        assert process.returncode == -signal.SIGABRT
        assert re.search(r"Max core file size +0 +0 ", limits)
        assert [*world.folder.glob("core*")] == []


def test_no_crash_handler_and_no_neighbor_may_look_into_the_process() -> None:
    """Threat S2: a core that is piped to a program obeys no limit of size, only this flag."""
    dumpable = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    code = f"from aggregator import process; process.forbid_core_dumps(); {dumpable}"
    printed = [
        subprocess.run([sys.executable, "-c", each], check=True, capture_output=True).stdout
        for each in (dumpable, code)
    ]
    assert printed == [b"1\n", b"0\n"]
