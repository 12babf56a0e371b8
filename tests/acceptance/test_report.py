"""The command ``report``: one file, whole or not at all."""

from __future__ import annotations

import re
import stat

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fault, Fleet


async def test_a_page_is_written_and_says_what_is_not_known(new_world: NewWorld) -> None:
    world = await new_world(Fleet(names=["acme", "globex"], connections=3))
    world.fleet["globex"].faults = [Fault(status=401)]
    await world.sync()

    finished = await world.run("report", "--output", "fleet.html")
    html = (world.folder / "fleet.html").read_text()

    assert (finished.exit_code, finished.stdout, finished.stderr) == (0, "", "")
    assert "1 of 2 organizations were read to the end" in html
    assert re.search(r"<bdi>globex</bdi>.*unauthorized.*HTTP 401", html)
    assert not stat.S_IMODE((world.folder / "fleet.html").stat().st_mode) & 0o111


async def test_standard_output_is_the_page_and_nothing_else(world: World) -> None:
    await world.sync()

    finished = await world.run("report", "--output", "-")

    assert finished.exit_code == 0
    assert finished.stdout.startswith("<!doctype html>")
    assert finished.stdout.rstrip().endswith("</html>")


async def test_secrets_and_people_do_not_reach_a_page(world: World) -> None:
    """Threat S19: the simulator's canaries, and people wherever the API names them."""
    await world.sync()
    people = await world.query(
        "select distinct created_by_name as name from reporting.connections"
        " where created_by_name is not null"
    )

    html = (await world.run("report", "--output", "-")).stdout

    assert people
    assert [person["name"] for person in people if person["name"] in html] == []
    assert "canary" not in html
    assert not re.search(r"[\w.+-]+@[\w-]+\.", html)


async def test_a_failure_leaves_the_old_page(world: World) -> None:
    page = world.folder / "fleet.html"
    page.write_text("yesterday's")

    finished = await world.run(
        "report", "--output", str(page), DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing"
    )

    assert finished.exit_code == 1
    assert "cannot be reached" in finished.stderr
    assert page.read_text() == "yesterday's"
    assert [path.name for path in world.folder.iterdir() if path.suffix == ".tmp"] == []


async def test_what_cannot_be_written_is_a_wrong_command_line(world: World) -> None:
    for output, said in (
        (".", "is a folder"),
        ("sub/", "is a folder"),
        ("no/such/fleet.html", "does not exist"),
    ):
        finished = await world.run("report", "--output", output)

        assert finished.exit_code == 2
        assert said in finished.stderr
        assert "Traceback" not in finished.stderr
