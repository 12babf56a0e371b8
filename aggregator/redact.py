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
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache, partial
from typing import Any, TypeAlias

from aggregator.tripwire import SET, looks_random, mark, mask_text, mask_value

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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_STEMS = re.compile(
    "password|passwd|passphrase|passcode|secret|token|apikey|accesskey|privatekey|credential"
    "|signature|connectionstring|serviceaccount$"
)
"""Secret wherever they stand in a name, also inside a longer word."""
_SECRET_WORDS = _words("""
    pass pwd pw pin private cert certs certificate certificates pem pfx keytab keystore sig sas dsn
    jwt otp totp mfa salt seed hash nonce cookie cookies session bearer license licence webhook
    webhooks hook basic params value values
""")
_AUTH_WORDS = _words("auth oauth authentication authorization")
_AUTH_CHOICES = _words("method mode type")
"""``auth_method`` says which way was chosen; all else about ``auth`` is secret."""
_CREDENTIAL_ID_NOUNS = _words("access api app application client key principal")
"""Their ids are one half of a credential."""
_PAIR_NAMES = _words("""
    header headers parameter parameters query query_parameters extra_form_data form_data
""")
_SAFE_ID_NOUNS = _words("""
    account advertiser business unit catalog cluster company customer database dataset folder
    instance merchant network org organization owner page pixel portal profile project property
    realm region role site space spreadsheet store subscription team tenant user warehouse
    workspace
""")
_SAFE_NOUNS = _words("""
    account accounts advertiser advertisers arn branch bucket catalog center city
    cluster collection company container country currency customer database databases datacenter
    dataset datasets db dbname domain domains edition email endpoint engine environment folder
    format formats healthcheck host hostname hosts href instance keyspace locale location method
    mode name namespace org organization organizations path pattern plan platform port product
    project projects properties property protocol provider publication queue region regions
    repositories repository role schema schemas server site sites spreadsheet stage store subdomain
    table tables team tenant timezone topic type types uri url user username users vendor version
    view warehouse workgroup workspace workspaces zone
""")
_PICKED = frozenset({"value", "label"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z0-9_. -]*")
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


def rule_of(name: str) -> Rule:
    """What the name lets through; ``accessKey``, ``ACCESS-KEY`` and ``access_key`` are one name."""
    words = [word.lower() for word in _WORDS.findall(name)]
    nouns = [word for word in words if not word.isdigit()]
    whole = "_".join(nouns)
    if _is_secret(nouns):
        return Rule.SECRET
    if whole in _PAIR_NAMES:
        return Rule.PAIRS
    if not nouns or not _NAME.fullmatch(name):
        return Rule.OTHER
    if nouns[-1] in {"id", "ids"}:
        return Rule.SAFE_ID if nouns[-2:-1] and nouns[-2] in _SAFE_ID_NOUNS else Rule.OTHER
    return Rule.SAFE if nouns[-1] in _SAFE_NOUNS else Rule.OTHER


@lru_cache(maxsize=4096)  # names come from outside, so there is no end to them
def masked_name(name: str) -> tuple[str, Rule]:
    """The name as it may be stored, and its rule.

    A name that looks like a value (in a map keyed by tokens) is replaced by a mark.
    """
    if len(name) > LONGEST_NAME or mask_text(name) != name or looks_random(name):
        return SET, _SECRET
    return name, rule_of(name)


def mask_object(value: dict[str, Any], rule: Rule = _OTHER, depth: int = 1) -> dict[str, Any]:
    """The object as it may be stored under a name with this rule; nothing given is changed."""
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
    return mask_object(value, rule, depth + 1)


def _is_secret(nouns: list[str]) -> bool:
    if _SECRET_STEMS.search("".join(nouns)) or not _SECRET_WORDS.isdisjoint(nouns):
        return True
    if any(noun.endswith(("key", "keys")) for noun in nouns):
        return True
    if not _AUTH_WORDS.isdisjoint(nouns):
        return nouns[-1] not in _AUTH_CHOICES
    return (
        nouns[-1:] in (["id"], ["ids"]) and nouns[-2:-1] != [] and nouns[-2] in _CREDENTIAL_ID_NOUNS
    )
