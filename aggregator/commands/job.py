"""One run, once all that it needs is open: from its first row in the ledger to its account."""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aggregator import __version__, ledger, roster, runs, terminal
from aggregator.agenda import Work
from aggregator.backpressure import ByteBudget
from aggregator.collect import Collector
from aggregator.commands.choices import choose_organizations, choose_resources, detail_path
from aggregator.commands.discovery import Discovery, with_discovered
from aggregator.commands.signals import Stopper
from aggregator.database import Database
from aggregator.diff import RemovalRules
from aggregator.errors import RunError
from aggregator.model import Organization
from aggregator.organizations import Registry, without_key
from aggregator.pipeline import Run
from aggregator.proof import Prover
from aggregator.refresh import Refresher
from aggregator.resource import Resource
from aggregator.resources import RESOURCES
from aggregator.schemas import Schemas
from aggregator.scope import ScopeResult
from aggregator.settings import Settings
from aggregator.summary import EXIT_FAILED, MOST_GROUPS, STATUS_OF_EXIT, Summary
from aggregator.wiring import Network, now

if TYPE_CHECKING:
    from aggregator.database import Connection

log = logging.getLogger(__name__)

BYTES_IN_FLIGHT = 12_000_000
"""Bodies between the network and the database; about three times as much once parsed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One ``sync`` once everything it needs is open; it closes nothing."""

    options: argparse.Namespace
    settings: Settings
    registry: Registry
    resources: Sequence[Resource]
    database: Database
    network: Network
    started: float
    run_id: UUID
    now: Callable[[], datetime] = now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, stopper: Stopper) -> dict[str, Any]:
        """The account of the run, as ``sync --json`` prints it; in the ledger unless planned."""
        began_at = self.now()
        found = await self._discover()
        everyone, headline = found.organizations, found.headline
        chosen = choose_organizations(everyone, self.options.organization)
        pepper = await ledger.load_pepper(self.database)
        generation = 0
        if not self.options.plan:
            generation = await self._begin(found, chosen, pepper)
        configured = None if headline else frozenset(each.name for each in everyone)
        work = self._work(chosen, generation, configured, pepper)
        with terminal.progress() as show:
            current = Run(work, lambda: show(current.summary))
            if headline:
                current.summary.headlines.append(headline)
                current.summary.knows_everyone = False
            if self.options.plan:
                current.summary.planned = {}
            log.info(
                "run.started",
                extra={
                    "run_id": str(self.run_id),
                    "organizations": len(chosen),
                    "plan": self.options.plan,
                },
            )
            stopper.run = current
            try:
                await current.execute()
            except BaseException:
                await self._record_failure(current, stopper.exit_code or EXIT_FAILED)
                raise
        rest = current.give_up()
        exit_code = stopper.exit_code or current.summary.exit_code
        status = "cancelled" if current.cancelled else STATUS_OF_EXIT[exit_code]
        account = self._account(current, status, exit_code)
        if not self.options.plan:
            await self._close(rest, account)
            with suppress(RunError):  # the run is over, and the view has it
                await self._tell_new_drift(began_at)
                await self._note_lost_keys(current.summary)
        log.info("run.finished", extra={"run_id": str(self.run_id), "exit_code": exit_code})
        if self.options.json:
            _tell_troubles(current.summary)
        else:
            terminal.print_summary(account, current.summary)
        return account

    async def _discover(self) -> Discovery:
        has_partner = self.registry.partner_key is not None
        names = await roster.load_names(self.database) if has_partner else []
        return await with_discovered(self.registry, self.settings, self.network, names)

    async def _begin(self, found: Discovery, chosen: Sequence[Organization], pepper: bytes) -> int:
        """Opens the run in the ledger, closes the books of runs that died, gives the generation."""
        names = [organization.name for organization in chosen]
        planned = {r.name: names for r in self.resources if r.per != "deployment"}
        enabled = {resource.name for resource in choose_resources(self.settings.resources)}

        async def begin() -> tuple[int, list[UUID]]:
            async with self.database.transaction() as connection:
                abandoned = await runs.close_abandoned(connection, self.run_id)
                await roster.register(
                    connection, found.organizations, forget=found.headline is None
                )
                await self._note_listing(connection, found, pepper)
                await ledger.note_resources(connection, RESOURCES.values(), enabled)
                generation = await runs.begin(connection, self.run_id, __version__, planned)
            return generation, abandoned

        generation, abandoned = await self.database.patiently(begin)
        for run_id in abandoned:
            log.warning("run.abandoned", extra={"run_id": str(run_id)})
        return generation

    async def _note_listing(self, connection: Connection, found: Discovery, pepper: bytes) -> None:
        """Holds what the ledger knows against the partner's list, where there is one."""
        if not found.listing or self.registry.partner_key is None:
            return
        digest = self.registry.partner_key.digest(pepper)
        gone = await roster.note_listing(connection, found.listing, self.now(), digest)
        if gone:
            log.warning(
                "organizations.gone_upstream",
                extra={"organizations": len(gone), "such_as": gone[:5]},
            )

    def _work(
        self,
        chosen: Sequence[Organization],
        generation: int,
        configured: frozenset[str] | None,
        pepper: bytes,
    ) -> Work:
        settings, options = self.settings, self.options
        budget = ByteBudget(BYTES_IN_FLIGHT)
        schemas = Schemas(
            self.network.client, self.database, detail_path(self.resources), now=self.now
        )
        collector = Collector(
            self.network.client,
            self.database,
            schemas=schemas,
            refresher=Refresher(self.network.client, self.sleep)
            if options.refresh_schemas
            else None,
            pepper=pepper,
            rules=RemovalRules(
                settings.removal_limit_fraction,
                settings.removal_limit_rows,
                options.accept_removals,
            ),
            budget=budget,
            configured=configured,
            now=self.now,
        )
        return Work(
            organizations=chosen,
            resources=self.resources,
            database=self.database,
            collector=collector,
            prover=Prover(self.network.client, schemas, now=self.now),
            caller=self.network.caller,
            give_up=self.network.give_up,
            budget=budget,
            run_id=self.run_id,
            generation=generation,
            plan_version=__version__ if options.plan else None,
            configured=configured,
            most_admitted=max(256, 4 * settings.max_concurrency),
            now=self.now,
        )

    def _account(self, run: Run, status: str, exit_code: int) -> dict[str, Any]:
        return run.summary.as_json(
            run_id=str(self.run_id),
            status=status,
            exit_code=exit_code,
            duration_seconds=time.monotonic() - self.started,
        )

    async def _close(self, rest: Sequence[ScopeResult], account: dict[str, Any]) -> None:
        """Closes the run in the ledger; ``rest`` are the scopes that nobody wrote."""

        async def close() -> None:
            async with self.database.transaction() as connection:
                if rest:
                    await runs.record(connection, self.run_id, rest)
                await runs.finish(connection, self.run_id, account)

        await self.database.patiently(close)

    async def _tell_new_drift(self, began_at: datetime) -> None:
        """Says what no organization had before; ``reporting.api_drift`` has the details."""
        async with self.database.transaction() as connection:
            drifts = await ledger.new_drift(connection, began_at)
        if drifts:
            log.warning("drift.noticed", extra=drifts)

    async def _note_lost_keys(self, summary: Summary) -> None:
        """A key file that went astray makes no error of itself: nobody is there to be asked."""
        known = await roster.load_once_read(self.database)
        note = without_key([each.organization for each in known if not each.has_key])
        if note:
            summary.notes.append(note)

    async def _record_failure(self, run: Run, exit_code: int) -> None:
        """Tries to leave a failed run closed; the next run does it where the database is gone."""
        if self.options.plan:
            return
        rest = run.give_up()
        account = self._account(run, "cancelled" if run.cancelled else "failed", exit_code)
        try:
            async with asyncio.timeout(5):
                await self._close(rest, account)
        except (RunError, TimeoutError):
            log.warning("run.not_closed", extra={"run_id": str(self.run_id)})


def _tell_troubles(summary: Summary) -> None:
    """Says what the terminal's tables and lines do, on standard error."""
    for note in summary.notes:
        log.warning("run.note", extra={"note": note})
    for group in summary.groups[:MOST_GROUPS]:
        log.warning(
            "organizations.not_complete",
            extra={
                "outcome": group.outcome,
                "error": group.error,
                "organizations": group.count,
                "resources": ", ".join(sorted(group.resources)),
                "such_as": ", ".join(group.examples),
            },
        )
