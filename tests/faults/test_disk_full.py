"""Fault G4: the database's disk is full, and has room again later."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.world import World
from tests.faults.servers import Cluster, administer
from tests.simulator import Fleet, Simulator


def _cannot_mount() -> bool:
    return os.geteuid() != 0 or shutil.which("mount") is None


pytestmark = pytest.mark.skipif(_cannot_mount(), reason="only root can mount a small file system")


@pytest.fixture
def small_disk(cluster: Cluster) -> Iterator[Path]:
    """A file system of 64 MiB that the server may use."""
    folder = cluster.databases.folder / "small"
    folder.mkdir()
    home = cluster.databases.folder / "postgres" / "data"
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0777", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("this machine does not let root mount a file system")
    try:
        space = folder / "space"
        space.mkdir()
        os.chown(space, home.stat().st_uid, home.stat().st_gid)
        yield space
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
async def world(cluster: Cluster, small_disk: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The command on a database whose tables are on the small disk."""
    server = cluster.databases.server_dsn
    await administer(server, f"create tablespace small location '{small_disk}'")
    try:
        async with cluster.databases.copy(cluster.databases.template) as dsn:
            name = dsn.partition("?")[0].rpartition("/")[2]
            await administer(server, f'alter database "{name}" set tablespace small')
            async with Simulator(Fleet(3, 4)) as simulator:
                yield World(simulator, dsn, tmp_path)
    finally:
        await administer(server, "drop tablespace small")


def fill(folder: Path) -> Path:
    filler = folder.parent / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    return filler


async def test_a_full_disk_ends_the_run_with_its_cause_and_the_next_one_does_the_rest(
    world: World, small_disk: Path
) -> None:
    """Fault G4: what is committed stays, the table is intact."""
    assert (await world.sync()).exit_code == 0
    template = world.fleet["acme-02"].connections[0]
    for name in ("acme-02", "acme-03"):
        organization = world.fleet[name]
        organization.connections = [
            template | {"id": f"{name}-{number}", "organization_id": organization.id}
            for number in range(3000)
        ]
    filler = fill(small_disk)

    failed = await world.sync()
    assert failed.failed_with(1)
    assert "disk is full" in failed.stderr
    assert "Traceback" not in failed.stderr
    before = await world.query(
        "select organization, count(*) from reporting.connections group by 1"
    )
    assert {row["organization"]: row["count"] for row in before}["acme-01"] == 4
    for row in before:  # whole or not at all
        assert row["count"] in {4, 3000, 3004}

    filler.unlink()
    done = await world.sync("--accept-removals")
    assert (done.exit_code, done.document["outcomes"]) == (0, {"complete": 3})
    assert await world.connections() == 6004
    statuses = await world.query("select status from reporting.runs order by started_at")
    assert [row["status"] for row in statuses][-1] == "complete"
