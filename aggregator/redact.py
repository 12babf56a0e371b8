"""Decides by name what may be stored of a configuration, an error text, an unknown field.

Masking again is needed because servers do not mask all secrets (polytomic-api 4.5). Names decide
first, with an allow list: what nobody vouches for is masked, so a field that the API adds tomorrow
is safe today (faults D16, S4). What a safe name holds is then looked at by ``tripwire``.

| name                                                 | texts  | numbers | what is inside   |
| ---------------------------------------------------- | ------ | ------- | ---------------- |
| secret: any word is, as ``key`` in ``ssh_key_host``  | masked | masked  | all masked       |
| pairs: ``headers``, ``parameters``, ``query``        | masked | masked  | all but ``name`` |
| safe: the last word is harmless, as in ``ssh_host``  | kept   | kept    | by its own name  |
| any other                                            | masked | kept    | by its own name  |

Null and booleans are always kept. In lists, and in ``{value, label}`` objects (remote objects that
were picked in a form), the name around them decides. ``oauth_token_expiry`` and its like count as
secret also because they change with every refresh, and configuration is history.

The schema of a connection's type knows better, if it is at hand: a property that it lists is masked
whatever it holds where it is sensitive, and else treated as safe. That does not help what is a
secret by its very name (``client_secret``), texts and values of pairs, and texts of groups such as
``auth``. What is kept is looked at by ``tripwire`` as ever; only ids may look random.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache, partial
from typing import Any, TypeAlias

from aggregator import names as words
from aggregator.rules import Rules
from aggregator.tripwire import EMPTY, SET, looks_random, mark, mask_id, mask_text, mask_value

Json: TypeAlias = Any
"""Any value that JSON can have; what it is in fact, is what the functions here find out."""

DEEPEST = 60
"""Levels of nesting that are kept; the caller may wrap a few more around them and stay below 64."""
TOO_DEEP = "(too deep)"
LONGEST_NAME = 100
"""Characters; a longer name is no name."""


class Rule(IntEnum):
    """What a name lets through."""

    OTHER = 0
    SAFE = 1
    SAFE_ID = 2
    SECRET = 3
    PAIRS = 4


_PICKED = frozenset({"value", "label"})
_SMALLEST_INTEGER = -(2**63)
_LARGEST_INTEGER = 2**63 - 1

_OTHER, _SAFE, _SAFE_ID, _SECRET, _PAIRS = Rule  # reading a member from its class is slow
_MASKS_TEXT: tuple[Callable[[str], str], ...] = (
    *(mark, mask_value, partial(mask_value, may_be_uuid=True), mark, mark),
)
"""What makes a text storable, by rule."""

_Plan: TypeAlias = tuple[tuple[str, str, Rule, Callable[[str], str]], ...]
"""For each member of an object: its name, that name as stored, its rule, what masks its texts."""
_plans: dict[tuple[str, ...], _Plan] = {}
"""Connections of one type have the same names: what these mean is looked up once for all. Holds
names that are stored as they are, never a value."""
_MOST_PLANS = 1024
_MOST_PLANNED_NAMES = 64
_MOST_PLANS_OF_RULES = 64

_ListedPlan: TypeAlias = tuple[tuple[str, str, Callable[[str], str], Callable[..., Json]], ...]
"""For each member: its name, that name as stored, what masks its texts and what other values."""


def rule_of(name: str) -> Rule:
    """What the name lets through; ``accessKey``, ``ACCESS-KEY`` and ``access_key`` are one name."""
    nouns = words.nouns_of(name)
    if words.is_secret(nouns):
        return Rule.SECRET
    if words.is_pairs(nouns):
        return Rule.PAIRS
    if words.is_safe_id(name, nouns):
        return Rule.SAFE_ID
    return Rule.SAFE if words.is_safe(name, nouns) else Rule.OTHER


@lru_cache(maxsize=4096)  # names come from outside, so there is no end to them
def masked_name(name: str) -> tuple[str, Rule]:
    """The name as it may be stored, and its rule.

    A name that looks like a value (in a map keyed by tokens or by addresses of people) is replaced
    by a mark.
    """
    if len(name) > LONGEST_NAME or "@" in name or mask_text(name) != name or looks_random(name):
        return SET, _SECRET
    return name, rule_of(name)


def mask_object(configuration: dict[str, Any], rules: Rules | None = None) -> dict[str, Any]:
    """The configuration as it may be stored, by the rules of its type if they are at hand.

    Nothing given is changed.
    """
    if rules is None:
        return _mask_members(configuration, _OTHER, 1)
    return _mask_listed(configuration, rules, _OTHER, 1)


def _mask_members(value: dict[str, Any], rule: Rule, depth: int) -> dict[str, Any]:
    """The object under a name with this rule, by the names in it."""
    masked: dict[str, Any] = {}
    if rule >= _SECRET:
        for name, item in value.items():
            kept = _SAFE if rule is _PAIRS and name == "name" else _SECRET
            masked[masked_name(name)[0]] = mask(item, kept, depth)
    elif len(value) <= len(_PICKED) and value.keys() <= _PICKED:
        for name, item in value.items():
            masked[name] = mask(item, rule, depth)
    else:
        names = tuple(value)
        for name, stored_name, own, mask_text_of in _plans.get(names) or _plan(names):
            item = value[name]
            if type(item) is str:
                masked[stored_name] = mask_text_of(item)
            elif item is None or item is True or item is False:
                masked[stored_name] = item
            else:
                masked[stored_name] = mask(item, own, depth)
    if SET in masked:  # several names may have become this one: none of their values wins
        masked[SET] = SET
    return masked


def _plan(names: tuple[str, ...]) -> _Plan:
    """The plan for these names; remembered unless one of them looks like a value."""
    stored = tuple(map(masked_name, names))
    plan = tuple(
        (name, stored_name, rule, _MASKS_TEXT[rule])
        for name, (stored_name, rule) in zip(names, stored, strict=True)
    )
    if len(names) <= _MOST_PLANNED_NAMES and (SET, _SECRET) not in stored:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[names] = plan
    return plan


def mask(value: Json, rule: Rule, depth: int = 0) -> Json:  # noqa: PLR0911 -- one exit a type
    """The value as it may be stored under a name with this rule; nothing given is changed.

    Integers beyond 64 bits become text, what is nested deeper than ``DEEPEST`` becomes a note.
    """
    kind = type(value)
    if kind is str:
        return _MASKS_TEXT[rule](value)
    if value is None or kind is bool:
        return value
    if kind is int or kind is float:
        if rule >= _SECRET:
            return SET
        if kind is int and not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
            return str(value)
        return value
    if depth >= DEEPEST:
        return TOO_DEEP
    if kind is list:
        return [mask(item, rule, depth + 1) for item in value]
    return _mask_members(value, rule, depth + 1)


def _mask_listed(value: dict[str, Any], rules: Rules, context: Rule, depth: int) -> dict[str, Any]:
    """The object by what is said of its members; of others the context decides, or their name."""
    masked: dict[str, Any] = {}
    names = tuple(value)
    for name, stored_name, mask_text_of, mask_other in rules.plans.get(names) or _listed_plan(
        names, rules, context
    ):
        item = value[name]
        if type(item) is str:
            masked[stored_name] = mask_text_of(item)
        elif (item is None or item is True or item is False) and mask_other is not whether_set:
            masked[stored_name] = item
        else:
            masked[stored_name] = mask_other(item, depth=depth)
    if SET in masked:  # as in _mask_members
        masked[SET] = SET
    return masked


def _listed_plan(names: tuple[str, ...], rules: Rules, context: Rule) -> _ListedPlan:
    """The plan for these names; remembered as ``_plan`` does."""
    plan = tuple(_listed_member(name, rules, context) for name in names)
    if len(names) <= _MOST_PLANNED_NAMES and all(stored_name != SET for _, stored_name, *_ in plan):
        if len(rules.plans) >= _MOST_PLANS_OF_RULES:
            rules.plans.clear()
        rules.plans[names] = plan
    return plan


def _listed_member(
    name: str, rules: Rules, context: Rule
) -> tuple[str, str, Callable[[str], str], Callable[..., Json]]:
    stored_name, own = masked_name(name)
    listed = rules.members.get(words.spelling(name))
    nouns = words.nouns_of(name)
    if listed and listed.is_sensitive:
        return name, stored_name, mark, whether_set
    if context is _PAIRS:
        own, listed = _SAFE if name == "name" else _SECRET, None
    elif context is _SECRET and not listed:
        own = _SECRET
    if not listed or stored_name == SET or words.is_secret_by_itself(nouns):
        return name, stored_name, _MASKS_TEXT[own], partial(mask, rule=own)
    if own is _PAIRS or words.is_group(nouns):
        mask_text_of = mark
    elif words.is_id(nouns) or (name == "value" and rules.members.keys() <= _PICKED):
        mask_text_of = mask_id
    else:
        mask_text_of = mask_value
    inside = own if own >= _SECRET else context
    mask_other = partial(_mask_vouched, rules=listed, context=inside, mask_text_of=mask_text_of)
    return name, stored_name, mask_text_of, mask_other


def _mask_vouched(
    value: Json, rules: Rules, context: Rule, mask_text_of: Callable[[str], str], depth: int
) -> Json:
    """The value of a listed property that is not sensitive."""
    kind = type(value)
    if kind is str:
        return mask_text_of(value)
    if kind is not list and kind is not dict:
        return mask(value, _SECRET if mask_text_of is mark else _OTHER)
    if depth >= DEEPEST:
        return TOO_DEEP
    if kind is list:
        return [_mask_vouched(item, rules, context, mask_text_of, depth + 1) for item in value]
    if not rules.members and value.keys() <= _PICKED:
        return {
            name: _mask_vouched(item, rules, context, mask_text_of, depth + 1)
            for name, item in value.items()
        }
    return _mask_listed(value, rules, context, depth + 1)


def whether_set(value: Json, depth: int = 0) -> Json:  # noqa: ARG001 -- called as mask is
    """Of a sensitive value only whether it is set."""
    if value is None:
        return None
    return EMPTY if value in ("", [], {}) else SET
