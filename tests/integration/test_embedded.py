from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aggregator import embedded
from aggregator.errors import RunError
from tests.command import ROOT
from tests.databases import server_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Not ``tmp_path``: that is too long for a socket and closed to other users."""
    folder = server_folder("embedded_")
    yield folder / "data"
    for used in {
        path.parent.parent for path in folder.rglob("PG_VERSION") if path.parent.name == "data"
    }:
        embedded.stop(used.parent)
    shutil.rmtree(folder)


def start(data_dir: Path) -> embedded.Server:
    return embedded.start(data_dir, durable=False)


async def fetch(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def remember(dsn: str) -> None:
    await fetch(dsn, "create table remembered as select 'still here' as word")
    await fetch(dsn, "checkpoint")


async def recall(dsn: str) -> object:
    return await fetch(dsn, "select word from remembered")


def command(action: str, data_dir: Path) -> list[str]:
    return [sys.executable, "-m", "aggregator.embedded", action, str(data_dir)]


def run(arguments: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PGHOST": "nowhere.invalid"}
    return subprocess.run(
        arguments, input=stdin, env=environment, capture_output=True, text=True, check=False
    )


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres/data/postmaster.pid").read_text().split()[0])


def children(pid: int) -> list[int]:
    listed = run(["ps", "-o", "pid=", "--ppid", str(pid)]).stdout
    return [int(word) for word in listed.split()]


def password(data_dir: Path) -> str:
    return (data_dir / "postgres/pgpass").read_text().strip().rpartition(":")[2]


async def test_a_first_start_gives_a_server_that_answers_over_socket_and_tcp(
    data_dir: Path,
) -> None:
    server = start(data_dir)

    assert server.started
    assert server.data_dir == data_dir
    assert server.version.startswith("18.")
    assert "127.0.0.1" not in server.dsn
    assert await fetch(server.dsn, "select current_user") == "aggregator"
    assert await fetch(server.tcp_url, "select inet_server_addr()::text") == "127.0.0.1/32"
    assert await fetch(server.dsn, "show timezone") == "UTC"
    assert await fetch(server.dsn, "show server_encoding") == "UTF8"
    assert embedded.status(data_dir) == start(data_dir)
    assert not start(data_dir).started


async def test_tcp_refuses_whoever_does_not_know_the_password(data_dir: Path) -> None:
    address = start(data_dir).tcp_url.partition("?")[0]

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(address, password="guessed")


async def test_data_and_port_survive_a_restart(data_dir: Path) -> None:
    first = embedded.start(data_dir)
    await remember(first.dsn)

    assert embedded.stop(data_dir)
    assert embedded.status(data_dir) is None
    assert not embedded.stop(data_dir)

    second = embedded.start(data_dir)
    assert second == first
    assert await recall(second.dsn) == "still here"
    assert await fetch(second.dsn, "show fsync") == "on"


async def test_the_server_starts_at_once_after_its_main_process_was_killed(data_dir: Path) -> None:
    """Its children still hold the shared memory for a moment, one of them in a query."""
    first = start(data_dir)
    await remember(first.dsn)
    busy = await asyncpg.connect(first.dsn)
    query = asyncio.create_task(busy.execute("select pg_sleep(30)"))
    while not await fetch(
        first.dsn, "select count(*) from pg_stat_activity where query ~ 'p[g]_s'"
    ):
        pass
    os.kill(postmaster(data_dir), signal.SIGKILL)

    second = await asyncio.to_thread(start, data_dir)

    assert second.started
    assert second.dsn == first.dsn
    assert await recall(second.dsn) == "still here"
    with pytest.raises((asyncpg.PostgresError, ConnectionError)):
        await query
    busy.terminate()


async def test_the_server_starts_at_once_after_every_process_was_killed(data_dir: Path) -> None:
    first = start(data_dir)
    await remember(first.dsn)
    main = postmaster(data_dir)
    for pid in [main, *children(main)]:
        os.kill(pid, signal.SIGKILL)

    second = start(data_dir)

    assert second == first
    assert await recall(second.dsn) == "still here"


def test_four_starts_at_once_give_one_server(data_dir: Path) -> None:
    starts = [
        subprocess.Popen(
            command("start", data_dir), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    answers = {(process.communicate(timeout=30), process.returncode) for process in starts}

    server = embedded.status(data_dir)
    assert server is not None
    assert answers == {((f"{server.tcp_url}\n".encode(), b""), 0)}
    assert (data_dir / "postgres/log").read_text().count("ready to accept connections") == 1


def test_an_interrupted_creation_leaves_nothing_half_made(data_dir: Path) -> None:
    home = data_dir / "postgres"
    creation = subprocess.Popen(
        command("start", data_dir), cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL
    )
    while not list(home.glob("data.new.*/base")):
        assert creation.poll() is None
    os.killpg(creation.pid, signal.SIGKILL)
    creation.wait()
    assert not (home / "data").exists()

    assert start(data_dir).started
    assert not list(home.glob("*.new*"))


async def test_a_path_too_long_for_a_socket_falls_back_to_tcp(data_dir: Path) -> None:
    server = start(data_dir / ("long" * 20))

    assert server.dsn == server.tcp_url
    assert await fetch(server.dsn, "select inet_server_addr()::text") == "127.0.0.1/32"


@pytest.mark.parametrize("name", ["it's some ü&?% (folder);", "a, b"])
async def test_odd_characters_in_the_path_do_no_harm(data_dir: Path, name: str) -> None:
    server = start(data_dir.with_name(name))

    assert await fetch(server.dsn, "select 1") == 1
    assert await fetch(server.tcp_url, "select 1") == 1


def test_the_password_is_in_its_file_and_nowhere_else(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []
    original = subprocess.run

    def recording_run(arguments: list[str], **options: Any) -> Any:  # noqa: ANN401 passes on
        commands.append(f"{arguments} {options}")
        return original(arguments, **options)

    monkeypatch.setattr(subprocess, "run", recording_run)
    server = start(data_dir)
    monkeypatch.undo()
    shown = run(command("url", data_dir))
    home = data_dir / "postgres"

    assert len(password(data_dir)) >= 32
    assert any("initdb" in line for line in commands)
    everything = [*commands, repr(server), server.dsn, server.tcp_url, shown.stdout, shown.stderr]
    everything += [(home / "log").read_text(), run(["ps", "axww", "-o", "args"]).stdout]
    assert not [text for text in everything if password(data_dir) in text]
    assert stat.S_IMODE((home / "pgpass").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not list(home.glob("password*"))


async def test_the_log_does_not_repeat_the_values_of_a_refused_row(data_dir: Path) -> None:
    """Fault T12: Postgres repeats row values in DETAIL and the statement in its log."""
    dsn = start(data_dir).dsn
    await fetch(dsn, "create table picky (word text check (word <> 'hunter2'))")

    with pytest.raises(asyncpg.CheckViolationError):
        await fetch(dsn, "insert into picky values ('hunter2')")

    log = (data_dir / "postgres/log").read_text()
    assert "picky" in log
    assert "hunter2" not in log


async def test_a_port_that_someone_else_took_is_given_up(data_dir: Path) -> None:
    first = start(data_dir)
    embedded.stop(data_dir)
    port = int((data_dir / "postgres/port").read_text())

    with socket.create_server(("127.0.0.1", port)):
        second = start(data_dir)

    assert f":{port}/" in first.tcp_url
    assert f":{port}/" not in second.tcp_url
    assert await fetch(second.tcp_url, "select 1") == 1


def test_a_recycled_process_id_neither_blocks_nor_ends_the_other_program(data_dir: Path) -> None:
    start(data_dir)
    main = postmaster(data_dir)
    record = data_dir / "postgres/data/postmaster.pid"
    for pid in [main, *children(main)]:
        os.kill(pid, signal.SIGKILL)
    with subprocess.Popen(["sleep", "60"]) as other:
        record.write_text(record.read_text().replace(str(main), str(other.pid), 1))
        assert not embedded.stop(data_dir)
        record.write_text(f"{other.pid}\n")
        assert start(data_dir).started
        assert other.poll() is None
        other.kill()


@as_root
def test_it_works_as_a_user_who_is_not_root(data_dir: Path) -> None:
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if run([*namespace, "true"]).returncode:
        pytest.skip("user namespaces are refused here")

    started = run([*namespace, *command("start", data_dir)])

    assert started.stderr == ""
    assert run([*namespace, *command("psql", data_dir)], "select 6 * 7").stdout.split()[2] == "42"
    assert run([*namespace, *command("stop", data_dir)]).stdout == "stopped\n"


@pytest.fixture
def _no_user_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


@as_root
@pytest.mark.usefixtures("_no_user_namespaces")
async def test_root_without_user_namespaces_runs_it_as_nobody(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(data_dir)
    assert (data_dir / "postgres/data").owner() == "nobody"
    await remember(first.dsn)
    assert await recall(first.tcp_url) == "still here"
    embedded.stop(data_dir)

    monkeypatch.undo()
    assert start(data_dir) == first
    assert await recall(first.dsn) == "still here"


@as_root
@pytest.mark.usefixtures("_no_user_namespaces")
def test_a_folder_that_nobody_can_enter_is_named_with_a_remedy(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)

    with pytest.raises(RunError, match=rf"cannot enter {data_dir}.*AGGREGATOR_DATA_DIR"):
        start(data_dir)


def test_data_of_another_major_version_is_left_alone(data_dir: Path) -> None:
    cluster = data_dir / "postgres/data"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("17\n")

    with pytest.raises(RunError, match=r"Postgres 17, installed is 18.*AGGREGATOR_DATA_DIR"):
        start(data_dir)

    assert os.listdir(cluster) == ["PG_VERSION"]  # noqa: PTH208 names are compared
    shutil.rmtree(cluster)


def test_without_the_extra_both_remedies_are_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert not embedded.is_installed()
    assert embedded.status(data_dir) is None
    with pytest.raises(RunError, match=r"AGGREGATOR_DATABASE_URL.*`local`"):
        start(data_dir)


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(RunError, match="AGGREGATOR_DATA_DIR"):
        start(tmp_path / "file")


def test_people_start_query_and_stop_it_from_the_shell(data_dir: Path) -> None:
    started = run(command("start", data_dir))

    assert started.stdout.startswith("postgresql://aggregator@127.0.0.1:")
    assert run(command("url", data_dir)).stdout == started.stdout
    assert "42" in run(command("psql", data_dir), "select 6 * 7").stdout
    assert run(command("stop", data_dir)).stdout == "stopped\n"
    assert run(command("stop", data_dir)).stdout == "was not running\n"


def test_arguments_after_the_folder_are_those_of_psql(data_dir: Path) -> None:
    asked = run([*command("psql", data_dir), "-At", "-c", "select 6 * 7"])
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "42\n", "")
    listed = run([*command("psql", data_dir), "--list", "--tuples-only"])
    assert "postgres" in listed.stdout
    refused = run([*command("url", data_dir), "-c", "select 1"])
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "url takes no more than a folder" in refused.stderr


def test_a_failure_on_the_shell_is_one_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    failed = run(command("start", tmp_path / "file"))

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert len(failed.stderr.splitlines()) == 1
