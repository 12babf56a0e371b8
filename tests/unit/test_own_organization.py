from __future__ import annotations

from aggregator.resources.organizations import ORGANIZATIONS
from tests.unit.normalized import columns, is_set, record_of, sample


def test_an_organization_is_one_record_that_names_itself() -> None:
    [given] = sample(ORGANIZATIONS, "organization")
    record = record_of(ORGANIZATIONS, given)
    assert ORGANIZATIONS.is_single
    assert record.id == record.organization_id == "00000001-1111-4111-8111-000000000001"
    assert columns(ORGANIZATIONS, given) == {
        "name": "Example Coffee",
        "sso_domain": "coffee.example.com",
        "sso_org_id": "org_example",
        "issuer": "https://login.example.com/coffee",
        "extra": None,
        "sanitized": False,
    }


def test_an_empty_single_sign_on_is_none() -> None:
    [older] = sample(ORGANIZATIONS, "older_server")
    assert is_set(columns(ORGANIZATIONS, older)) == {"name": "Example Coffee"}


def test_odd_fields_are_kept_and_masked() -> None:
    """Faults C19, C20, D16."""
    [odd] = sample(ORGANIZATIONS, "oddities")
    assert record_of(ORGANIZATIONS, odd).organization_id == "7"
    assert is_set(columns(ORGANIZATIONS, odd)) == {
        "extra": {
            "name": ["Coffee"],
            "plan": "enterprise",
            "sso_domain": False,
            "webhook_secret": "(set)",
        }
    }
