"""Pages as text: what they say of odd fleets, and what no name can make of them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import re
from collections.abc import Sequence
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from aggregator.page import charts, palette, render, words
from aggregator.page.document import Document, Row
from tests.pages import MOMENT, SUMMARY, document, full

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}"


class Reader(HTMLParser):
    """What a page consists of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.blocks: dict[str, str] = {}
        self.text = ""
        self._within = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, _: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in {"style", "script"}:
            self.blocks[self._within] = data
        else:
            self.text += f" {' '.join(data.split())}"


def read(page: Document) -> Reader:
    return Reader(render(page))


def section(html: str, name: str) -> str:
    """The words of one section."""
    found = re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL)
    assert found, name
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[0]))


def test_a_page_of_an_empty_database_says_that_nothing_is_known() -> None:
    html = render(document())

    assert "No organization is known yet" in html
    assert "No connection was ever read, so nothing is known of any" in html
    assert section(html, "glance").count("not read") == 6
    for name in ("unhealthy", "changes", "usage", "types", "blast"):
        assert "Not read" in section(html, name), name


def test_what_was_never_read_is_never_zero() -> None:
    never: Row = {
        "organization": "acme",
        "status": "failed",
        "last_complete_at": None,
        **dict.fromkeys(
            f"{word}connections" for word in ("", "healthy_", "unhealthy_", "withheld_")
        ),
        "tags": [],
    }
    words_of = section(render(document(organizations=[never])), "glance")

    assert re.search(r"acme\s+failed never not read not read not read not read", words_of)


def test_a_complete_fleet_is_said_to_be_complete() -> None:
    summary = dict.fromkeys(SUMMARY, 0) | {
        "organizations_expected": 3,
        "organizations_complete": 3,
        "oldest_observed_at": MOMENT - timedelta(hours=50),
        "connections": 12,
    }
    html = render(
        document(summary=[summary], statuses=[{"status": "complete", "organizations": 3}])
    )

    assert re.search(r"Complete:</span>\s+all 3 organizations", html)
    assert "2 d ago" in section(html, "glance")
    assert "None of the 12 connections known" in section(html, "unhealthy")
    assert "Nothing: every resource" in section(html, "coverage")


def test_a_time_that_is_not_exact_says_or_earlier() -> None:
    html = render(full())

    assert "2026-11-23 09:00Z 3 h ago or earlier" in section(html, "unhealthy")


def test_first_loads_are_told_apart_from_changes() -> None:
    said = section(render(full()), "changes")

    assert re.search(r"updated 7 7 7", said)
    assert "created 7" not in said
    assert "7 records were read for the first time" in said


def test_a_list_that_is_cut_says_how_many_more_and_how_to_get_them() -> None:
    page = full()
    cut = [{**row, "total": 1203} for row in page.unhealthy]
    html = render(document(unhealthy=cut))

    assert re.search(r"1 shown,\s+and 1,202 more\s+\. All of them: ", section(html, "unhealthy"))
    assert "select * from reporting.unhealthy_connections" in html


def test_a_name_with_markup_stays_a_name() -> None:
    """Fault I1."""
    plain, hostile = read(full()), read(full(MARKUP, MARKUP))

    assert hostile.tags == plain.tags
    assert hostile.attributes == plain.attributes
    assert hostile.blocks == plain.blocks
    assert "<script>alert(1)</script><img" in hostile.text
    assert "49" not in section(render(full(MARKUP)), "blast")


@pytest.mark.parametrize(
    "name",
    ["\x00\x01\x1b[2J", "\u202egnp.exe", "a" * 10_000, "", "\ud800", "نص عربي", "\u2028</script>"],
    ids=["control", "override", "long", "empty", "surrogate", "rtl", "separator"],
)
def test_odd_names_neither_break_nor_bend_a_page(name: str) -> None:
    html = render(full(name, name))

    assert not set(html) & set("\x00\x01\x1b\u202e\u2028\ud800")
    assert "a" * 81 not in html
    assert len(html.encode()) < 300_000
    assert Reader(html).tags == read(full()).tags


def test_a_page_asks_nobody_for_anything() -> None:
    """Fault I1: no images, no addresses, nothing inline that the policy would have to allow."""
    page = read(full())

    assert {link[:1] for link in page.links} == {"#"}
    assert not page.tags & {"img", "link", "iframe", "object", "form", "base", "image", "use"}
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    assert "://" not in re.sub(r"<code>.*?</code>", "", render(full()))


def test_the_policy_allows_exactly_the_two_blocks() -> None:
    html = render(full())
    page = Reader(html)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    said = policy[1].replace("&#39;", "'")

    digests = {
        tag: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for tag, text in page.blocks.items()
    }
    assert said == (
        f"default-src 'none'; style-src 'sha256-{digests['style']}';"
        f" script-src 'sha256-{digests['script']}';"
        " img-src 'none'; base-uri 'none'; form-action 'none'"
    )
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_every_part_of_a_page_can_be_named() -> None:
    html = render(full())
    page = Reader(html)

    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    named = re.findall(r'aria-labelledby="([^"]*)"', html)
    assert {one for names in named for one in names.split()} <= set(page.ids)
    drawings = re.findall(r"<svg[^>]*>", html)
    assert all('role="img"' in one or 'aria-hidden="true"' in one for one in drawings)
    assert html.count("<caption") == html.count("<table")


def test_a_page_of_ten_thousand_organizations_is_smaller_than_5_mb() -> None:
    html = render(full("a-name-as-long-as-they-are", "e" * 500, organizations=10_000))

    assert html.count('<tr><th scope="row"><bdi>a-name-as-long-as-they-are-') == 10_000
    assert len(html.encode()) < 5_000_000


CANARIES = {
    "jane.doe@example.com": "403: ask jane.doe@example.com for access",
    "db7.prod.internal.example": "dial tcp: lookup db7.prod.internal.example: no such host",
    "10.20.30.40": "connection to 10.20.30.40:5432 timed out",
    "2001:db8::7": "no route to [2001:db8::7]:443",
    "svc_canary": 'pq: password authentication failed for user "svc_canary"',
    "canarydb": "FATAL: database 'canarydb' does not exist",
    "login.example": "redirected to https://login.example/oauth?code=canary-code",
    "hunter2": "could not connect: password=hunter2 rejected",
    "face0000-1111-2222-3333-444455556666": "key face0000-1111-2222-3333-444455556666 is revoked",
    "555 0134": "call +1 (202) 555 0134 to unlock",
    "db1": "connecting to db1:5432 failed",
    "AKIAIOSFODNN7EXAMPLE": "AKIAIOSFODNN7EXAMPLE is not authorized",
}


@pytest.mark.parametrize("canary", CANARIES)
def test_an_error_keeps_its_sentence_and_loses_its_data(canary: str) -> None:
    """Threat S19: pages are passed on by mail."""
    html = render(full(error=CANARIES[canary]))

    assert canary.lower() not in html.lower()


def test_an_address_of_a_person_in_a_name_is_masked() -> None:
    """Threat S19."""
    assert words.name("Sheets of jane.doe@example.com (old)") == "Sheets of (address) (old)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token sk-live-abcdefgh12345678", "token (set)"),
        ("sk-live-\u200dabcdefgh12345678 of acme", "(set) of acme"),
        ("AKIAIOSFODNN7EXAMPLE", "(set)"),
        ("postgres://u:fake-pw@db/x", "postgres://db/x"),
        ("key 4f9bA7cc01dE93aa65f0B1d2", "key (set)"),
        ("glpat-abcdefgh1 of acme", "(set) of acme"),
    ],
)
def test_what_looks_like_a_token_in_a_name_is_masked(text: str, shown: str) -> None:
    """Threat S7."""
    assert words.name(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "face0000-1111-2222-3333-444455556666",
        "Token: refresh (daily)",
        "Bearer Logistics, Basic Plan2024",
        "sk-warehouse-prod of Slovakia",
        "pk_customers_2026",
        "SG.Marketing",
        "acme-production-warehouse-2026-eu-west-1",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "Sales @ Acme, can't miss",
    ],
)
def test_a_name_that_is_only_odd_stays_as_it_is(text: str) -> None:
    assert words.name(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Z" + "\u0301" * 79, "Z" + "\u0301" * 3),
        ("x\u0489\u20dd\u20de\u20e3y", "x\u0489\u20dd\u20dey"),
        ("Z" + "\u0301\u200d" * 30 + "b", "Z" + "\u0301\u200d" * 3 + "\u200d" * 27 + "b"),
        (
            "\u05e9\u05c1\u05b8\u05bc \u0e17\u0e35\u0e48",
            "\u05e9\u05c1\u05b8\u05bc \u0e17\u0e35\u0e48",
        ),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
    ],
    ids=["accents", "circles", "with joiners between", "as languages have them", "emoji"],
)
def test_at_most_three_marks_are_drawn_over_a_letter(text: str, shown: str) -> None:
    """More of them are drawn over the rows above and below."""
    assert words.name(text) == shown
    assert not re.search("[\u0301\u20dd-\u20e3]{4}", words.error(text))


@pytest.mark.parametrize(
    "filler", ["\u3164", "\u2800", "\u115f", "\u1160", "\uffa0", "\u200d", "\u200c\u200d"]
)
def test_a_name_of_nothing_that_can_be_seen_is_a_missing_one(filler: str) -> None:
    assert words.name(f"{filler} {filler}") == words.NOTHING
    assert not words.error(f"{filler} {filler}")
    assert words.name(f"a{filler}b") in {"a b", f"a{filler}b"}


@pytest.mark.parametrize(
    "text", ["jdoe\u200d@acme.com", "jdoe@\u200dacme.com", "jdoe\uff20acme.com"]
)
def test_an_address_in_a_name_is_not_hidden_by_signs_without_width(text: str) -> None:
    """Threat S19."""
    assert words.name(text) == "(address)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("HTTP 403: your role cannot read models", "HTTP 403: your role cannot read models"),
        ("no answer in 30 seconds", "no answer in 30 seconds"),
        ("oauth2: (set) expired and refresh token", "oauth2: (set) expired and refresh token"),
        (None, ""),
    ],
)
def test_an_error_without_data_is_shown_as_it_is(text: str | None, shown: str) -> None:
    assert words.error(text) == shown


def test_an_error_is_cut() -> None:
    assert len(words.error("it failed " * 200)) == words.LONGEST_ERROR


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (119, "119 s"),
        (7199, "119 min"),
        (86_400, "24 h"),
        (172_800, "2 d"),
    ],
)
def test_an_age_is_rounded_down(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "\N{EN DASH}"),
        (0, 9, "0%"),
        (1, 10_000, "<1%"),
        (9_999, 10_000, ">99%"),
        (5, 5, "100%"),
    ],
)
def test_a_share_is_never_all_or_nothing_unless_it_is(part: int, whole: int, shown: str) -> None:
    assert words.percent(part, whole) == shown


def test_one_of_ten_thousand_can_be_seen_in_a_bar() -> None:
    boxes = charts.stacked([9_999, 0, 1], 100, 10)

    assert [box.width > 0.5 for box in boxes] == [True, False, True]
    assert boxes[-1].x + boxes[-1].width == pytest.approx(100)
    assert charts.stacked([0, 0], 100, 10) == []


def test_a_day_of_which_nothing_is_known_is_no_day_without_changes() -> None:
    bars, gaps = charts.columns([4, None, 0, 2], 40, 20)

    assert [(bar.x, bar.height) for bar in bars] == [(1, 20), (31, 10)]
    assert [gap.x for gap in gaps] == [11]


def linear(color: str) -> list[float]:
    shares = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]


def weighed(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def luminance(color: str) -> float:
    return weighed((0.2126, 0.7152, 0.0722), linear(color))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


SCHEMES = {"light": palette.LIGHT, "dark": palette.DARK}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_color_can_be_read_on_every_background(scheme: str) -> None:
    """WCAG 2.2, success criterion 1.4.3."""
    colors = SCHEMES[scheme]
    texts = colors.keys() - {*palette.BACKGROUNDS, "line"}
    low = {
        (text, back): ratio
        for text, back in itertools.product(texts, palette.BACKGROUNDS)
        if (ratio := contrast(colors[text], colors[back])) < 4.5
    }

    assert low == {}


SIGHT = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    # Viénot, Brettel and Mollon 1999: what remains without long-wave and middle-wave cones.
    "protanopia": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
    "deuteranopia": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)),
}


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_good_and_bad_differ_for_color_blind_eyes(scheme: str, sight: str) -> None:
    colors = SCHEMES[scheme]
    good, bad = (
        lab([weighed(row, linear(colors[name])) for row in SIGHT[sight]])
        for name in ("good", "bad")
    )

    assert math.dist(good, bad) > 25


def lab(seen: Sequence[float]) -> list[float]:
    """CIELAB of linear red, green and blue."""
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1, 1.089)
    x, y, z = (
        max(weighed(row, seen) / most, 1e-6) ** (1 / 3)
        for row, most in zip(to_xyz, white, strict=True)
    )
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
