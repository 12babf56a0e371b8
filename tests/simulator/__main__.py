"""``python -m tests.simulator``: serves a fleet until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

from tests.simulator.demo import demo_fleet
from tests.simulator.fleet import RECORDS, Fleet
from tests.simulator.server import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--organizations", type=int, default=25)
    parser.add_argument("--connections", type=int, default=20, help="of each organization")
    for records in ("--bulk-syncs", "--model-syncs", "--models"):
        parser.add_argument(records, type=int, default=RECORDS, help="of each organization")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preset", choices=["demo"], help="a fleet of its own, some of it broken")
    parser.add_argument("--control", action="store_true", help="open /_control/")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    if arguments.preset == "demo":
        fleet = demo_fleet(arguments.seed)
    else:
        fleet = Fleet(
            arguments.organizations,
            arguments.connections,
            arguments.seed,
            bulk_syncs=arguments.bulk_syncs,
            model_syncs=arguments.model_syncs,
            models=arguments.models,
        )
    async with Simulator(fleet, port=arguments.port, control=arguments.control) as simulator:
        started = {
            "base_url": simulator.base_url,
            "partner_key": fleet.partner_key,
            "api_keys": fleet.api_keys,
        }
        print(json.dumps(started), flush=True)  # noqa: T201 - the contract's one line
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
