"""Variables as written: those of the environment, and below them those of ``.env``.

Complaints are returned as ``{place: what is wrong there}`` and repeat no value.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from aggregator.dsn import has_password
from aggregator.files import UnreadableError, read_start, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "AGGREGATOR_"
TEST_PREFIX = f"{PREFIX}TEST_"
API_KEYS = f"{PREFIX}API_KEYS"
ONE_KEY_PREFIX = f"{API_KEYS}__"
PARTNER_KEY = f"{PREFIX}PARTNER_KEY"
DOTENV = Path(".env")
_URLS = {f"{PREFIX}DATABASE_URL", f"{PREFIX}PUSHGATEWAY_URL"}
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


def read_environment() -> tuple[dict[str, str], dict[str, str]]:
    """All variables by name, and complaints about ``.env``, which need not exist."""
    below, complaints = _read_dotenv()
    return below | dict(os.environ), complaints


def exposed_variables() -> dict[str, bool]:
    """Names that ``.env`` sets where every user may read it, and whether each stands for a secret.

    Keys of organizations do not: their organizations are named instead. No value is given.
    """
    try:
        is_open = read_start(DOTENV, 0).world_readable
    except UnreadableError:  # none is there; whoever reads it complains of any other
        return {}
    variables, _ = _read_dotenv() if is_open else ({}, {})
    return {name: _is_secret(name, value) for name, value in variables.items() if value}


def _is_secret(name: str, value: str) -> bool:
    if name in _URLS:
        return has_password(value)
    return name == PARTNER_KEY or name.upper().endswith("PASSWORD")


def proxies() -> list[str]:
    """Names of variables that make other programs use a proxy; ours never does (fault E9)."""
    return [name for name in sorted(os.environ) if name.lower() in _PROXIES and os.environ[name]]


def is_ours(variable: str) -> bool:
    """Whether the name claims to be a setting, in whatever case; settings of tests do not."""
    name = variable.upper()
    return name.startswith(PREFIX) and not name.startswith(TEST_PREFIX)


def api_keys(variables: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Keys by name of organization, from both forms of ``API_KEYS``, and complaints."""
    keys, complaint = _json_keys(variables.get(API_KEYS, ""))
    complaints = {API_KEYS: complaint} if complaint else {}
    for variable, key in variables.items():
        if not variable.startswith(ONE_KEY_PREFIX):
            continue
        name = variable.removeprefix(ONE_KEY_PREFIX)
        if name in keys:
            complaints[shown(variable)] = f"names an organization that is in {API_KEYS} too"
        keys[name] = key
    return keys, complaints


def shown(name: str) -> str:
    """A name from outside as it may be printed: ASCII, without control characters, not endless."""
    return ascii(name[:80])[1:-1]


def _read_dotenv() -> tuple[dict[str, str], dict[str, str]]:
    if not os.path.lexists(DOTENV):
        return {}, {}
    try:
        text = read_text(DOTENV)
    except UnreadableError as error:
        return {}, {str(DOTENV): str(error)}
    variables: dict[str, str] = {}
    complaints: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        place = f"{DOTENV} line {binding.original.line}"
        if binding.error:
            complaints[place] = "is not NAME=value"
        elif binding.key is None:
            continue
        elif binding.value is None:
            complaints[place] = "has a name but no ="
        elif binding.key in variables and is_ours(binding.key):
            complaints[place] = f"sets {shown(binding.key)} once more"
        else:
            variables[binding.key] = binding.value
    return variables, complaints


def _json_keys(text: str) -> tuple[dict[str, str], str]:
    if not text:
        return {}, ""
    try:
        pairs = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        where = f" (character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""
        return {}, f"is not JSON{where}; write a JSON object, organization name to key"
    if not isinstance(pairs, tuple):
        return {}, "must be a JSON object, organization name to key"
    keys = {name: key for name, key in pairs if isinstance(key, str)}
    if wrong := [name for name, key in pairs if not isinstance(key, str)]:
        return keys, f"must have a text as the key of {_list_of(wrong)}"
    if twice := [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]:
        return keys, f"names an organization twice: {_list_of(twice)}"
    return keys, ""


def _list_of(names: list[str]) -> str:
    return ", ".join(sorted(shown(name) for name in names))
