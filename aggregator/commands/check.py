"""``aggregator check``: every key's identity and the database's state; writes no inventory."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from aggregator import api, logs, migrate, roster, terminal
from aggregator.allowlist import AllowList
from aggregator.commands.discovery import with_discovered
from aggregator.environment import proxies
from aggregator.errors import AggregatorError, ConfigurationError, ScopeError
from aggregator.model import Identity, Organization, Outcome
from aggregator.organizations import load_organizations, without_key
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
    stored = await _check_database(settings)
    async with network_of(settings, AllowList([])) as network:
        try:
            found = await with_discovered(registry, settings, network, stored.names)
            everyone, headline = found.organizations, found.headline
        except ScopeError as error:
            everyone, headline = list(registry.organizations), f"AGGREGATOR_PARTNER_KEY: {error}"
        pins = {name.organization: name.pinned_id for name in stored.names}
        rows = await _check_keys([o for o in everyone if o.enabled], network, settings, pins)
    if headline:
        problems.append(headline)
    if stored.trouble:
        problems.append(f"database: {stored.trouble}")
    problems += [f"{row['organization']}: {row['problem']}" for row in rows if row["problem"]]
    if not headline:  # else discovery failed, and those whom it would find are not known
        # Whoever was on the partner's list and is not found there now has left it, key and all.
        left = registry.partner_key is not None
        known = [one for one in stored.once_read if not (left and one.was_listed)]
        lost = without_key(_lost_keys(known, everyone, rows))
        notes += [lost] if lost else []
    exit_code = _exit_code(rows, of_database=stored.exit_code, headline=headline)
    document = {
        "exit_code": exit_code,
        "base_url": settings.base_url,
        "api_version": settings.api_version,
        "database": stored.state,
        "organizations": rows,
        "problems": problems,
        "notes": notes,
    }
    if options.json:
        sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    else:
        terminal.print_check(document)
    return exit_code


def _exit_code(rows: Sequence[dict[str, Any]], *, of_database: int, headline: str | None) -> int:
    if any(row["outcome"] in _CONFIGURATION for row in rows):
        return EXIT_USAGE
    if of_database != EXIT_COMPLETE:
        return of_database
    good = sum(row["outcome"] == Outcome.COMPLETE for row in rows)
    if good == len(rows) and not headline:
        return EXIT_COMPLETE
    return EXIT_PARTIAL if good else EXIT_NONE_COMPLETE


@dataclass(frozen=True, slots=True)
class Stored:
    """The database as it was found."""

    state: str
    trouble: str | None = None
    """What is wrong with it."""
    exit_code: int = EXIT_COMPLETE
    """As other commands would end on such a database."""
    names: Sequence[roster.Name] = ()
    """The organizations that it knows by an id."""
    once_read: Sequence[roster.OnceRead] = ()


async def _check_database(settings: Settings) -> Stored:
    try:
        async with database_of(settings) as database:
            waiting = await migrate.pending(database)
            if not waiting:
                names = await roster.load_names(database)
                known = await roster.load_once_read(database)
                return Stored("up to date", names=names, once_read=known)
            state = f"{len(waiting)} migrations are pending"
            if settings.auto_migrate:
                return Stored(f"{state}; sync applies them")
            return Stored(state, f"{state}; run: aggregator migrate", EXIT_FAILED)
    except ConfigurationError as error:  # one that is newer than this program, too
        return Stored("unusable", "; ".join(error.problems), EXIT_USAGE)
    except AggregatorError as error:
        return Stored("unusable", str(error), EXIT_FAILED)


def _lost_keys(
    once_read: Sequence[roster.OnceRead],
    everyone: Sequence[Organization],
    rows: Sequence[dict[str, Any]],
) -> list[str]:
    """Who was read once and is in no configuration now, under whatever name."""
    names = {one.name for one in everyone}
    ids = {(one.deployment, one.organization_id) for one in everyone}
    ids |= {(row["deployment"], row["organization_id"]) for row in rows}
    return [
        one.organization
        for one in once_read
        if one.organization not in names and (one.deployment, one.organization_id) not in ids
    ]


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
