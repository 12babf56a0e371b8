"""Pages in a real browser: inert to names, usable by keyboard, whole at every width."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from aggregator.page import render
from aggregator.page.document import Document, Rows
from tests.browser import needs_browser, noticed, opened_browser
from tests.pages import full

pytestmark = needs_browser

OPENINGS = ("", '"', "'", "-->", "</td>", "</script>", "</style>", "</title>", '">', "'>")
VECTORS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<a href=javascript:alert(1) autofocus onfocus=alert(1)>x</a>",
    "<link rel=stylesheet href=//evil.invalid/x.css>",
    "<style>@import '//evil.invalid/x.css'</style>",
    "<meta http-equiv=refresh content=0;url=//evil.invalid>",
    " onmouseover=alert(1) style=background:url(//evil.invalid) x=",
    "<form action=//evil.invalid><input autofocus onfocus=alert(1)>",
)
PAYLOADS = ["".join(parts) for parts in itertools.product(OPENINGS, VECTORS)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with opened_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def show(browser: webdriver.Chrome, folder: Path, html: str) -> None:
    path = folder / "fleet.html"
    path.write_text(html)
    browser.get(path.as_uri())


def hostile() -> Document:
    """Every payload as every text of every table."""
    page = full()

    def spread(rows: Rows) -> Rows:
        return [
            {name: bent(value, payload) for name, value in rows[0].items()} for payload in PAYLOADS
        ]

    def bent(value: Any, payload: str) -> Any:  # noqa: ANN401 (what columns hold)
        if isinstance(value, list):
            return [bent(item, payload) for item in value]
        return payload if isinstance(value, str) else value

    kept = {"moment", "summary", "days", "usage_daily", "runs"}
    names = [field.name for field in dataclasses.fields(page) if field.name not in kept]
    changed = {name: spread(getattr(page, name)) for name in names}
    changed["runs"] = [{**page.runs[0], "status": text, "headline": text} for text in PAYLOADS]
    return dataclasses.replace(page, **changed, moment=[{**page.moment[0], "role": PAYLOADS[1]}])


def test_a_page_that_is_not_inert_would_be_noticed(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    """The control of the next test: the same payloads in a page without policy and escaping."""
    show(browser, tmp_path, "<!doctype html><p>" + VECTORS[0] + VECTORS[1] + VECTORS[5])

    found = noticed(browser)

    assert {"alert"} <= set(found)
    assert [each for each in found if each.startswith("request") and "evil.invalid" in each]


def test_a_hundred_payloads_in_all_places_do_nothing(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    """Fault I1: no dialog, no request, and nothing that the policy had to stop."""
    assert len(set(PAYLOADS)) == 100
    html = render(hostile())
    show(browser, tmp_path, html)

    assert noticed(browser) == []
    assert browser.title == "Polytomic fleet, 2026-11-23 12:00Z"
    shown = browser.execute_script("return document.body.textContent")
    assert [payload[:60] for payload in PAYLOADS if payload[:60] not in shown] == []
    # Also what the script makes of names: buttons, choices, rows that come and go.
    for button in browser.find_elements(By.CSS_SELECTOR, "thead button, .more"):
        browser.execute_script("arguments[0].click()", button)
    assert noticed(browser) == []


def test_the_policy_stops_what_a_template_would_let_through(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    """Fault I1: the second net, seen at work."""
    html = render(full()).replace("<main>", f"<main>{''.join(VECTORS[:3])}", 1)
    show(browser, tmp_path, html)

    found = noticed(browser)

    assert "alert" not in found
    assert [each for each in found if each.startswith(("request http", "request //"))] == []
    assert {each.split()[0] for each in found} >= {"script-src-elem", "img-src"}


@pytest.fixture
def page(browser: webdriver.Chrome, tmp_path: Path) -> webdriver.Chrome:
    """A page of 250 organizations, of which the first was never read."""
    document = full(organizations=250)
    first, *others = document.organizations
    unread = {**first, "status": "failed", "connections": None}
    document = dataclasses.replace(document, organizations=[unread, *others])
    show(browser, tmp_path, render(document))
    return browser


def names(page: webdriver.Chrome, table: str = "organizations") -> list[str]:
    return [
        cell.text
        for cell in page.find_elements(By.CSS_SELECTOR, f"#{table} tbody th[scope=row] bdi")
    ]


def tools(page: webdriver.Chrome) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, ".tools[aria-label='All organizations']")


def press(page: webdriver.Chrome, element: WebElement, *keys: str) -> None:
    """Keys where the focus is, and it must be able to be there."""
    page.execute_script("arguments[0].focus()", element)
    assert page.switch_to.active_element == element
    page.switch_to.active_element.send_keys(*keys)


def test_tables_are_sorted_by_keyboard_and_say_how(page: webdriver.Chrome) -> None:
    head = page.find_elements(By.CSS_SELECTOR, "#organizations thead th")[3]
    button = head.find_element(By.TAG_NAME, "button")

    press(page, button, Keys.ENTER)
    assert head.get_attribute("aria-sort") == "descending"
    assert names(page)[:3] == ["acme-00099", "acme-00199", "acme-00098"]

    press(page, button, Keys.SPACE)
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(page)[:2] == ["acme-00100", "acme-00200"], "what was not read is not the least"
    assert len(page.find_elements(By.CSS_SELECTOR, "#organizations [aria-sort]")) == 1
    assert noticed(page) == []


def test_what_was_not_read_comes_last_in_both_directions(page: webdriver.Chrome) -> None:
    press(page, page.find_element(By.CSS_SELECTOR, "#glance .more"), Keys.ENTER)
    button = page.find_elements(By.CSS_SELECTOR, "#organizations thead button")[3]

    for _ in range(2):
        press(page, button, Keys.ENTER)
        assert names(page)[-1] == "acme-00000"


def test_rows_are_searched_and_filtered_by_keyboard(page: webdriver.Chrome) -> None:
    told = tools(page).find_element(By.TAG_NAME, "output")
    search, choice = tools(page).find_elements(By.CSS_SELECTOR, "input, select")

    assert told.text == "100 of 250 rows"
    press(page, search, "-0024 ACME")
    assert names(page) == [f"acme-0024{digit}" for digit in range(10)]
    assert told.text == "10 of 250 rows; 10 match"
    press(page, search, Keys.CONTROL, "a")
    press(page, search, Keys.DELETE)
    press(page, choice, "f")
    assert Select(choice).first_selected_option.text == "failed"
    assert names(page) == ["acme-00000"]
    assert noticed(page) == []


def test_every_control_has_a_name(page: webdriver.Chrome) -> None:
    nameless = page.execute_script("""
        return [...document.querySelectorAll("button, input, select, a, summary, [role=region]")]
            .filter((e) => !(e.getAttribute("aria-label") || e.labels?.[0]?.textContent
                || e.textContent).trim())
            .map((e) => e.outerHTML)""")

    assert nameless == []


def test_the_first_key_leads_past_the_masthead(page: webdriver.Chrome) -> None:
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    link = page.switch_to.active_element

    assert (link.text, link.is_displayed()) == ("Skip to the content", True)
    assert (
        page.execute_script("return getComputedStyle(arguments[0]).outlineStyle", link) == "solid"
    )


def background(page: webdriver.Chrome) -> str:
    color: str = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    return color


def test_the_colors_follow_the_system_until_somebody_chooses(page: webdriver.Chrome) -> None:
    seen = []
    for scheme in ("light", "dark"):
        prefer(page, scheme)
        seen.append(background(page))
    button = page.find_element(By.CSS_SELECTOR, ".title button")
    press(page, button, Keys.ENTER)
    chosen = background(page)
    prefer(page, "light")
    press(page, button, Keys.ENTER)

    assert seen == ["rgb(253, 252, 249)", "rgb(21, 23, 26)"]
    assert [chosen, background(page)] == seen
    assert button.text == "Colors: dark"


def prefer(page: webdriver.Chrome, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 900, 1600])
def test_nothing_is_wider_than_the_page(page: webdriver.Chrome, width: int, scheme: str) -> None:
    prefer(page, scheme)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wide, room = page.execute_script(
            "const e = document.documentElement; return [e.scrollWidth, e.clientWidth]"
        )
        assert wide <= room <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("width", [1280, 1440, 1600])
def test_on_a_screen_of_today_no_column_is_out_of_sight(page: webdriver.Chrome, width: int) -> None:
    """The last column says why."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert not page.execute_script(
            "return [...document.querySelectorAll('.scroll')]"
            ".filter((each) => each.scrollWidth > each.clientWidth + 1)"
            ".map((each) => each.firstElementChild.id)"
        )
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_page_older_than_a_day_says_so(browser: webdriver.Chrome, tmp_path: Path) -> None:
    told = []
    for age in (timedelta(hours=23), timedelta(days=3, hours=1)):
        moment = [{**full().moment[0], "as_of": datetime.now(UTC) - age}]
        show(browser, tmp_path, render(dataclasses.replace(full(), moment=moment)))
        told.append(browser.find_element(By.CSS_SELECTOR, ".old").text)

    assert told[0] == ""
    assert told[1].startswith("This page is 3 days old.")


def test_paper_shows_neither_controls_nor_a_thousand_rows(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for selector in (".tools", "nav", ".title button", ".more"):
            assert not page.find_element(By.CSS_SELECTOR, selector).is_displayed(), selector
        shown = page.execute_script(
            "return [...document.querySelectorAll('#organizations tbody tr')]"
            ".filter((row) => row.offsetHeight).length"
        )
        assert (shown, background(page)) == (40, "rgb(255, 255, 255)")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_page_is_whole_before_any_script(browser: webdriver.Chrome, tmp_path: Path) -> None:
    html = render(full(organizations=250))
    show(browser, tmp_path, html.replace('"use strict";', '"use strict"; // changed', 1))

    assert len(names(browser)) == 250, "the policy stops a script that is not ours"
    assert browser.find_elements(By.CSS_SELECTOR, "thead button, .tools, .title button") == []
