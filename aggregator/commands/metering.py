"""Tells Prometheus of a run, however it ended; whatever fails here changes no exit code.

A run that never began (exit 2 or 6) tells nothing: what was told of the one before stays true, and
its times show how old it is.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from aggregator.commands.signals import Stopper
from aggregator.database import Database
from aggregator.errors import (
    ActiveRunError,
    AggregatorError,
    ConfigurationError,
    DatabaseError,
    install_command,
)
from aggregator.files import STANDARD_OUTPUT, written_whole
from aggregator.push import PushError, push
from aggregator.report import read_measures, read_organization_measures
from aggregator.settings import Settings
from aggregator.summary import EXIT_FAILED

log = logging.getLogger(__name__)

IS_MISSING = f"metrics need prometheus-client, which is not installed: {install_command('metrics')}"
MEASURE_SECONDS = 30.0
MEASURE_SECONDS_OF_FAILED = 3.0
"""After a signal there are nine for everything."""
MODE = 0o644
"""Of a new file, whatever the umask: the collector is another user."""


def meter_of(options: argparse.Namespace, settings: Settings) -> Meter | None:
    """None where nobody asked for metrics.

    Raises ``ConfigurationError`` where they cannot be written at all.
    """
    path: str | None = options.metrics_file or (
        str(settings.metrics_file) if settings.metrics_file else None
    )
    gateway = settings.pushgateway_url
    if not path and not gateway:
        return None
    try:
        import prometheus_client  # noqa: F401, PLC0415 (an optional extra)
    except ImportError:
        raise ConfigurationError([IS_MISSING]) from None
    # Path.is_dir raises for a folder that cannot be looked at.
    if path and (path == STANDARD_OUTPUT or not os.path.isdir(Path(path).parent)):  # noqa: PTH112 -- see above
        raise ConfigurationError([f"the metrics file {path!a} is in no folder that exists"])
    return Meter(
        path,
        gateway.get_secret_value() if gateway else None,
        of_organizations=settings.metrics_organization_labels,
    )


@dataclass(slots=True)
class Meter:
    """Tells once: of what the run came to, or else that it failed."""

    path: str | None
    gateway: str | None = field(repr=False)
    of_organizations: bool
    started_at: float = field(default_factory=time.time)
    _has_told: bool = False

    @asynccontextmanager
    async def telling_failure(
        self, stopper: Stopper, database: Database | None = None
    ) -> AsyncIterator[None]:
        """Tells of a run that does not come to an account; ``database`` is asked if it can be."""
        try:
            yield
        except (ConfigurationError, ActiveRunError):
            raise
        except BaseException:
            status = "cancelled" if stopper.exit_code else "failed"
            account = {
                "status": status,
                "exit_code": stopper.exit_code or EXIT_FAILED,
                "duration_seconds": time.time() - self.started_at,
            }
            await self.tell(account, database)
            raise

    async def tell(self, account: Mapping[str, Any], database: Database | None) -> None:
        """Does nothing where it was told already."""
        from aggregator.metrics import exposition  # noqa: PLC0415 (an optional extra)

        if self._has_told:
            return
        self._has_told = True
        measures, organizations = await self._measure(account, database)
        metrics = exposition(
            account,
            measures,
            organizations,
            finished_at=time.time(),
        )
        if self.path:
            try:
                with written_whole(self.path, mode=MODE) as file:
                    file.write(metrics)
            except AggregatorError as error:
                log.warning("metrics.not_written", extra={"error": str(error)})
        if self.gateway:
            try:
                await push(self.gateway, metrics)
            except PushError as error:
                log.warning("metrics.not_pushed", extra={"error": str(error)})

    async def _measure(
        self, account: Mapping[str, Any], database: Database | None
    ) -> tuple[Mapping[str, Any] | None, Sequence[Mapping[str, Any]] | None]:
        """Nothing where the database is away: what is not known is not told."""
        from aggregator.metrics import MOST_ORGANIZATIONS  # noqa: PLC0415 (an optional extra)

        if database is None:
            return None, None
        is_over = "run_id" in account
        try:
            async with asyncio.timeout(MEASURE_SECONDS if is_over else MEASURE_SECONDS_OF_FAILED):
                run_id = UUID(account["run_id"]) if is_over else None
                measures = await read_measures(database, run_id)
                if not self.of_organizations:
                    return measures, None
                return measures, await read_organization_measures(database, MOST_ORGANIZATIONS + 1)
        except (DatabaseError, TimeoutError) as error:
            log.warning("metrics.not_measured", extra={"error": str(error)})
            return None, None
