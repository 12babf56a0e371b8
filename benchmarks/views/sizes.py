"""How large the fleet of the benchmark is, and values that are the same every time."""

from __future__ import annotations

from dataclasses import dataclass

_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the fleet is; the defaults are those of the goal."""

    organizations: int = 10_000
    connections: int = 1_000_000
    days: int = 365
    changed: float = 0.01
    """Share of the connections that change each day."""
    seed: int = 1

    @property
    def each(self) -> int:
        """Connections of one organization."""
        return self.connections // self.organizations


def mixed(*numbers: int) -> int:
    """32 bits that look random, and are the same every time."""
    state = 0x9E3779B9
    for number in numbers:
        state = ((state ^ number) * 0x85EBCA6B) & _MASK
        state = ((state ^ (state >> 13)) * 0xC2B2AE35) & _MASK
        state ^= state >> 16
    return state


def identifier(kind: int, number: int) -> str:
    first, second = mixed(kind, number), mixed(kind, number, 1)
    return f"{first:08x}-{kind:04x}-4{second & 0xFFF:03x}-8{second >> 20:03x}-{number:012x}"
