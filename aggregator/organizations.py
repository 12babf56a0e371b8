"""Registry: settings to organizations with their credentials."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aggregator.environment import PARTNER_KEY, exposed_variables, shown
from aggregator.errors import ConfigurationError
from aggregator.keys import CheckedKey, check_key
from aggregator.model import Credential, Organization, Outcome, Refusal, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aggregator.settings import Settings
    from aggregator.sources import Entry

Claim = tuple[str | bytes, ...]
MAX_NAME_CHARACTERS = 128
_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME_CHARACTERS}}}")
MAX_NAMES_IN_A_NOTE = 5
MAX_LOST_NAMES = 3
_TRIMMED = "white space, a byte order mark or quotes around the key were left out"


@dataclass(frozen=True, slots=True)
class Registry:
    """Whom to ask, and what a person should know about the configuration."""

    organizations: tuple[Organization, ...]
    notes: tuple[str, ...] = ()
    """One line a kind of finding, naming organizations, never a value."""
    partner_key: Secret | None = None
    """Ready to be sent; for ``discover``."""


def load_organizations(settings: Settings) -> Registry:
    """The organizations of all sources: ``API_KEYS``, ``KEYS_DIR``, ``ORGANIZATIONS_FILE``.

    A key that cannot be sent refuses its organization only. Raises ``ConfigurationError`` with all
    problems of structure, or when no organization is left to ask and none can be discovered.
    """
    from aggregator.sources import EXPOSED, read_sources  # noqa: PLC0415  it imports pydantic: 0.3 s

    entries, problems = read_sources(settings)
    problems += _problems_of_names(entries)
    partner = _partner_key(settings)
    if partner and partner.problem:
        problems.append(f"{PARTNER_KEY}: {partner.problem}")
    if not entries and not partner and not problems:
        problems.append(
            "no organization is configured: set AGGREGATOR_API_KEYS, AGGREGATOR_KEYS_DIR, "
            f"AGGREGATOR_ORGANIZATIONS_FILE or {PARTNER_KEY}"
        )
    if problems:
        raise ConfigurationError(problems)

    found: dict[str, list[str]] = defaultdict(list)
    organizations = _refuse_duplicates([_organization(entry, found) for entry in entries])
    if not partner and not any(one.credential for one in organizations):
        reasons = [
            one.refusal.reason if one.refusal else f"{one.name} ({one.source}): disabled"
            for one in organizations
        ]
        raise ConfigurationError(["no organization has a usable key", *reasons])
    if partner and partner.trimmed:
        found[_TRIMMED].append(PARTNER_KEY)
    for name, is_secret in exposed_variables().items():
        if is_secret:
            found[EXPOSED].append(shown(name))
    notes = tuple(f"{note}: {_abridged(names)}" for note, names in found.items())
    return Registry(organizations, notes, partner.secret if partner else None)


def upstream_id(row: object) -> str | None:
    """The id in a record of ``GET /api/organizations``; None where it has no usable one."""
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, str) and _is_name(found) else None


def discover(
    rows: Iterable[Any],
    partner_key: Secret,
    base_url: str,
    known: Sequence[Organization],
    former_names: Mapping[str, str],
) -> tuple[Organization, ...]:
    """One organization per record of ``GET /api/organizations``, by id (polytomic-api 1.2, 1.4).

    Left out are records without a usable id, and ids that ``known`` pins at the same deployment.
    An id keeps its name of ``former_names`` (by id), unless ``known`` has taken that. Other names
    come from the upstream names, whatever the order of ``rows``; where two would be alike, each has
    the end of its id appended.
    """
    deployment = _host(base_url)
    pinned = {one.organization_id for one in known if one.deployment == deployment}
    upstream_names: dict[str, str] = {}
    for row in rows:
        organization_id = upstream_id(row)
        if organization_id is not None and organization_id not in pinned:
            name = row.get("name")
            upstream_names.setdefault(organization_id, name if isinstance(name, str) else "")
    taken = {one.name for one in known}
    names = {
        organization_id: name
        for organization_id, name in former_names.items()
        if organization_id in upstream_names and name not in taken
    }
    nameless = {key: name for key, name in upstream_names.items() if key not in names}
    names |= _unique_names(nameless, taken | set(former_names.values()))
    return tuple(
        Organization(
            name=names[organization_id],
            base_url=base_url,
            deployment=deployment,
            source=PARTNER_KEY,
            credential=Credential(partner_key, scheme="basic", username=organization_id),
            organization_id=organization_id,
            organization_name=upstream_name or None,
            discovered=True,
        )
        for organization_id, upstream_name in sorted(upstream_names.items())
    )


def without_key(names: Sequence[str]) -> str | None:
    """What to say of organizations that were read once and have no key any more; None: of none."""
    if not names:
        return None
    who = "1 organization has" if len(names) == 1 else f"{len(names)} organizations have"
    return f"{who} no key any more: {_abridged(names, MAX_LOST_NAMES)}"


def _problems_of_names(entries: Sequence[Entry]) -> list[str]:
    problems = []
    sources: dict[str, str] = {}
    for entry in entries:
        if not _is_name(entry.name):
            problems.append(
                f"{entry.source}: the name {entry.name[:80]!a} must be 1 to {MAX_NAME_CHARACTERS} "
                "letters, digits, dots, underscores and hyphens"
            )
        elif entry.name in sources:
            problems.append(
                f"{entry.source}: {entry.name} is named in {sources[entry.name]} already"
            )
        sources.setdefault(entry.name, entry.source)
    return problems


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _partner_key(settings: Settings) -> CheckedKey | None:
    if settings.partner_key is None:
        return None
    return check_key(Secret(settings.partner_key.get_secret_value()))


def _organization(entry: Entry, notes: dict[str, list[str]]) -> Organization:
    """The entry as an organization; what is worth a note is added to ``notes`` by kind."""
    credential, refusal = _judge(entry, entry.key, notes) if entry.key else (None, None)
    return Organization(
        name=entry.name,
        base_url=entry.base_url,
        deployment=_host(entry.base_url),
        source=entry.source,
        credential=credential,
        refusal=refusal,
        organization_id=entry.organization_id,
        tags=entry.tags,
        requests_per_second=entry.requests_per_second,
        enabled=entry.enabled,
    )


def _judge(
    entry: Entry, key: Secret, notes: dict[str, list[str]]
) -> tuple[Credential, None] | tuple[None, Refusal]:
    for warning in entry.warnings:
        notes[warning].append(entry.name)
    checked = check_key(key)
    if checked.secret is None:
        reason = f"{entry.name} ({entry.source}): {checked.problem}"
        return None, Refusal(Outcome.BAD_KEY, reason)
    if checked.trimmed:
        notes[_TRIMMED].append(entry.name)
    username = (entry.organization_id or "") if entry.auth == "basic" else ""
    return Credential(checked.secret, scheme=entry.auth, username=username), None


def _refuse_duplicates(organizations: Iterable[Organization]) -> tuple[Organization, ...]:
    """Of those that share a key or a pinned id, all but the first refused (fault A1)."""
    first: dict[Claim, str] = {}
    result = []
    for organization in organizations:
        claims = _claims(organization)
        shared = next((claim for claim in claims if claim in first), None)
        if shared is None:
            first.update(dict.fromkeys(claims, organization.name))
            result.append(organization)
            continue
        reason = f"{claims[shared]} as {first[shared]!r}"
        refusal = Refusal(Outcome.DUPLICATE_ORG, reason)
        result.append(replace(organization, credential=None, refusal=refusal))
    return tuple(result)


def _claims(organization: Organization) -> Mapping[Claim, str]:
    """What no second organization may have as well, and how to say so."""
    credential = organization.credential
    if credential is None:
        return {}
    digest = credential.secret.digest(b"duplicates")
    key: Claim = (organization.base_url, credential.scheme, credential.username, digest)
    claims = {key: "same key"}
    if organization.organization_id is not None:
        claims[organization.deployment, organization.organization_id] = "same organization_id"
    return claims


def _abridged(names: Sequence[str], most: int = MAX_NAMES_IN_A_NOTE) -> str:
    listed = ", ".join(names[:most])
    more = len(names) - most
    return f"{listed} and {more} more" if more > 0 else listed


@lru_cache(maxsize=1024)
def _host(base_url: str) -> str:
    return urlsplit(base_url).hostname or ""


def _unique_names(upstream_names: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    slugs = {organization_id: _slug(name) for organization_id, name in upstream_names.items()}
    times = Counter(slugs.values())
    taken = set(taken)
    names = {}
    for organization_id, slug in sorted(slugs.items()):
        name = slug
        if times[slug] > 1 or slug in taken:
            name = f"{slug}-{organization_id[-8:]}"
        while name in taken:
            name += f"-{organization_id}"
        taken.add(name)
        names[organization_id] = name
    return names


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[:200]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._-]+", "-", plain).strip("-")[:64] or "organization"
