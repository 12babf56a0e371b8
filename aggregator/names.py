"""What the words of a name tell about the values that stand under it."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_STEMS = re.compile(
    "password|passwd|passphrase|passcode|secret|token|apikey|accesskey|privatekey|credential"
    "|signature|connectionstring|serviceaccount$"
)
"""Secret wherever they stand in a name, also inside a longer word."""
_SECRET_WORDS = _words("""
    pass pwd pw pin private pem pfx keytab keystore sig sas dsn jwt otp totp mfa salt seed hash
    nonce cookie cookies session bearer license licence webhook webhooks hook
""")
_DOUBTFUL_WORDS = _words("basic cert certs certificate certificates params value values")
"""Secret unless the schema of the connection's type knows better."""
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
_IDS = _words("id ids")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NAME = re.compile(r"[A-Za-z0-9_. -]*")


def spelling(name: str) -> str:
    """One text for ``blobStore``, ``blob_store`` and ``BLOB-STORE``, which are one name."""
    words = _WORDS.findall(name)
    return "_".join(words).lower() if words and _NAME.fullmatch(name) else name


def nouns_of(name: str) -> list[str]:
    """The words of the name in lower case, without numbers; the last one is what it is about."""
    return [word.lower() for word in _WORDS.findall(name) if not word.isdigit()]


def is_secret(nouns: list[str]) -> bool:
    """Whether any word is one of a secret."""
    if _has_secret_word(nouns) or not _DOUBTFUL_WORDS.isdisjoint(nouns):
        return True
    if not _AUTH_WORDS.isdisjoint(nouns):
        return nouns[-1] not in _AUTH_CHOICES
    return len(nouns) > 1 and nouns[-1] in _IDS and nouns[-2] in _CREDENTIAL_ID_NOUNS


def is_secret_by_itself(nouns: list[str]) -> bool:
    """Whether it is the secret that the name is about, so that no schema can say otherwise.

    ``client_secret`` is, ``token_endpoint`` and ``access_key_id`` are not; ``secret_id`` is, for
    it often is the secret.
    """
    if not _has_secret_word(nouns) or nouns[-2:] == ["public", "key"]:
        return False
    if nouns[-1] in _IDS:
        return nouns[-2] not in _CREDENTIAL_ID_NOUNS
    return nouns[-1] not in _SAFE_NOUNS or nouns[-2:] == ["service", "account"]


def is_group(nouns: list[str]) -> bool:
    """Whether the name is one of a group of credentials, in which a schema may list members."""
    return nouns[-1:] == ["basic"] or not _AUTH_WORDS.isdisjoint(nouns[-1:])


def is_pairs(nouns: list[str]) -> bool:
    """Whether names and values stand in it, of which the values may be secret."""
    return "_".join(nouns) in _PAIR_NAMES


def is_safe(name: str, nouns: list[str]) -> bool:
    """Whether the name is about something harmless."""
    return bool(nouns) and nouns[-1] in _SAFE_NOUNS and _NAME.fullmatch(name) is not None


def is_id(nouns: list[str]) -> bool:
    return nouns[-1:] != [] and nouns[-1] in _IDS


def is_safe_id(name: str, nouns: list[str]) -> bool:
    """Whether the name is one of the id of something harmless."""
    return (
        is_id(nouns)
        and nouns[-2:-1] != []
        and nouns[-2] in _SAFE_ID_NOUNS
        and _NAME.fullmatch(name) is not None
    )


def _has_secret_word(nouns: list[str]) -> bool:
    return (
        _SECRET_STEMS.search("".join(nouns)) is not None
        or not _SECRET_WORDS.isdisjoint(nouns)
        or any(noun.endswith(("key", "keys")) for noun in nouns)
    )
