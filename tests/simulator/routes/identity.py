"""``/api/me``: whom a key speaks for (polytomic-api 1.5)."""

from __future__ import annotations

from typing import Any

from tests.simulator.answers import Reply
from tests.simulator.generate import identifier
from tests.simulator.routes.route import Call, Route


def _me(call: Call) -> Reply:
    kind, organization = call.caller.kind, call.caller.organization
    identity: dict[str, Any] = {
        "is_organization": kind == "organization",
        "is_partner": kind == "partner",
        "is_system": kind == "system",
        "is_user": kind == "user",
        "credential": {"method": "api_key", "mode": "full"},
    }
    if organization is not None:
        identity |= {
            "organization_id": organization.id,
            "organization_name": organization.display_name,
        }
        if kind == "user":
            identity |= {
                "email": f"inventory@{organization.name}.example",
                "id": identifier(organization.id, "caller"),
                "role": "admin",
            }
        identity |= organization.identity
    return call.one(identity)


ROUTES = (Route("/api/me", _me, access="anyone"),)
