"""The simulator's own command line, whose one line of JSON other people's scripts read."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE

from tests.acceptance.world import World
from tests.command import ROOT

COMMAND = "-m tests.simulator --port 0 --organizations 3 --connections 2 --seed 7"


async def test_it_prints_one_line_of_json_with_which_the_command_can_run(world: World) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *COMMAND.split(), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    try:
        line = json.loads(await process.stdout.readline())
        keys = json.dumps(line["api_keys"])
        result = await world.sync(BASE_URL=line["base_url"], API_KEYS=keys)
        discovered = await world.sync(
            "--plan", BASE_URL=line["base_url"], API_KEYS=None, PARTNER_KEY=line["partner_key"]
        )
    finally:
        process.send_signal(signal.SIGTERM)
        rest, errors = await process.communicate()
    assert list(line) == ["base_url", "partner_key", "api_keys"]
    assert (result.exit_code, discovered.exit_code) == (0, 0)
    assert result.document["resources"]["connections"]["created"] == 6
    assert (process.returncode, rest, errors) == (0, b"", b"")
