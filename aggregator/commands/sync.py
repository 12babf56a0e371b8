"""``aggregator sync``: one run over every configured organization, and its account."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import time
from contextlib import AsyncExitStack
from uuid import uuid4

import orjson

from aggregator import logs, runs
from aggregator.allowlist import AllowList
from aggregator.commands.choices import (
    choose_organizations,
    refresh_paths,
    resources_for,
)
from aggregator.commands.job import Job
from aggregator.commands.metering import meter_of
from aggregator.commands.signals import handled_signals
from aggregator.errors import RunError
from aggregator.organizations import load_organizations
from aggregator.settings import load_settings
from aggregator.wiring import database_of, network_of, prepare_schema

log = logging.getLogger(__name__)


async def run(options: argparse.Namespace) -> int:
    started = time.monotonic()
    settings = load_settings()
    redactor = logs.configure(settings.log_format, settings.log_level)
    registry = load_organizations(settings)
    redactor.add(o.credential.secret for o in registry.organizations if o.credential)
    redactor.add([registry.partner_key] if registry.partner_key else [])
    meter = None if options.plan else meter_of(options, settings)
    resources = resources_for(options, settings)
    posts = refresh_paths(resources) if options.refresh_schemas else []
    allowed = AllowList(resources, posts)
    if registry.partner_key is None:  # else only discovery can tell which names there are
        choose_organizations(registry.organizations, options.organization)
    for note in registry.notes:
        log.warning("configuration.note", extra={"note": note})
    # Whatever exists by now lives as long as the process: do not walk it again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with handled_signals() as stopper:
        try:
            async with AsyncExitStack() as stack:
                if meter:
                    await stack.enter_async_context(meter.telling_failure(stopper))
                database = await stack.enter_async_context(database_of(settings))
                if meter:
                    await stack.enter_async_context(meter.telling_failure(stopper, database))
                await prepare_schema(database, apply=settings.auto_migrate and not options.plan)
                run_id = uuid4()
                await stack.enter_async_context(runs.run_lock(database, run_id))
                network = await stack.enter_async_context(network_of(settings, allowed))
                job = Job(
                    options, settings, registry, resources, database, network, started, run_id
                )
                account = await job.run(stopper)
                if meter:
                    await meter.tell(account, database)
        except (asyncio.CancelledError, RunError) as error:
            if stopper.exit_code is None:
                raise
            log.warning("run.stopped", extra={"error": str(error)})
            return stopper.exit_code
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(account, option=orjson.OPT_APPEND_NEWLINE))
    exit_code: int = account["exit_code"]
    return exit_code
