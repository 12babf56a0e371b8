"""Finds organizations with the partner key, beside those that are configured by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from aggregator import api
from aggregator.client import Tally
from aggregator.errors import ScopeError
from aggregator.model import Credential, Organization, Outcome, Request
from aggregator.organizations import Registry, discover
from aggregator.settings import Settings
from aggregator.wiring import Network

log = logging.getLogger(__name__)


async def with_discovered(
    registry: Registry, settings: Settings, network: Network, pins: Mapping[str, str]
) -> tuple[list[Organization], str | None]:
    """Everyone we know, those that the partner key discovers included.

    ``pins`` are organization ids by name, as the ledger has them: an organization that is
    configured by hand is not discovered a second time. Where discovery fails, those configured by
    hand are still read, and the second value says what is missing. Raises ``ScopeError`` where
    nobody is left to ask.
    """
    organizations = list(registry.organizations)
    if registry.partner_key is None:
        return organizations, None
    partner = Organization(
        name="AGGREGATOR_PARTNER_KEY",
        base_url=settings.base_url,
        deployment=urlsplit(settings.base_url).hostname or "",
        source="AGGREGATOR_PARTNER_KEY",
        credential=Credential(registry.partner_key),
    )
    try:
        rows = await _list_all(network, partner, api.ORGANIZATIONS)
        if not rows:  # an incident more likely than the end of every organization
            raise ScopeError(Outcome.BAD_PAYLOAD, "the partner key lists no organization")  # noqa: TRY301 (it is one of the ways to fail)
    except ScopeError as error:
        headline = f"organizations could not be discovered: {error.outcome}, {error.message}"
        if not any(organization.credential for organization in organizations):
            raise
        log.warning("discovery.failed", extra={"outcome": error.outcome, "error": error.message})
        return organizations, headline
    known = await asyncio.gather(*(_with_id(network, one, pins) for one in organizations))
    discovered = discover(rows, registry.partner_key, settings.base_url, known)
    log.info("discovery.done", extra={"organizations": len(discovered)})
    return organizations + list(discovered), None


async def _with_id(
    network: Network, organization: Organization, pins: Mapping[str, str]
) -> Organization:
    """The organization with its id, asked for where nothing says it yet."""
    known = organization.organization_id or pins.get(organization.name)
    if known is None and organization.credential and organization.enabled:
        with suppress(ScopeError):
            response = await network.client.get(
                organization,
                api.IDENTITY,
                network.limits(organization),
                Tally(),
                network.deadline,
            )
            known = api.decipher_identity(response).organization_id
    return replace(organization, organization_id=known)


async def _list_all(network: Network, organization: Organization, request: Request) -> list[Any]:
    limits, tally = network.limits(organization), Tally()
    target = (organization, request, limits, tally, network.deadline)
    first = await network.client.get(*target)
    return [row async for _, page in network.client.pages(first, *target) for row in page.records]
