"""Schedules of bulk and model syncs: numbers are strings, and unset ones empty (5.4)."""

from __future__ import annotations

from random import Random

from tests.simulator.generate import Record

_OFTEN = ("manual", "continuous", "hourly", "daily", "weekly", "daily", "custom")
_UNSET = {"minute": "", "hour": "", "day_of_week": "", "day_of_month": "", "month": ""}


def make_schedule(random: Random) -> Record:
    frequency = random.choice(_OFTEN)
    minute, hour = str(random.choice((0, 15, 30, 45))), str(random.randint(0, 23))
    named: dict[str, Record] = {
        "hourly": {"minute": minute},
        "daily": {"minute": minute, "hour": hour},
        "weekly": {"minute": minute, "hour": hour, "day_of_week": random.choice("0123456")},
        "custom": {"minute": minute, "hour": "*/6", "day_of_week": "1-5"},
    }
    return {"frequency": frequency, **_UNSET, **named.get(frequency, {})}
