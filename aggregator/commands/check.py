"""``aggregator check``: every key's identity and the database's state; writes no inventory."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson

from aggregator import api, ledger, logs, migrate, terminal
from aggregator.allowlist import AllowList
from aggregator.commands.discovery import with_discovered
from aggregator.environment import proxies
from aggregator.errors import AggregatorError, ConfigurationError, ScopeError
from aggregator.model import Identity, Organization, Outcome
from aggregator.organizations import load_organizations
from aggregator.settings import Settings, load_settings
from aggregator.summary import (
    EXIT_COMPLETE,
    EXIT_FAILED,
    EXIT_NONE_COMPLETE,
    EXIT_PARTIAL,
    EXIT_USAGE,
)
from aggregator.wiring import Network, database_of, network_of

_CONFIGURATION = {Outcome.BAD_KEY, Outcome.DUPLICATE_ORG}


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    redactor = logs.configure(settings.log_format, settings.log_level)
    registry = load_organizations(settings)
    redactor.add(o.credential.secret for o in registry.organizations if o.credential)
    redactor.add([registry.partner_key] if registry.partner_key else [])
    notes = list(registry.notes)
    notes += [f"{name} is set and not used: keys go past no proxy" for name in proxies()]
    problems: list[str] = []
    database, names, broken = await _check_database(settings)
    async with network_of(settings, AllowList([])) as network:
        try:
            found = await with_discovered(registry, settings, network, names)
            everyone, headline = found.organizations, found.headline
        except ScopeError as error:
            everyone, headline = list(registry.organizations), f"AGGREGATOR_PARTNER_KEY: {error}"
        pins = {name.organization: name.pinned_id for name in names}
        rows = await _check_keys([o for o in everyone if o.enabled], network, settings, pins)
    if headline:
        problems.append(headline)
    if broken:
        problems.append(f"database: {broken}")
    problems += [f"{row['organization']}: {row['problem']}" for row in rows if row["problem"]]
    exit_code = _exit_code(rows, broken=broken is not None, headline=headline)
    document = {
        "exit_code": exit_code,
        "base_url": settings.base_url,
        "api_version": settings.api_version,
        "database": database,
        "organizations": rows,
        "problems": problems,
        "notes": notes,
    }
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    else:
        terminal.print_check(document)
    return exit_code


def _exit_code(rows: Sequence[dict[str, Any]], *, broken: bool, headline: str | None) -> int:
    if any(row["outcome"] in _CONFIGURATION for row in rows):
        return EXIT_USAGE
    if broken:
        return EXIT_FAILED
    good = sum(row["outcome"] == Outcome.COMPLETE for row in rows)
    if good == len(rows) and not headline:
        return EXIT_COMPLETE
    return EXIT_PARTIAL if good else EXIT_NONE_COMPLETE


async def _check_database(settings: Settings) -> tuple[str, list[ledger.Name], str | None]:
    """What to say of it, the organizations that it knows by an id, and what is wrong with it."""
    try:
        async with database_of(settings) as database:
            waiting = await migrate.pending(database)
            if not waiting:
                return "up to date", await ledger.load_names(database), None
            state = f"{len(waiting)} migrations are pending"
            if settings.auto_migrate:
                return f"{state}; sync applies them", [], None
            return state, [], f"{state}; run: aggregator migrate"
    except ConfigurationError as error:
        return "unusable", [], "; ".join(error.problems)
    except AggregatorError as error:
        return "unusable", [], str(error)


async def _check_keys(
    organizations: Sequence[Organization],
    network: Network,
    settings: Settings,
    pins: dict[str, str | None],
) -> list[dict[str, Any]]:
    admission = asyncio.Semaphore(4 * settings.max_concurrency)

    async def one(organization: Organization) -> dict[str, Any]:
        async with admission:
            return await _check_key(organization, network)

    rows = await asyncio.gather(*map(one, organizations))
    for organization, row in zip(organizations, rows, strict=True):
        expected = organization.organization_id or pins.get(organization.name)
        if row["organization_id"] and expected and row["organization_id"] != expected:
            row["outcome"] = Outcome.ORG_MISMATCH
            row["problem"] = f"the key speaks for {row['organization_id']}, not for {expected}"
    _mark_duplicates(organizations, rows)
    return rows


def _mark_duplicates(organizations: Sequence[Organization], rows: Sequence[dict[str, Any]]) -> None:
    holders: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for organization, row in zip(organizations, rows, strict=True):
        if row["outcome"] == Outcome.COMPLETE and row["organization_id"]:
            holders[organization.deployment, row["organization_id"]].append(row)
    for first, *others in holders.values():
        for row in others:
            row["outcome"] = Outcome.DUPLICATE_ORG
            row["problem"] = (
                f"the key speaks for the same organization as {first['organization']!r}"
            )


async def _check_key(organization: Organization, network: Network) -> dict[str, Any]:
    outcome, problem = Outcome.COMPLETE, None
    identity = Identity(None)
    try:
        response = await network.client.send(network.caller(organization), api.IDENTITY)
        identity = api.decipher_identity(response)
        if identity.organization_id is None:
            outcome, problem = Outcome.WRONG_KEY_TYPE, "the key speaks for no organization"
    except ScopeError as error:
        outcome, problem = error.outcome, error.message
    return {
        "organization": organization.name,
        "deployment": organization.deployment,
        "outcome": outcome,
        "organization_id": identity.organization_id,
        "organization_name": identity.organization_name,
        "key_class": identity.key_class,
        "role": identity.role,
        "mode": identity.mode,
        "problem": problem,
    }
