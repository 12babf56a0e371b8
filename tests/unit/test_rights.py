"""Rights as one text: equal only where all of them are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Identity

PART = st.none() | st.text("a/-%2FD", min_size=1, max_size=4)
PARTS = st.tuples(PART, PART, PART, PART)


def _rights(parts: tuple[str | None, str | None, str | None, str | None]) -> str:
    key_class, role, mode, profile = parts
    return Identity("o", key_class=key_class, role=role, mode=mode, profile=profile).rights


@given(PARTS, PARTS)
def test_other_rights_are_another_text(
    one: tuple[str | None, str | None, str | None, str | None],
    other: tuple[str | None, str | None, str | None, str | None],
) -> None:
    """Fault D3: a role may be called anything."""
    assert (_rights(one) == _rights(other)) == (one == other)


def test_a_role_with_a_slash_is_no_role_and_mode() -> None:
    assert _rights(("user", "x/y", "z", None)) != _rights(("user", "x", "y/z", None))
    assert _rights(("user", "admin", "full", None)) == "user/admin/full/-"
