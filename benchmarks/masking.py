"""How much of configurations is kept, and that no secret is: ``masking.py FOLDER``.

The folder holds saved answers of ``GET /api/connection_types/{id}``, one JSON Schema a file. One
connection of each type is made with *every* property filled, normalized, and looked at:

* sensitive values are those that the schema flags ``sensitive`` or ``password``, and those on the
  structural paths of polytomic-api 4.5; goal: none of them appears anywhere in the stored record;
* of all other values at least 95% are kept once the schema is at hand, and of the texts among them
  at least 70% before that.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aggregator.model import Record
from aggregator.resources.connection_schema import reduce
from aggregator.resources.connections import COLUMNS, normalize
from aggregator.rules import compiled

GOAL = 0.95
GOAL_WITHOUT_SCHEMAS = 0.70
STRUCTURAL = re.compile(
    r"(?:auth\.)?(?:basic\.password|header\.value|query\[\]\.value|oauth\.client_secret)"
    r"|(?:headers|parameters|(?:auth\.)?oauth\.extra_form_data)\[\]\.value|access_key"
)
CANARY = re.compile(r"canary\d+x")
NUMBER = re.compile(r"\b77\d{7}\b")


@dataclass
class Figures:
    """What became of the values of many connections; paths are those of properties."""

    stored_secrets: list[str] = field(default_factory=list)
    secrets: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    texts_kept: int = 0
    texts: int = 0

    @property
    def values(self) -> int:
        return self.kept.total() + self.masked.total()

    @property
    def kept_fraction(self) -> float:
        return self.kept.total() / self.values

    @property
    def kept_fraction_of_texts(self) -> float:
        return self.texts_kept / self.texts


@dataclass
class Filler:
    """Fills a schema; remembers where every value is, and which of them are secrets."""

    paths: dict[tuple[str | int, ...], str | int] = field(default_factory=dict)
    secrets: dict[str | int, str] = field(default_factory=dict)

    def fill(
        self,
        schema: dict[str, Any],
        path: tuple[str | int, ...] = (),
        *,
        sensitive: bool = False,
    ) -> Any:  # noqa: ANN401 -- JSON
        name = written(path)
        sensitive = sensitive or bool(schema.get("sensitive") or schema.get("password"))
        sensitive = sensitive or STRUCTURAL.fullmatch(name) is not None
        kind = schema.get("type")
        if "properties" in schema or kind == "object":
            return {
                name: self.fill(member, (*path, name), sensitive=sensitive)
                for name, member in schema.get("properties", {}).items()
            }
        if kind == "array":
            items = schema.get("items", {"type": "string"})
            return [self.fill(items, (*path, 0), sensitive=sensitive)]
        number = len(self.paths) + len(self.secrets)
        value: str | int = f"canary{number}x"
        if kind == "boolean":
            value = True
        elif kind in {"integer", "number"}:
            value = 770_000_000 + number
        if sensitive:
            self.secrets[value] = name
            return value
        self.paths[path] = value
        return shaped(value, name.rpartition(".")[2], schema) if isinstance(value, str) else value


def written(path: tuple[str | int, ...]) -> str:
    """The path as people write it: ``headers[].value``."""
    return "".join("[]" if step == 0 else f".{step}" for step in path).removeprefix(".")


def shaped(canary: str, name: str, schema: dict[str, Any]) -> str:
    """The canary in the shape that such a property really has."""
    examples = schema.get("examples")
    example = str(examples[0]) if isinstance(examples, list) and examples else ""
    if "://" in example or re.search("ur[li]|endpoint|href", name):
        return f"https://user:hidden@{canary}.example.com/v1/things?hidden=1"
    if "@" in example or "email" in name:
        return f"{canary}@example.com"
    if "expiry" in name:
        return f"2023-11-21T21:48:51Z{canary}"
    if "arn" in name:
        return f"arn:aws:iam::123456789012:role/{canary}"
    if re.search("host|domain|server", name):
        return f"{canary}.us-east-1.example.com"
    return canary


def measure(schemas: dict[str, dict[str, Any]], *, with_schemas: bool = True) -> Figures:
    figures = Figures()
    for kind, schema in schemas.items():
        filler = Filler()
        record = {"id": kind, "type": {"id": kind}, "configuration": filler.fill(schema)}
        rules = compiled(reduce(schema)) if with_schemas else None
        result = normalize(record, False, {kind: rules} if rules else {})
        if not isinstance(result, Record):
            raise TypeError(f"{kind} was rejected")
        everything = repr(result)
        found = {*CANARY.findall(everything), *map(int, NUMBER.findall(everything))}
        figures.secrets += len(filler.secrets)
        figures.stored_secrets += (
            f"{kind}.{path}" for secret, path in filler.secrets.items() if secret in found
        )
        if "hidden" in everything:
            figures.stored_secrets.append(f"{kind}: user info or query of a URL")
        stored = json.loads(result.values[COLUMNS.index("configuration")])
        for path, value in filler.paths.items():
            is_kept = holds(stored, path, value)
            (figures.kept if is_kept else figures.masked)[written(path)] += 1
            if isinstance(value, str):
                figures.texts += 1
                figures.texts_kept += is_kept
    return figures


def holds(stored: Any, path: tuple[str | int, ...], value: str | int) -> bool:  # noqa: ANN401 -- JSON
    """Whether the value is still in its place."""
    try:
        for step in path:
            stored = stored[step]
    except (LookupError, TypeError):
        return False
    return value in stored if isinstance(value, str) else stored == value


def schemas_in(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*.json")):
        answer = json.loads(path.read_text())
        yield path.stem, answer.get("data", answer)


def main() -> None:
    if len(sys.argv) != 2:  # noqa: PLR2004 -- the script and its argument
        raise SystemExit("usage: python benchmarks/masking.py FOLDER")
    schemas = dict(schemas_in(Path(sys.argv[1])))
    print(f"{len(schemas)} connection types")
    before = measure(schemas, with_schemas=False)
    tell("by names alone", before)
    figures = measure(schemas)
    tell("with the schemas", figures)
    if (
        before.stored_secrets
        or figures.stored_secrets
        or before.kept_fraction_of_texts < GOAL_WITHOUT_SCHEMAS
        or figures.kept_fraction < GOAL
    ):
        raise SystemExit(1)


def tell(title: str, figures: Figures) -> None:
    print(f"{title}:")
    print(f"  secrets stored: {len(figures.stored_secrets)} of {figures.secrets}")
    for path in figures.stored_secrets:
        print(f"    {path}")
    kept, others = figures.kept.total(), figures.values
    print(f"  other values kept: {kept} of {others} = {figures.kept_fraction:.1%}")
    fraction = f"{figures.kept_fraction_of_texts:.1%}"
    print(f"  texts among them kept: {figures.texts_kept} of {figures.texts} = {fraction}")
    most = ", ".join(f"{path} {count}" for path, count in figures.masked.most_common(10))
    print(f"  masked most often: {most}")


if __name__ == "__main__":
    main()
