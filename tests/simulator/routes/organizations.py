"""``/api/organization`` of a key, ``/api/organizations`` of a partner (polytomic-api 1.4, 1.5)."""

from __future__ import annotations

from typing import Any

from tests.simulator.answers import Reply
from tests.simulator.fleet import Organization
from tests.simulator.routes.route import Call, Route


def _shown(organization: Organization) -> dict[str, Any]:
    return {
        "id": organization.id,
        "name": organization.display_name,
        "sso_domain": f"{organization.name}.example",
        "sso_org_id": "",
        "issuer": "",
    }


def _organization(call: Call) -> Reply:
    return call.one(_shown(call.organization))


def _organizations(call: Call) -> Reply:
    """The owner organization comes first; the list is never paginated by the real API."""
    return call.listed([_shown(each) for each in call.fleet if each.is_listed])


ROUTES = (
    Route("/api/organization", _organization),
    Route("/api/organizations", _organizations, access="partner"),
)
