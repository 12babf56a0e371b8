"""``python -m benchmarks.trust``: what can be relied on, each figure against its goal."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from benchmarks import report
from benchmarks.figures import Figure
from benchmarks.trust.canaries import measure_canaries
from benchmarks.trust.fuzzing import measure_fuzz
from benchmarks.trust.kill import measure_kill
from benchmarks.trust.memory import measure_memory
from benchmarks.trust.retries import measure_flaky, measure_outage
from benchmarks.trust.stand import Stand, standing
from benchmarks.trust.storm import measure_storm

Measured = tuple[list[Figure], dict[str, Any]]

Case = Callable[[Stand, argparse.Namespace], Coroutine[None, None, Measured]]

CASES: Mapping[str, Case] = {
    "storm": lambda stand, sizes: measure_storm(stand, sizes.runs, sizes.organizations),
    "kill": lambda stand, sizes: measure_kill(stand, sizes.kills),
    "outage": lambda stand, sizes: measure_outage(stand, sizes.keys),
    "flaky": lambda stand, sizes: measure_flaky(stand, sizes.keys),
    "canaries": lambda stand, _: measure_canaries(stand),
    "fuzz": lambda stand, sizes: measure_fuzz(stand, sizes.answers),
    "memory": lambda stand, sizes: measure_memory(stand, sizes.large, sizes.fleet),
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument(
        "--cases",
        type=lambda text: text.split(","),
        default=list(CASES),
        metavar="A,B",
        help=f"of {','.join(CASES)}; default: all",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=50, help="storm")
    parser.add_argument("--organizations", type=int, default=100, help="storm")
    parser.add_argument("--kills", type=int, default=20, help="kill")
    parser.add_argument("--keys", type=int, default=2_000, help="outage, flaky")
    parser.add_argument("--answers", type=int, default=20_000, help="fuzz")
    parser.add_argument("--large", type=int, default=4, help="memory: full lists to store")
    parser.add_argument("--fleet", type=int, default=2_000, help="memory: organizations")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    # Servers and temporary folders are cleaned up on leaving their blocks, also when terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.disable(logging.WARNING)  # about what the faults do
    figures: list[Figure] = []
    accounts: dict[str, Any] = {}
    with standing(arguments.seed) as stand:
        for name in CASES:
            if name in arguments.cases:
                print(f"… {name}", file=sys.stderr, flush=True)
                found, accounts[name] = asyncio.run(CASES[name](stand, arguments))
                report.print_figures(found)
                figures += found
    document = {"sizes": vars(arguments), "accounts": accounts, "figures": figures}
    print(f"\nsaved {report.save(document)}")
    return 0 if all(figure.reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
