"""Renders a page: a document in, one HTML text out, which needs nothing else and asks nobody.

Whatever comes from outside is escaped by the templates, and the policy in the page lets its own two
blocks run and nothing more, so a name is a name even if a template is wrong (fault I1).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from aggregator import __version__
from aggregator.page import charts, palette, words
from aggregator.page.document import Document
from aggregator.page.figures import figures

FOLDER = Path(__file__).parent


def render(document: Document) -> str:
    """The page. It speaks of the document's moment: of ages then, and of nothing since."""
    style = palette.css() + (FOLDER / "style.css").read_text(encoding="utf-8")
    script = (FOLDER / "script.js").read_text(encoding="utf-8")
    moment = document.moment[0]["as_of"]
    return (
        _environment(moment)
        .get_template("page.html.j2")
        .render(
            document=document,
            figures=figures(document),
            version=__version__,
            as_of=moment,
            # Ours, and without anything of outside in them: what they contain is trusted.
            style=Markup(style),  # noqa: S704 -- see above
            script=Markup(script),  # noqa: S704 -- see above
            policy=_policy(style, script),
        )
    )


def _environment(as_of: datetime) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "name": words.name,
        "term": words.term,
        "error": words.error,
        "number": words.number,
        "percent": words.percent,
        "instant": words.instant,
        "age": partial(words.age, as_of=as_of),
        "duration": words.duration,
        "state": words.state,
    }
    environment.filters.update(filters)
    environment.globals.update(stacked=charts.stacked, columns=charts.columns)
    return environment


def _policy(style: str, script: str) -> str:
    """Content-Security-Policy: exactly these two blocks; nothing is loaded and nothing is sent."""
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)};"
        " img-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
