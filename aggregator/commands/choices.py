"""Which resources and organizations a run is about: those that are named, else the default."""

from __future__ import annotations

import argparse
import difflib
import logging
from collections.abc import Iterable, Sequence

from aggregator.errors import ConfigurationError
from aggregator.model import Organization
from aggregator.resource import Resource
from aggregator.resources import RESOURCES
from aggregator.settings import Settings

log = logging.getLogger(__name__)


def choose_resources(names: Sequence[str]) -> list[Resource]:
    """The named resources and those that they need; the default ones where none is named.

    Raises ``ConfigurationError`` for a name that no resource has.
    """
    unknown = sorted(set(names) - set(RESOURCES))
    if unknown:
        known = ", ".join(RESOURCES)
        raise ConfigurationError(
            [
                f"no such resource: {name}{_near(name, RESOURCES)} (there are: {known})"
                for name in unknown
            ]
        )
    wanted = set(names) or {name for name, each in RESOURCES.items() if each.is_default}
    needed = {each.needs for name, each in RESOURCES.items() if name in wanted and each.needs}
    return [each for name, each in RESOURCES.items() if name in wanted | needed]


def resources_for(options: argparse.Namespace, settings: Settings) -> list[Resource]:
    """What was asked for and what that needs, which is said."""
    named = options.resource or settings.resources
    wanted = {each.name for each in choose_resources(named)}
    if options.refresh_schemas:
        wanted |= {name for name, each in RESOURCES.items() if each.each and each.each.refresh}
    resources = choose_resources(sorted(wanted))
    asked = set(named) or {each.name for each in choose_resources([])}
    if needed := [each.name for each in resources if each.name not in asked]:
        log.info("resources.added", extra={"needed": ", ".join(needed)})
    return resources


def refresh_paths(resources: Sequence[Resource]) -> list[str]:
    return [r.each.refresh.path for r in resources if r.each and r.each.refresh]


def detail_path(resources: Sequence[Resource]) -> str | None:
    return next((each.detail_path for each in resources if each.detail_path), None)


def choose_organizations(
    organizations: Sequence[Organization], names: Sequence[str]
) -> list[Organization]:
    """The enabled ones, of these the named where any is named.

    Raises ``ConfigurationError`` for a name that nobody has, and for one that is disabled.
    """
    known = {organization.name: organization for organization in organizations}
    problems = [_unknown(name, known) for name in names if name not in known] + [
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


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"no such organization: {name}{_near(name, known)}"


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""
