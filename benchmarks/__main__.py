"""``python -m benchmarks``: runs the cases side by side and prints what was reached."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import cases, database, fleet, report, static_server
from benchmarks.figures import Figure, of_cases
from benchmarks.inventory import measure_inventory
from benchmarks.latency import measure_latency
from benchmarks.memory import measure_memory
from benchmarks.rate import measure_rate
from benchmarks.startup import measure_help

CHANGED_FRACTION = 0.05
SIDE_BY_SIDE = tuple(cases.GROUPS)
ALONE = ("inventory", "latency", "rate", "memory", "help")
QUICK_ORGANIZATIONS = 200


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 organizations, one round")
    parser.add_argument(
        "--cases",
        type=lambda text: text.split(","),
        default=[*SIDE_BY_SIDE, *ALONE],
        metavar="A,B",
        help=f"of {','.join([*SIDE_BY_SIDE, *ALONE])}; default: all",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--organizations", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=50, help="per organization")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - {*SIDE_BY_SIDE, *ALONE}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if arguments.quick:
        arguments.organizations, arguments.rounds = QUICK_ORGANIZATIONS, 1
    return arguments


async def benchmark(arguments: argparse.Namespace, folder: Path, postgres: str) -> dict[str, Any]:
    """Everything that was measured; the tables are printed on the way."""
    machine = await describe_machine(postgres)
    print(machine)
    size = f"{arguments.organizations:,} organizations x {arguments.connections} connections"
    print(f"{size}, {arguments.rounds} rounds")
    samples = await run_side_by_side(arguments, folder, postgres)
    figures = of_cases(samples, arguments.organizations)
    if samples:
        report.print_cases(samples, arguments.organizations * arguments.connections)
    alone = await run_alone(arguments, folder, postgres)
    for found, _ in alone.values():
        figures += found
    report.print_figures(figures)
    return {
        "machine": machine,
        "size": size,
        "samples": samples,
        "alone": {name: runs for name, (_, runs) in alone.items()},
        "figures": figures,
    }


async def run_side_by_side(
    arguments: argparse.Namespace, folder: Path, postgres: str
) -> dict[str, list[cases.Sample]]:
    """The samples by case; each round begins with another case, so that drift hits all alike."""
    groups = [name for name in SIDE_BY_SIDE if name in arguments.cases]
    samples: dict[str, list[cases.Sample]] = {}
    if not groups:
        return samples
    written = fleet.write(folder / "fleet", arguments.organizations, arguments.connections)
    changed, rows = fleet.write_changed(written, folder / "changed", CHANGED_FRACTION)
    with static_server.running(written.answers) as api:
        stand = cases.Stand(written, changed, rows, api, postgres)
        for number in range(arguments.rounds):
            turn = number % len(groups)
            for group in groups[turn:] + groups[:turn]:
                progress(f"round {number + 1}: {group}")
                for name, sample in (await cases.GROUPS[group](stand)).items():
                    samples.setdefault(name, []).append(sample)
    return samples


async def run_alone(
    arguments: argparse.Namespace, folder: Path, postgres: str
) -> dict[str, tuple[list[Figure], list[Any]]]:
    results = {}
    for name in ALONE:
        if name not in arguments.cases:
            continue
        progress(name)
        if name == "inventory":
            results[name] = await measure_inventory(folder / name, postgres, arguments.rounds)
        elif name == "latency":
            results[name] = await measure_latency(folder / name, postgres)
        elif name == "rate":
            results[name] = await measure_rate(folder / name, postgres)
        elif name == "memory":
            size = (arguments.organizations, arguments.connections)
            results[name] = await measure_memory(folder / name, postgres, *size)
        else:
            results[name] = measure_help(arguments.rounds)
    return results


async def describe_machine(postgres: str) -> str:
    loop = "uvloop" if find_spec("uvloop") else "asyncio"
    parts = [
        f"{os.cpu_count()} cores {platform.machine()}",
        f"load {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()} on {loop}",
        f"Postgres {await database.version(postgres)}",
    ]
    return ", ".join(parts)


def progress(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def main() -> None:
    arguments = parse_arguments()
    # Servers and temporary folders are cleaned up on leaving their blocks, also when terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    static_server.find_nginx()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        with database.database(folder / "postgres") as postgres:
            document = asyncio.run(benchmark(arguments, folder, postgres))
    print(f"\nsaved {report.save(document)}")


if __name__ == "__main__":
    main()
