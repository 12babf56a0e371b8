"""The event loop that ``aggregator`` itself would use, so that no case has a better one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

try:
    import uvloop
except ModuleNotFoundError:
    uvloop = None  # type: ignore[assignment]  # the extra `fast` is optional


def run(main: Coroutine[Any, Any, None]) -> None:
    """``asyncio.run``, on uvloop where it is installed."""
    (uvloop or asyncio).run(main)
