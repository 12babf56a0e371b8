"""``python -m tools.dictionary``: writes ``docs/data-dictionary.md`` from what the database says.

Also ``docs/queries/README.md``, the list of the worked questions, from their first words.
Meanings are the comments of the migrations; what comments do not say stands in ``tools.groups``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.catalogue import Relation, read_catalogue
from tools.database import migrated
from tools.groups import GROUPS, MAY_BE_NULL, NEVER_NULL

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/data-dictionary.md"
QUESTIONS = ROOT / "docs/queries"
SCHEMAS = ("reporting", "people")

HEAD = Path(__file__).with_name("dictionary_head.md")
INDEX_HEAD = Path(__file__).with_name("questions_head.md")


def page(relations: Sequence[Relation], questions: Sequence[Path]) -> str:
    """The whole file. ``LookupError`` for a view that is in no group or lacks a comment."""
    known = {name_of(each): each for each in relations}
    groups = groups_of(relations)
    texts = {each: each.read_text(encoding="utf-8") for each in questions}
    lines = [HEAD.read_text(encoding="utf-8"), "## Overview", ""]
    for group, keys in groups.items():
        lines += [f"**[{group}](#{_anchor(group)})**", "", "| view | a row is |", "| --- | --- |"]
        lines += [f"| [`{name}`](#{_anchor(name)}) | {_row(known[name])} |" for name in keys]
        lines.append("")
    for group, keys in groups.items():
        lines += [f"## {group}", ""]
        for name, key in keys.items():
            asked = [each for each, text in texts.items() if f"reporting.{name}" in _words(text)]
            lines += [*_section(known[name], key, asked, known), ""]
    return "\n".join(lines[:-1]) + "\n"


def name_of(relation: Relation) -> str:
    """As this page and ``GROUPS`` call it: ``connections``, ``people.users``."""
    return relation.name if relation.schema == "reporting" else f"people.{relation.name}"


def groups_of(relations: Sequence[Relation]) -> dict[str, dict[str, str]]:
    """``GROUPS`` with the histories and changes that there are."""
    found = {group: dict(keys) for group, keys in GROUPS.items()}
    told = {name for keys in GROUPS.values() for name in keys}
    for relation in relations:
        name = name_of(relation)
        if name in told:
            continue
        if not name.endswith(("_history", "_changes")):
            raise LookupError(f"{name} is in no group of tools/groups.py")
        group = "Who may do what" if relation.schema == "people" else "What changed"
        found[group][name] = _key_of_the_past(relation)
    return found


def _key_of_the_past(relation: Relation) -> str:
    """Of a history or of changes: the moment, whose it is, which one, and what happened."""
    moment = "valid_from" if relation.name.endswith("_history") else "changed_at"
    names = [column.name for column in relation.columns]
    heads = names[: names.index("change")]
    own = [name for name in heads if name.endswith("_id") and name != "organization_id"]
    whose = [name for name in ("deployment", "organization_id") if name in names]
    what = [name for name in ("change", "field") if name in names]
    return ", ".join([*whose, *own, moment, *what])


def is_never_null(relation: Relation, column: str, key: str) -> bool:
    """Whether the page says so; ``field`` is NULL where a change is of the whole row."""
    return (
        f"{name_of(relation)}.{column}" not in MAY_BE_NULL
        and column != "field"
        and (column in NEVER_NULL or column in key.split(", "))
    )


def _section(
    relation: Relation, key: str, asked: Sequence[Path], known: dict[str, Relation]
) -> Iterator[str]:
    yield f"### {name_of(relation)}"
    yield ""
    if relation.arguments is not None:
        yield f"A function: `{relation.schema}.{relation.label}`"
        yield ""
    yield _comment(relation)
    yield ""
    names = ", ".join(f"`{name}`" for name in key.split(", ") if name)
    yield f"Key: {names}." if names else "Key: none."
    if asked:
        links = ", ".join(f"[{each.name[:2]}](queries/{each.name})" for each in asked)
        yield f"Asked in: {links}."
    yield ""
    yield "| column | type | NULL | meaning |"
    yield "| --- | --- | --- | --- |"
    for column in relation.columns:
        meaning = column.comment or ""
        if relation.arguments is not None:  # columns of a function cannot have comments
            alike = known["connection_history"].columns
            meaning = next((each.comment or "" for each in alike if each.name == column.name), "")
        kind = column.type.replace("timestamp with time zone", "time")
        never = "never" if is_never_null(relation, column.name, key) else ""
        yield f"| `{column.name}` | {kind} | {never} | {_cell(meaning or 'See above.')} |"


def _comment(relation: Relation) -> str:
    if not relation.comment:
        raise LookupError(f"{name_of(relation)} has no comment")
    return relation.comment


def _row(relation: Relation) -> str:
    sentence = re.split(r"(?<=[^.])\. ", _comment(relation))[0].rstrip(".")
    return _cell(re.sub(r"^One row(?: for)?:? (?:each )?", "", sentence))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("*", "\\*").replace("<", "&lt;")


def _anchor(heading: str) -> str:
    """As code hosts make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w.]+", text))


def question_of(file: Path) -> str:
    """The first paragraph of its comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("-- ") for line in lines[: lines.index("--")])


def index(questions: Sequence[Path]) -> str:
    """The list of the questions."""
    rows = [f"| {each.name[:2]} | [{question_of(each)}]({each.name}) |" for each in questions]
    return INDEX_HEAD.read_text(encoding="utf-8") + "\n".join(rows) + "\n"


async def main() -> None:
    questions = sorted(QUESTIONS.glob("*.sql"))
    async with migrated() as connection:
        relations = await read_catalogue(connection, *SCHEMAS)
    PAGE.write_text(page(relations, questions), encoding="utf-8")
    (QUESTIONS / "README.md").write_text(index(questions), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
