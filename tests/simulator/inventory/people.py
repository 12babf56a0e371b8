"""Users, roles and policies of an organization (polytomic-api 5.7, 5.8)."""

from __future__ import annotations

from random import Random

from tests.simulator.generate import Record, identifier, policy_for_everyone

SYSTEM_ORGANIZATION = "00000000-0000-0000-0000-000000000000"
"""What system roles and policies belong to; their ids are the same in every organization."""

_SYSTEM_ROLES = {
    "00000000-0000-0000-0001-000000000001": "Admin",
    "00000000-0000-0000-0001-000000000002": "Member",
}
_SYSTEM_POLICIES = {
    "00000000-0000-0000-0002-000000000001": "Connections",
    "00000000-0000-0000-0002-000000000002": "Models",
}
_ACTIONS = ("query", "create", "edit", "delete", "sync_to", "apply_policy")


def make_roles(organization_id: str) -> list[Record]:
    """The system's, and one of its own."""
    own = {"id": _own_role(organization_id), "name": "Analyst", "system": False}
    return [
        *_system(_SYSTEM_ROLES),
        {**own, "organization_id": organization_id},
    ]


def make_policies(organization_id: str) -> list[Record]:
    """Those of the system come without actions; a list of roles may be null."""
    random = Random(f"{organization_id}:policies")  # noqa: S311 - repeatable
    roles = [*_SYSTEM_ROLES, _own_role(organization_id)]
    actions = [
        {"action": action, "role_ids": random.choice((None, [], roles[:1], roles))}
        for action in random.sample(_ACTIONS, k=3)
    ]
    own = {"id": policy_for_everyone(organization_id), "name": "Everyone", "system": False}
    return [
        *_system(_SYSTEM_POLICIES),
        {**own, "organization_id": organization_id, "policy_actions": actions},
    ]


def make_users(organization_id: str, word: str) -> list[Record]:
    """Three people; ``role`` is the deprecated form, and e-mails compare without case."""
    admin, member = _SYSTEM_ROLES
    harbor = identifier(organization_id, "harbor")
    return [
        {
            "id": identifier(organization_id, "user", name),
            "email": email,
            "organization_id": organization_id,
            "role": role,
            "role_ids": role_ids,
            "harbor_only": harbor_only,
            "harbor_ids": [harbor] if harbor_only else [],
        }
        for name, email, role, role_ids, harbor_only in (
            ("ada", f"ada@{word}.example", "admin", [admin], False),
            ("grace", f"Grace.Sample@{word}.example", "member", [member], False),
            ("guest", f"guest@partner.{word}.example", "", None, True),
        )
    ]


def _system(named: dict[str, str]) -> list[Record]:
    return [
        {"id": id_, "name": name, "organization_id": SYSTEM_ORGANIZATION, "system": True}
        for id_, name in named.items()
    ]


def _own_role(organization_id: str) -> str:
    return identifier(organization_id, "role", "analyst")
