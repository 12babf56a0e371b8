"""How much of configurations is kept, and that no secret is: ``masking.py FOLDER``.

The folder holds saved answers of ``GET /api/connection_types/{id}``, one JSON Schema a file. One
connection of each type is made with *every* property filled, normalized, and looked at:

* sensitive values are those that the schema flags ``sensitive`` or ``password``, and those on the
  structural paths of polytomic-api 4.5; goal: none of them appears anywhere in the stored record;
* of all other texts at least 70% are kept.
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
from aggregator.resources import RESOURCES

GOAL = 0.70
STRUCTURAL = re.compile(
    r"(?:auth\.)?(?:basic\.password|header\.value|query\[\]\.value|oauth\.client_secret)"
    r"|(?:headers|parameters)\[\]\.value|access_key"
)
CANARY = re.compile(r"canary\d+x")


@dataclass
class Figures:
    """What became of the values of many connections; paths are ``type.property`` for reading."""

    stored_secrets: list[str] = field(default_factory=list)
    secrets: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)

    @property
    def kept_fraction(self) -> float:
        kept, masked = self.kept.total(), self.masked.total()
        return kept / (kept + masked)


@dataclass
class Filler:
    """Fills a schema; remembers the path of every canary, and which of them are secrets."""

    paths: dict[str, str] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)
    secret_numbers: dict[int, str] = field(default_factory=dict)

    def fill(self, schema: dict[str, Any], path: str = "", *, sensitive: bool = False) -> Any:  # noqa: ANN401 -- JSON
        sensitive = sensitive or bool(schema.get("sensitive") or schema.get("password"))
        sensitive = sensitive or STRUCTURAL.fullmatch(path) is not None
        kind = schema.get("type")
        if "properties" in schema or kind == "object":
            members = schema.get("properties") or {"anything": {"type": "string"}}
            return {
                name: self.fill(member, f"{path}.{name}".lstrip("."), sensitive=sensitive)
                for name, member in members.items()
            }
        if kind == "array":
            return [
                self.fill(schema.get("items", {"type": "string"}), f"{path}[]", sensitive=sensitive)
            ]
        if kind == "boolean":
            return True
        if kind in {"integer", "number"}:
            number = 770_000_000 + len(self.secret_numbers) + len(self.paths)
            if sensitive:
                self.secret_numbers[number] = path
            return number
        canary = f"canary{len(self.paths)}x"
        self.paths[canary] = path
        if sensitive:
            self.secret.add(canary)
            return canary
        return shaped(canary, path.rpartition(".")[2], schema)


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


def measure(schemas: dict[str, dict[str, Any]]) -> Figures:
    figures = Figures()
    normalize = RESOURCES["connections"].normalize
    for kind, schema in schemas.items():
        filler = Filler()
        configuration = filler.fill(schema)
        record = {"id": kind, "type": {"id": kind}, "configuration": configuration}
        result = normalize(record, False)
        if not isinstance(result, Record):
            raise TypeError(f"{kind} was rejected")
        stored = repr(result)
        found = set(CANARY.findall(stored))
        figures.secrets += len(filler.secret) + len(filler.secret_numbers)
        figures.stored_secrets += (
            f"{kind}.{filler.paths[canary]}" for canary in found & filler.secret
        )
        figures.stored_secrets += (
            f"{kind}.{path}"
            for number, path in filler.secret_numbers.items()
            if str(number) in stored
        )
        figures.stored_secrets += (
            [f"{kind}: user info or query of a URL"] if "hidden" in stored else []
        )
        for canary, path in filler.paths.items():
            if canary not in filler.secret:
                (figures.kept if canary in found else figures.masked)[path] += 1
    return figures


def schemas_in(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*.json")):
        answer = json.loads(path.read_text())
        yield path.stem, answer.get("data", answer)


def main() -> None:
    if len(sys.argv) != 2:  # noqa: PLR2004 -- the script and its argument
        raise SystemExit("usage: python benchmarks/masking.py FOLDER")
    schemas = dict(schemas_in(Path(sys.argv[1])))
    figures = measure(schemas)
    print(f"{len(schemas)} connection types")
    print(f"secrets stored: {len(figures.stored_secrets)} of {figures.secrets} (goal: 0)")
    for path in figures.stored_secrets:
        print(f"  {path}")
    kept, others = figures.kept.total(), figures.kept.total() + figures.masked.total()
    print(f"other texts kept: {kept} of {others} = {kept / others:.1%} (goal: {GOAL:.0%})")
    most = ", ".join(f"{path} {count}" for path, count in figures.masked.most_common(10))
    print(f"masked most often: {most}")
    if figures.stored_secrets or figures.kept_fraction < GOAL:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
