from __future__ import annotations

import pytest

from aggregator.resource import Resource
from aggregator.resources.policies import POLICIES
from aggregator.resources.roles import ROLES
from tests.unit.normalized import Json, columns, is_set, record_of, sample

ORGANIZATION = "00000001-1111-4111-8111-000000000001"
NO_ORGANIZATION = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("resource", [POLICIES, ROLES], ids=["policies", "roles"])
@pytest.mark.parametrize(
    ("organization_id", "system", "named"),
    [
        (ORGANIZATION, False, ORGANIZATION),
        (ORGANIZATION, None, ORGANIZATION),
        (ORGANIZATION, "no", ORGANIZATION),
        (ORGANIZATION, True, None),
        (NO_ORGANIZATION, True, None),
        (NO_ORGANIZATION, None, None),
        (None, False, None),
    ],
)
def test_what_all_organizations_have_alike_names_none(
    resource: Resource, organization_id: str | None, system: Json, named: str | None
) -> None:
    """polytomic-api 5.8: or the answer would be taken for another organization's."""
    record = {"id": "p", "organization_id": organization_id, "system": system}
    assert record_of(resource, record).organization_id == named


def test_a_policy_says_which_roles_may_do_what() -> None:
    system, own = (columns(POLICIES, given) for given in sample(POLICIES, "list_policies"))
    assert system == {
        "name": "Model syncs",
        "is_system": True,
        "policy_actions": None,
        "extra": None,
        "sanitized": False,
    }
    assert own["policy_actions"] == [
        {"action": "create", "role_ids": []},
        {"action": "delete", "role_ids": None},
        {
            "action": "query",
            "role_ids": [
                "00000000-0000-0000-0000-000000000001",
                "00000000-0000-0000-0000-000000000002",
            ],
        },
    ]


def test_odd_policies_are_read() -> None:
    """Faults C19, C20, D16."""
    odd, newer = (is_set(columns(POLICIES, given)) for given in sample(POLICIES, "oddities"))
    assert odd == {
        "policy_actions": [
            {"action": "apply_policy", "role_ids": ["3", "r"]},
            {"action": None, "role_ids": None},
        ],
        "extra": {
            "name": 7,
            "system": "no",
            "policy_actions": [
                {"action": "trigger"},
                {"action": ["export"], "role_ids": "all"},
                {"password": "(set)", "role_ids": [None]},
            ],
        },
    }
    assert newer == {"name": "New", "extra": {"policy_actions": "all", "shared_secret": "(set)"}}


def test_a_role_is_read() -> None:
    admin, analysts = (columns(ROLES, given) for given in sample(ROLES, "list_roles"))
    assert admin == {"name": "admin", "is_system": True, "extra": None, "sanitized": False}
    assert analysts["is_system"] is False
    assert is_set(columns(ROLES, sample(ROLES, "older_server")[0])) == {"name": "user"}


def test_odd_roles_are_read() -> None:
    odd, newer = (is_set(columns(ROLES, given)) for given in sample(ROLES, "oddities"))
    assert odd == {"extra": {"name": ["x"], "system": 1}}
    assert newer["extra"] == {"permissions": {"scope": "(set)", "token": "(set)"}}
