"""Finds organizations with the partner key, beside those that are configured by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from aggregator import api, roster
from aggregator.errors import ScopeError
from aggregator.model import Credential, Listed, Listing, Organization, Outcome, Request
from aggregator.organizations import Registry, discover, upstream_id
from aggregator.settings import Settings
from aggregator.wiring import Network

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everyone there is to read."""

    organizations: list[Organization]
    headline: str | None = None
    """What is missing, where the partner's list could not be read."""
    listing: Listing | None = None
    """None where no list was read that could tell who is not on it any more."""


async def with_discovered(
    registry: Registry, settings: Settings, network: Network, names: Sequence[roster.Name]
) -> Discovery:
    """Everyone we know, those that the partner key discovers included.

    ``names`` are those of the ledger: an organization that is configured by hand is not discovered
    a second time, and one that was discovered before keeps its name. Where discovery fails, those
    configured by hand are still read. Raises ``ScopeError`` where nobody is left to ask.
    """
    organizations = list(registry.organizations)
    if registry.partner_key is None:
        return Discovery(organizations)
    partner = Organization(
        name="AGGREGATOR_PARTNER_KEY",
        base_url=settings.base_url,
        deployment=urlsplit(settings.base_url).hostname or "",
        source="AGGREGATOR_PARTNER_KEY",
        credential=Credential(registry.partner_key),
    )
    try:
        rows = await _list_all(network, partner, api.ORGANIZATIONS)
        unusable = sum(upstream_id(row) is None for row in rows)
        if len(rows) == unusable:  # an incident more likely than the end of every organization
            raise ScopeError(Outcome.BAD_PAYLOAD, "the partner key lists no organization")  # noqa: TRY301 (it is one of the ways to fail)
    except ScopeError as error:
        headline = f"organizations could not be discovered: {error.outcome}, {error.message}"
        if not any(organization.credential for organization in organizations):
            raise
        log.warning("discovery.failed", extra={"outcome": error.outcome, "error": error.message})
        return Discovery(organizations, headline)
    pins = {name.organization: name.pinned_id for name in names}
    known = await asyncio.gather(*(_with_id(network, one, pins) for one in organizations))
    former = {
        key: name.organization
        for name in sorted(names, key=lambda name: name.pinned_id is not None)
        if name.deployment == partner.deployment and (key := name.pinned_id or name.upstream_id)
    }
    discovered = discover(rows, registry.partner_key, settings.base_url, known, former)
    log.info("discovery.done", extra={"organizations": len(discovered)})
    everyone = organizations + list(discovered)
    if unusable:
        log.warning("discovery.unusable", extra={"records": unusable})
        return Discovery(everyone)
    return Discovery(everyone, listing=_listing(partner.deployment, rows, (*known, *discovered)))


def _listing(deployment: str, rows: Sequence[Any], known: Sequence[Organization]) -> Listing:
    """The list, under our names."""
    upstream_names = {upstream_id(row): row.get("name") for row in rows}
    listed = []
    for one in known:
        key = one.organization_id
        if key is not None and one.deployment == deployment and key in upstream_names:
            name = upstream_names[key]
            listed.append(Listed(one.name, key, name if isinstance(name, str) else None))
    return Listing(deployment, listed)


async def _with_id(
    network: Network, organization: Organization, pins: Mapping[str, str | None]
) -> Organization:
    """The organization with its id, asked for where nothing says it yet."""
    known = organization.organization_id or pins.get(organization.name)
    if known is None and organization.credential and organization.enabled:
        with suppress(ScopeError):
            response = await network.client.send(network.caller(organization), api.IDENTITY)
            known = api.decipher_identity(response).organization_id
    return replace(organization, organization_id=known)


async def _list_all(network: Network, organization: Organization, request: Request) -> list[Any]:
    caller = network.caller(organization)
    first = await network.client.send(caller, request)
    pages = network.client.pages(caller, request, first)
    return [row async for _, page in pages for row in page.records]
