"""Where organizations are configured: ``API_KEYS``, ``KEYS_DIR`` and ``ORGANIZATIONS_FILE``.

Each source gives entries, their keys not yet judged, and problems of its own structure.
"""

import os
import re
import tomllib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from aggregator.environment import (
    API_KEYS,
    ONE_KEY_PREFIX,
    exposed_variables,
    read_environment,
    shown,
)
from aggregator.files import UnreadableError, read_start, read_text
from aggregator.keys import MAX_KEY_CHARACTERS
from aggregator.model import NO_TAGS, Secret
from aggregator.settings import RATE, BaseUrl, RequestsPerSecond, Settings, complaints, variable_of

MAX_KEY_BYTES = 4 * (MAX_KEY_CHARACTERS + 1)
"""Enough bytes to hold more characters than a key may have, in any script."""
EXPOSED = ".env holds secrets and is readable by every user of this machine"


@dataclass(frozen=True, slots=True)
class Entry:
    """One organization as configured."""

    name: str
    source: str
    """Where: a variable, or a file; never a value."""
    key: Secret | None
    """Text as found, not yet trimmed or judged; None where it is not looked up: disabled."""
    base_url: str
    warnings: tuple[str, ...] = ()
    """About the file that holds the key, which may be ``.env``."""
    organization_id: str | None = None
    auth: Literal["bearer", "basic"] = "bearer"
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    requests_per_second: float | None = None
    enabled: bool = True


def read_sources(settings: Settings) -> tuple[list[Entry], list[str]]:
    """The entries of all sources in their fixed order, and all problems found on the way."""
    exposed = exposed_variables()
    entries = [
        Entry(
            name,
            API_KEYS,
            Secret(key.get_secret_value()),
            settings.base_url,
            warnings=(EXPOSED,)
            if API_KEYS in exposed or f"{ONE_KEY_PREFIX}{name}" in exposed
            else (),
        )
        for name, key in sorted(settings.api_keys.items())
    ]
    problems: list[str] = []
    if settings.keys_dir is not None:
        found, wrong = _read_keys_dir(settings.keys_dir, settings.base_url)
        entries += found
        problems += (f"{variable_of('keys_dir')}: {problem}" for problem in wrong)
    if settings.organizations_file is not None:
        path = settings.organizations_file
        found, wrong = _read_registry(path, settings.base_url, exposed)
        entries += found
        problems += (f"{variable_of('organizations_file')}: {problem}" for problem in wrong)
    return entries, problems


def _read_keys_dir(folder: Path, base_url: str) -> tuple[list[Entry], list[str]]:
    """One entry a file; names with a leading dot are skipped.

    So are Kubernetes' own ``..data`` links, while the links of a mounted secret that lead through
    them are followed.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name[:1] != ".")  # noqa: PTH208 (thousands of names)
    except OSError as error:
        return [], [f"{folder} cannot be read: {error.strerror}"]
    if not names:
        return [], [f"{folder} holds no key file"]
    source = str(folder)  # the name of the organization is the file's
    entries: list[Entry] = []
    problems: list[str] = []
    for name in names:
        place = f"{folder}/{shown(name)}"
        try:
            key, warnings = _read_key_file(f"{folder}/{name}")
        except UnreadableError as error:
            problems.append(f"{place} {error}")
        else:
            entries.append(Entry(name, source, key, base_url, warnings))
    return entries, problems


def _read_key_file(path: Path | str) -> tuple[Secret, tuple[str, ...]]:
    """The key that is the file's content, and warnings; one last line end belongs to the file."""
    content = read_start(path, MAX_KEY_BYTES)
    if not content.text:
        raise UnreadableError("is empty")
    warnings = []
    if content.world_readable:
        warnings.append("key file is readable by every user of this machine")
    if content.foreign_owner:
        warnings.append("key file belongs to another user")
    text = content.text
    return Secret(text.removesuffix("\n").removesuffix("\r")), tuple(warnings)


def _reference(text: str) -> str:
    if not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", text):
        raise ValueError("must be env:NAME or file:path; a key itself does not belong in this file")
    return text


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[!-9;-~]{1,200}", text):
        raise ValueError("must be 1 to 200 printable ASCII characters without space or colon")
    return text


class _Table(BaseModel):
    """One ``[[organization]]`` of the registry, as the contract has it."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    name: str
    api_key: Annotated[str, AfterValidator(_reference)]
    organization_id: Annotated[str, AfterValidator(_identifier)] | None = None
    auth: Annotated[Literal["bearer", "basic"], Field(description="bearer or basic")] = "bearer"
    base_url: BaseUrl | None = None
    tags: Annotated[dict[str, str], Field(description="a table of texts")] = {}
    requests_per_second: Annotated[RequestsPerSecond | None, Field(description=RATE)] = None
    enabled: Annotated[bool, Field(description="true or false")] = True

    @model_validator(mode="after")
    def _basic_names_its_organization(self) -> Self:
        if self.auth == "basic" and self.organization_id is None:
            raise ValueError('auth = "basic" needs organization_id')
        return self


def _read_registry(
    path: Path, base_url: str, exposed: Container[str]
) -> tuple[list[Entry], list[str]]:
    """One entry per ``[[organization]]``; ``file:`` paths are relative to the registry's folder."""
    try:
        tables = _read_tables(path)
    except UnreadableError as error:
        return [], [f"{path} {error}"]
    variables, _ = read_environment()
    entries: list[Entry] = []
    problems: list[str] = []
    for number, raw in enumerate(tables, 1):
        place = f"{path} organization {number}"
        if isinstance(raw, dict) and isinstance(raw.get("name"), str):
            place += f" ({shown(raw['name'])})"
        try:
            table = _Table.model_validate(raw)
            key, warnings = _resolve(table, path.parent, variables, exposed)
        except ValidationError as error:
            problems += (f"{place}: {_sentence(*found)}" for found in complaints(error, _Table))
        except UnreadableError as error:
            problems.append(f"{place}: {error}")
        else:
            entries.append(
                Entry(
                    name=table.name,
                    source=str(path),
                    key=key,
                    base_url=table.base_url or base_url,
                    warnings=warnings,
                    organization_id=table.organization_id,
                    auth=table.auth,
                    tags=table.tags,
                    requests_per_second=table.requests_per_second,
                    enabled=table.enabled,
                )
            )
    return entries, problems


def _sentence(field_name: str, complaint: str) -> str:
    return f"{shown(field_name)}: {complaint}" if field_name else complaint


def _read_tables(path: Path) -> list[Any]:
    """The ``[[organization]]`` tables; an error shows at most where the file is broken."""
    text = read_text(path).removeprefix("\ufeff")
    trouble = ""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        where = re.search(r"\(at [a-z0-9, ]+\)$", str(error))
        trouble = "is not valid TOML" + (f" {where.group()}" if where else "")
    if trouble:
        raise UnreadableError(trouble)
    if unknown := sorted(set(document) - {"organization"}):
        names = ", ".join(shown(name) for name in unknown)
        raise UnreadableError(f"has more than [[organization]] tables: {names}")
    tables = document.get("organization")
    if not tables or not isinstance(tables, list):
        raise UnreadableError("has no [[organization]] table")
    return tables


def _resolve(
    table: _Table, folder: Path, variables: Mapping[str, str], exposed: Container[str]
) -> tuple[Secret | None, tuple[str, ...]]:
    if not table.enabled:
        return None, ()
    kind, _, place = table.api_key.partition(":")
    if kind == "env":
        if place not in variables:
            raise UnreadableError(f"api_key: the variable {place} is not set")
        return Secret(variables[place]), (EXPOSED,) if place in exposed else ()
    path = folder / place
    try:
        return _read_key_file(path)
    except UnreadableError as error:
        trouble = f"api_key: {shown(str(path))} {error}"
    raise UnreadableError(trouble)
