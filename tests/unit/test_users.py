from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Record, Rejection
from aggregator.resources.users import USERS
from tests.unit.normalized import Json, columns, is_set, record_of, rejection_of, sample, samples

ADDRESS = "dee@coffee.example.com"


def test_a_user_is_read_field_by_field() -> None:
    ada = sample(USERS, "list_users")[0]
    assert record_of(USERS, ada).id == "00000002-1111-4111-8111-000000000002"
    assert columns(USERS, ada) == {
        "email": "ada.example@coffee.example.com",
        "role": "admin",
        "role_ids": [
            "00000100-1111-4111-8111-000000000100",
            "00000101-1111-4111-8111-000000000101",
        ],
        "harbor_only": False,
        "harbor_ids": [],
        "extra": None,
        "sanitized": False,
    }


def test_an_older_server_knows_no_harbors_and_no_roles() -> None:
    [older] = sample(USERS, "older_server")
    assert record_of(USERS, older).organization_id == "acme"
    assert is_set(columns(USERS, older)) == {"email": "cy@coffee.example.com"}


def test_an_address_in_other_letters_is_no_change() -> None:
    """polytomic-api 5.7."""
    small, large = ({"id": "u", "email": email} for email in (ADDRESS, "DEE@Coffee.Example.COM"))
    assert record_of(USERS, small) == record_of(USERS, large)


def test_what_is_odd_is_named_and_never_shown() -> None:
    first, second = (is_set(columns(USERS, given)) for given in sample(USERS, "oddities"))
    assert first == {
        "role_ids": ["r"],
        "extra": dict.fromkeys(("email", "harbor_ids", "harbor_only", "role", "role_ids"), "(set)"),
    }
    assert second == {
        "email": ADDRESS,
        "extra": dict.fromkeys(("(set)", "manager_email", "name", "phone", "profile"), "(set)"),
    }


def test_a_rejected_user_is_told_by_its_fields_alone() -> None:
    for user in samples(USERS):
        user.pop("id")
        told = json.loads(rejection_of(USERS, user).record)
        assert {"(set)"} <= set(told.values()) <= {"(set)", "(empty)", None}
        assert "coffee" not in repr(told)


def test_an_address_as_an_id_that_is_too_long_is_not_told() -> None:
    assert "coffee" not in repr(rejection_of(USERS, {"id": ADDRESS * 30}))


NAMES = st.sampled_from(["email", "id", "user", "username", "name", "host", "x", ADDRESS])
VALUES = st.recursive(
    st.just(ADDRESS) | st.just(4242424242),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(NAMES | st.sampled_from([*USERS.fields]), VALUES) | VALUES)
def test_an_address_is_stored_in_its_column_alone(user: Json) -> None:
    """But for what the server itself calls an id or a role."""
    if isinstance(user, dict):
        user = {name: item for name, item in user.items() if name not in {"id", "organization_id"}}
        texts = ("role", "role_ids", "harbor_ids")
        result = USERS.normalize({**user, "id": "u"}, False)
        assert isinstance(result, Record)
        values = dict(zip(USERS.columns, result.values, strict=True))
        assert all(
            ADDRESS not in repr(values[name]) for name in values if name not in {"email", *texts}
        )
    rejection = USERS.normalize(user, False)
    assert isinstance(rejection, Rejection)
    assert ADDRESS not in repr(rejection)
    assert "4242424242" not in repr(rejection)
