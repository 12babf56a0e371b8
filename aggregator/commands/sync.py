"""``aggregator sync``: one run over every configured organization, and its account."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any
from uuid import UUID, uuid4

import orjson

from aggregator import __version__, logs, runs, store, terminal
from aggregator.backpressure import ByteBudget
from aggregator.collect import Collector
from aggregator.commands.discovery import with_discovered
from aggregator.database import Database
from aggregator.diff import RemovalRules
from aggregator.errors import ConfigurationError, DatabaseError
from aggregator.model import Organization, Resource
from aggregator.organizations import Registry, load_organizations
from aggregator.pipeline import Run, Work
from aggregator.resources import RESOURCES
from aggregator.settings import Settings, load_settings
from aggregator.summary import EXIT_FAILED, STATUS_OF_EXIT
from aggregator.wiring import Network, database_of, network_of, now, prepare_schema

log = logging.getLogger(__name__)

BYTES_IN_FLIGHT = 12_000_000
"""Bodies between the network and the database; about three times as much once parsed."""
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stopper:
    """Turns the first signal into an orderly end and the second into an immediate one."""

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self.run: Run | None = None
        self._main = asyncio.current_task()

    def __call__(self, number: signal.Signals) -> None:
        if self.exit_code is not None:
            os._exit(SIGNALS[number])
        self.exit_code = SIGNALS[number]
        log.warning("run.stopping", extra={"signal": number.name})
        if self.run is not None:
            self.run.stop()
        elif self._main is not None:
            self._main.cancel()


@contextmanager
def _handled_signals() -> Iterator[Stopper]:
    loop = asyncio.get_running_loop()
    stopper = Stopper()
    for number in SIGNALS:
        loop.add_signal_handler(number, stopper, number)
    try:
        yield stopper
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def sync(options: argparse.Namespace) -> int:
    started = time.monotonic()
    settings = load_settings()
    redactor = logs.configure(settings.log_format, settings.log_level)
    registry = load_organizations(settings)
    redactor.add(o.credential.secret for o in registry.organizations if o.credential)
    redactor.add([registry.partner_key] if registry.partner_key else [])
    resources = _choose_resources(options.resource or settings.resources)
    for note in registry.notes:
        log.warning("configuration.note", extra={"note": note})
    # Whatever exists by now lives as long as the process: do not walk it again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with _handled_signals() as stopper:
        try:
            async with AsyncExitStack() as stack:
                database = await stack.enter_async_context(database_of(settings))
                await prepare_schema(database, apply=settings.auto_migrate and not options.plan)
                await stack.enter_async_context(runs.run_lock(database))
                network = await stack.enter_async_context(network_of(settings))
                account = await _run(
                    options, settings, registry, resources, database, network, stopper, started
                )
        except asyncio.CancelledError:
            if stopper.exit_code is None:
                raise
            return stopper.exit_code
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(account, option=orjson.OPT_APPEND_NEWLINE))
    exit_code: int = account["exit_code"]
    return exit_code


async def _run(  # noqa: PLR0913 (everything that is open, once)
    options: argparse.Namespace,
    settings: Settings,
    registry: Registry,
    resources: Sequence[Resource],
    database: Database,
    network: Network,
    stopper: Stopper,
    started: float,
) -> dict[str, Any]:
    everyone, headline = await with_discovered(registry, settings, network)
    chosen = _choose_organizations(everyone, options.organization)
    run_id = uuid4()
    generation = 0
    if not options.plan:
        generation = await _begin(database, run_id, everyone, chosen, resources, headline)
    budget = ByteBudget(BYTES_IN_FLIGHT)
    collector = Collector(
        network.client,
        database,
        deadline=network.deadline,
        pepper=await store.load_pepper(database),
        rules=RemovalRules(
            settings.removal_limit_fraction, settings.removal_limit_rows, options.accept_removals
        ),
        budget=budget,
        now=now,
    )
    work = Work(
        organizations=chosen,
        resources=resources,
        database=database,
        collector=collector,
        limits=network.limits,
        budget=budget,
        run_id=run_id,
        generation=generation,
        plan_version=__version__ if options.plan else None,
        most_admitted=max(256, 4 * settings.max_concurrency),
        now=now,
    )
    with terminal.progress() as show:
        run = Run(work, lambda: show(run.summary))
        if headline:
            run.summary.headlines.append(headline)
        log.info(
            "run.started",
            extra={"run_id": str(run_id), "organizations": len(chosen), "plan": options.plan},
        )
        stopper.run = run
        try:
            await run.execute()
        except BaseException:
            await _record_failure(database, run, run_id, started, plan=options.plan)
            raise
    exit_code = stopper.exit_code or run.summary.exit_code
    account = run.summary.as_json(
        run_id=str(run_id),
        status="cancelled" if run.cancelled else STATUS_OF_EXIT[exit_code],
        exit_code=exit_code,
        duration_seconds=time.monotonic() - started,
    )
    if options.plan:
        account["plan"] = True
    else:
        async with database.transaction() as connection:
            await runs.finish(connection, run_id, account)
    log.info("run.finished", extra={"run_id": str(run_id), "exit_code": exit_code})
    if not options.json:
        terminal.print_summary(account, run.summary)
    return account


async def _begin(  # noqa: PLR0913 (the facts of a run)
    database: Database,
    run_id: UUID,
    everyone: Sequence[Organization],
    chosen: Sequence[Organization],
    resources: Sequence[Resource],
    headline: str | None,
) -> int:
    """Opens the run in the ledger and closes the books of runs that died."""
    names = [organization.name for organization in chosen]
    async with database.transaction() as connection:
        await store.register(connection, everyone, forget=headline is None)
        generation = await runs.begin(
            connection, run_id, __version__, {resource.name: names for resource in resources}
        )
        for abandoned in await runs.close_abandoned(connection, run_id):
            log.warning("run.abandoned", extra={"run_id": str(abandoned)})
    return generation


async def _record_failure(
    database: Database, run: Run, run_id: UUID, started: float, *, plan: bool
) -> None:
    """Tries to leave a failed run closed; the next run does it where the database is gone."""
    if plan:
        return
    account = run.summary.as_json(
        run_id=str(run_id),
        status="failed",
        exit_code=EXIT_FAILED,
        duration_seconds=time.monotonic() - started,
    )
    try:
        async with asyncio.timeout(5), database.transaction() as connection:
            await runs.finish(connection, run_id, account)
    except (DatabaseError, TimeoutError):
        log.warning("run.not_closed", extra={"run_id": str(run_id)})


def _choose_resources(names: Sequence[str]) -> list[Resource]:
    unknown = sorted(set(names) - set(RESOURCES))
    if unknown:
        known = ", ".join(RESOURCES)
        raise ConfigurationError([f"no such resource: {name} (there are: {known})" for name in unknown])
    return [resource for name, resource in RESOURCES.items() if not names or name in names]


def _choose_organizations(
    organizations: Sequence[Organization], names: Sequence[str]
) -> list[Organization]:
    known = {organization.name: organization for organization in organizations}
    problems = [f"no such organization: {name}" for name in names if name not in known] + [
        f"organization {name} is disabled"
        for name in names
        if name in known and not known[name].enabled
    ]
    if problems:
        raise ConfigurationError(problems)
    return [
        organization
        for organization in organizations
        if organization.enabled and (not names or organization.name in names)
    ]
