"""The colors of a page, in two schemes that mean the same.

Every one of them is text somewhere, so each has a contrast of 4.5 on both backgrounds (WCAG AA),
and the four that say how something stands differ for color-blind eyes as well; ``line`` only rules.
"""

from __future__ import annotations

from collections.abc import Mapping

BACKGROUNDS = ("paper", "panel")
STATES = ("good", "warn", "bad", "unknown")

LIGHT = {
    "paper": "#fdfcf9",
    "panel": "#f4f1ea",
    "ink": "#1f1d1a",
    "muted": "#625d54",
    "line": "#ddd8cc",
    "link": "#0b4f8a",
    "good": "#1c6e8c",
    "warn": "#8f5a00",
    "bad": "#b5330c",
    "unknown": "#6b675f",
}
DARK = {
    "paper": "#15171a",
    "panel": "#1d2024",
    "ink": "#e8e5de",
    "muted": "#a7a297",
    "line": "#363a40",
    "link": "#8fbdec",
    "good": "#62b4d3",
    "warn": "#e3b65c",
    "bad": "#ff8a5c",
    "unknown": "#98938a",
}


def css() -> str:
    """Custom properties: light, dark where the reader's system is, either where they choose it.

    Paper is always light.
    """
    return (
        f":root{{color-scheme:light dark;{_properties(LIGHT)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_properties(DARK)}}}}}\n"
        f"@media screen{{:root[data-scheme=light]{{color-scheme:light;{_properties(LIGHT)}}}\n"
        f":root[data-scheme=dark]{{color-scheme:dark;{_properties(DARK)}}}}}\n"
    )


def _properties(colors: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{color};" for name, color in colors.items())
