"""``make picture``: the head of the demo's page, as README shows it (needs chromium-driver)."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from tests.browser import opened_browser
from tests.command import ROOT
from tests.demo import PAGE

PICTURE = ROOT / "docs" / "fleet.png"
SIZE = {"width": 1600, "height": 1560, "deviceScaleFactor": 0.75, "mobile": False}

with tempfile.TemporaryDirectory() as profile, opened_browser(Path(profile)) as browser:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
    browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    browser.get(PAGE.resolve().as_uri())
    picture = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    PICTURE.write_bytes(base64.b64decode(picture["data"]))
