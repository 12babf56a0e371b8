"""What configurations of several types have in common."""

from __future__ import annotations

from random import Random
from typing import Any

CANARY = "canary"
"""Marks the secrets that the API shows in clear because no schema calls them sensitive (4.5)."""

MASK = "********"
"""What the API puts in the place of a sensitive value that is set; an unset one is ``""``."""

Configuration = dict[str, Any]


def secret(random: Random) -> str:
    """A sensitive value as it is shown; now and then it was never set."""
    return MASK if random.random() < 0.9 else ""


def region(random: Random) -> str:
    return random.choice(("us-east-1", "us-west-2", "eu-central-1", "eu-west-1"))
