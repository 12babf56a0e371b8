"""What the command line takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.arguments import duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", timedelta(minutes=90)),
        ("26h", timedelta(hours=26)),
        ("7d", timedelta(days=7)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1h30m15s", timedelta(hours=1, minutes=30, seconds=15)),
        ("0d1h", timedelta(hours=1)),
        ("999999d999999h999999m999999s", timedelta(999999, 999999, 0, 0, 999999, 999999)),
    ],
)
def test_a_duration_is_whole_numbers_with_units_the_largest_first(
    text: str, expected: timedelta
) -> None:
    assert duration(text) == expected
