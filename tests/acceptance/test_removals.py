"""Withheld removals: who releases them, and the settings that bound them."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import NewWorld
from tests.acceptance.world import World
from tests.simulator import Fleet


@pytest.fixture
async def emptied(new_world: NewWorld) -> World:
    """Twenty connections are stored, five are left upstream."""
    world = await new_world(Fleet(1, 20))
    await world.sync()
    del world.fleet["acme-01"].connections[5:]
    return world


async def test_accept_removals_releases_what_is_withheld(emptied: World) -> None:
    """Fault D2."""
    assert (await emptied.sync()).exit_code == 5
    accepted = await emptied.sync("--accept-removals")
    assert accepted.exit_code == 0
    assert accepted.document["resources"]["connections"]["removed"] == 15
    assert await emptied.connections() == 5
    removed = await emptied.query(
        "select 1 from reporting.connection_history where change = 'removed'"
    )
    assert len(removed) == 15


async def test_removals_are_withheld_only_past_both_limits(emptied: World) -> None:
    """15 of 20 vanish; a plan shows what would be done about it and does nothing."""
    assert (await emptied.sync("--plan", REMOVAL_LIMIT_ROWS="14")).exit_code == 5
    assert (await emptied.sync("--plan", REMOVAL_LIMIT_ROWS="15")).exit_code == 0
    assert (await emptied.sync("--plan", REMOVAL_LIMIT_FRACTION="0.74")).exit_code == 5
    assert (await emptied.sync("--plan", REMOVAL_LIMIT_FRACTION="0.75")).exit_code == 0
    assert await emptied.connections() == 20


async def test_only_what_an_earlier_run_withheld_can_be_accepted(emptied: World) -> None:
    """What a person has not been shown, a person has not accepted."""
    unseen = await emptied.sync("--accept-removals")
    assert unseen.exit_code == 5
    assert await emptied.connections() == 20
