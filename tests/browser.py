"""A headless Chromium that opens files and tells what it noticed; it speaks to nobody else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PROGRAMS = ("chromium", "chromedriver")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
needs_browser = pytest.mark.skipif(
    bool(MISSING) and not (os.geteuid() == 0 and os.environ.get("CI")),
    reason=f"needs {', '.join(MISSING)}",
)
"""Not where ``CI`` is set and root could have installed it: there the test fails."""

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_WATCH = """
window.noticed = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"])
  window[name] = () => { window.noticed.push(name); };
document.addEventListener("securitypolicyviolation", (event) =>
  window.noticed.push(`${event.violatedDirective} ${event.blockedURI}`));
window.addEventListener("error", (event) => window.noticed.push(event.message), true);
"""


@contextmanager
def opened_browser(profile: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (*_QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
        driver.get("about:blank")
        noticed(driver)  # of the browser's own first page
        yield driver
    finally:
        driver.quit()


def noticed(driver: webdriver.Chrome) -> list[str]:
    """Dialogs, policy violations, errors, words on the console and requests since the last time.

    But for the page itself, which is a file.
    """
    said = [str(word) for word in driver.execute_script("return window.noticed.splice(0)")]
    said += [entry["message"] for entry in _log(driver, "browser")]
    for entry in _log(driver, "performance"):
        event: dict[str, Any] = json.loads(entry["message"])["message"]
        if event["method"] == "Page.javascriptDialogOpening":
            said.append("dialog")
        elif event["method"] == "Network.requestWillBeSent":
            if event["params"]["type"] != "Document" or event["params"].get("frameId") is None:
                said.append(f"request {event['params']['request']['url'][:80]}")
            elif not event["params"]["request"]["url"].startswith("file:"):
                said.append(f"navigation {event['params']['request']['url'][:80]}")
    return said


def _log(driver: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = driver.execute("getLog", {"type": kind})["value"]
    return entries
