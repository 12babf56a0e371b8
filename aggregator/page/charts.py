"""Geometry of the small charts; templates draw it. Lengths are units of the drawing's view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST = 0.6
"""Height or width of the smallest thing there is: one of ten thousand can be seen."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


def stacked(counts: Sequence[int], width: float, height: float) -> list[Box]:
    """One bar, divided by these counts; nothing at all where all are 0."""
    total = sum(counts)
    if not total:
        return []
    wanted = [max(count / total * width, SMALLEST) if count else 0.0 for count in counts]
    shrink = width / sum(wanted)
    boxes, x = [], 0.0
    for share in wanted:
        boxes.append(Box(round(x, 2), 0, round(share * shrink, 2), height))
        x += share * shrink
    return boxes


def columns(
    values: Sequence[int | None], width: float, height: float
) -> tuple[list[Box], list[Box]]:
    """A column for each value, as high as the highest; and marks where there is no value."""
    step = width / max(len(values), 1)
    most = max((value or 0 for value in values), default=0)
    bars, gaps = [], []
    for position, value in enumerate(values):
        x, wide = round(position * step + step * 0.1, 2), round(step * 0.8, 2)
        if value is None:
            gaps.append(Box(x, height - SMALLEST, wide, SMALLEST))
        elif value:
            high = round(max(value / most * height, SMALLEST), 2)
            bars.append(Box(x, round(height - high, 2), wide, high))
    return bars, gaps
