"""Who is calling: the forms of the ``Authorization`` header (polytomic-api 1.1, 1.2)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

from tests.simulator.fleet import Fleet, Organization

STRANGER = "(stranger)"
"""Stands for the organization's name in observations where the key is unknown."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A known key; partner and deployment keys have an organization only when narrowed to one."""

    kind: Literal["user", "organization", "partner", "system"]
    organization: Organization | None = None

    @property
    def name(self) -> str:
        return self.organization.name if self.organization else f"({self.kind})"


def identify(authorization: str | None, fleet: Fleet) -> Caller | None:
    """The caller, or None for no key, a wrong key and a malformed header."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme == "Bearer":
        return _bearer(rest, fleet)
    if scheme == "Basic":
        try:
            username, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return _basic(username, password, fleet)
    return None


def _bearer(key: str, fleet: Fleet) -> Caller | None:
    if key == fleet.partner_key:
        return Caller("partner")
    organization = fleet.keys.get(key)
    return Caller(organization.key_class, organization) if organization else None


def _basic(username: str, password: str, fleet: Fleet) -> Caller | None:
    """A partner or deployment key narrowed to one organization, or the older deployment form.

    Assumed by the simulator: a narrowed key speaks as the organization itself, and a deployment
    key alone reads the owner organization as a system actor.
    """
    if fleet.deployment_key and (username, password) == (fleet.deployment_key, ""):
        return Caller("system", fleet.owner)
    organization = fleet.by_id.get(username)
    if organization is None or not password:
        return None
    by_partner = password == fleet.partner_key and organization.is_open_to_partner
    if by_partner or password == fleet.deployment_key:
        return Caller("organization", organization)
    return None
