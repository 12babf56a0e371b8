"""Whom a key speaks for."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from aggregator.api.content import bad_payload, decipher_item
from aggregator.model import Identity, Response

LONGEST_NAME = 200
"""Characters of what ``/api/me`` says, and so of keys, messages and index entries made of it."""


def decipher_identity(response: Response) -> Identity:
    """Whom the key speaks for, from ``/api/me`` (section 1.5); what has another type is None."""
    me, _ = decipher_item(response)
    key_class = next(
        (name for name in ("partner", "system", "organization", "user") if me.get(f"is_{name}")),
        None,
    )
    credential = me.get("credential")
    credential = credential if isinstance(credential, dict) else {}
    profile = credential.get("api_key_profile")
    organization_id = me.get("organization_id")
    if isinstance(organization_id, str) and len(organization_id) > LONGEST_NAME:
        raise bad_payload(response, "an organization id that is too long")
    return Identity(
        organization_id=_text(organization_id),
        organization_name=_text(me.get("organization_name")),
        key_class=key_class,
        role=_text(me.get("role")),
        mode=_text(credential.get("mode")),
        profile=_profile(response, profile) if isinstance(profile, dict) else None,
    )


def _profile(response: Response, profile: dict[str, Any]) -> str | None:
    """Id and capabilities: a profile that allows other connections than before is another one."""
    known = _text(profile.get("id"))
    if "capabilities" not in profile:
        return known
    try:
        allowed = orjson.dumps(profile["capabilities"], option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # nested beyond reason
        raise bad_payload(response, "an API key profile of unknown form") from None
    return f"{known or '-'}:{sha256(allowed).hexdigest()[:16]}"


def _text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """The text, cut: it is told to people and kept."""
    return value[:LONGEST_NAME] if isinstance(value, str) and value else None
