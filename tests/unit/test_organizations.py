from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ConfigurationError
from aggregator.keys import MAX_KEY_CHARACTERS, check_key
from aggregator.model import Credential, Organization, Outcome, Secret
from aggregator.organizations import Registry, discover, load_organizations
from aggregator.settings import Settings, load_settings
from tests.leaks import everything_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

CANARY = "canary-5up3r-53cr3t"
BASE_URL = "https://app.polytomic.com"
TRIMMED = "white space, a byte order mark or quotes around the key were left out"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in os.environ:
        if variable.upper().startswith("AGGREGATOR_"):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def load(**settings: Any) -> Registry:  # noqa: ANN401  any setting
    return load_organizations(Settings(**settings))


def refused(**settings: Any) -> ConfigurationError:  # noqa: ANN401  any setting
    with pytest.raises(ConfigurationError) as caught:
        load(**settings)
    assert CANARY not in everything_in(caught.value)
    return caught.value


def keys_dir(**files: str | bytes) -> Path:
    folder = Path("keys")
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        (folder / name).chmod(0o600)
    return folder


def registry_file(text: str) -> Path:
    path = Path("organizations.toml")
    path.write_text(text, encoding="utf-8")
    return path


def sent(organization: Organization) -> str:
    assert organization.credential is not None
    return organization.credential.authorization()


def refusals(registry: Registry) -> dict[str, tuple[Outcome, str]]:
    return {
        one.name: (one.refusal.outcome, one.refusal.reason)
        for one in registry.organizations
        if one.refusal
    }


def names(registry: Registry) -> list[str]:
    return [one.name for one in registry.organizations]


# Sources


def test_api_keys_give_one_organization_each() -> None:
    registry = load(api_keys={"b": "key-b", "a": "key-a"}, base_url="https://p.acme.example:8443")
    first, second = registry.organizations
    assert first == Organization(
        name="a",
        base_url="https://p.acme.example:8443",
        deployment="p.acme.example",
        source="AGGREGATOR_API_KEYS",
        credential=first.credential,
    )
    assert sent(first) == "Bearer key-a"
    assert sent(second) == "Bearer key-b"
    assert registry.notes == ()


def test_a_folder_gives_one_organization_a_file() -> None:
    registry = load(keys_dir=keys_dir(globex="key-g\n", acme="key-a\r\n"))
    assert names(registry) == ["acme", "globex"]
    assert [sent(one) for one in registry.organizations] == ["Bearer key-a", "Bearer key-g"]
    assert registry.organizations[0].source == "keys"
    assert registry.notes == ()


def test_a_mounted_kubernetes_secret_is_read_through_its_links() -> None:
    folder = keys_dir()
    (folder / "..2026_11_23").mkdir()
    (folder / "..2026_11_23/acme").write_text("key-a", encoding="utf-8")
    (folder / "..data").symlink_to("..2026_11_23")
    (folder / "acme").symlink_to("..data/acme")
    registry = load(keys_dir=folder)
    assert [sent(one) for one in registry.organizations] == ["Bearer key-a"]


def test_the_registry_file_says_everything_about_an_organization(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_KEY", "key-a")
    Path("globex.key").write_text("key-g\n", encoding="utf-8")
    path = registry_file(
        """
        [[organization]]
        name = "acme"
        api_key = "env:ACME_KEY"
        organization_id = "248df4b7"
        base_url = "https://Polytomic.acme.example:8443/"
        tags = { team = "growth", region = "eu" }
        requests_per_second = 2

        [[organization]]
        name = "globex"
        api_key = "file:globex.key"
        auth = "basic"
        organization_id = "f91e157a"
        """
    )
    acme, globex = load(organizations_file=path).organizations
    assert acme == Organization(
        name="acme",
        base_url="https://polytomic.acme.example:8443",
        deployment="polytomic.acme.example",
        source="organizations.toml",
        credential=acme.credential,
        organization_id="248df4b7",
        tags={"team": "growth", "region": "eu"},
        requests_per_second=2,
    )
    assert sent(acme) == "Bearer key-a"
    assert globex.base_url == BASE_URL
    assert globex.credential == Credential(
        globex.credential.secret if globex.credential else Secret(""), "basic", "f91e157a"
    )
    assert globex.requests_per_second is None


def test_a_reference_may_name_a_variable_of_dotenv() -> None:
    Path(".env").write_text("ACME_KEY=key-a\n", encoding="utf-8")
    path = registry_file('\ufeff[[organization]]\nname="acme"\napi_key="env:ACME_KEY"\n')
    assert sent(load(organizations_file=path).organizations[0]) == "Bearer key-a"


def test_a_key_file_is_looked_for_beside_the_registry_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/acme.key").write_text("key-a", encoding="utf-8")
    path = tmp_path / "etc/organizations.toml"
    path.write_text('[[organization]]\nname="acme"\napi_key="file:acme.key"\n', encoding="utf-8")
    assert sent(load(organizations_file=path).organizations[0]) == "Bearer key-a"


def test_a_disabled_organization_is_known_and_needs_no_key() -> None:
    path = registry_file('[[organization]]\nname="acme"\napi_key="env:NOT_SET"\nenabled=false\n')
    registry = load(organizations_file=path, api_keys={"globex": "key-g"})
    globex, acme = registry.organizations
    assert globex.enabled
    assert not acme.enabled
    assert acme.credential is None
    assert acme.refusal is None


def test_all_sources_are_read_in_their_fixed_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", "key-file")
    registry = load(
        organizations_file=registry_file('[[organization]]\nname="a"\napi_key="env:K"\n'),
        keys_dir=keys_dir(b="key-dir"),
        api_keys={"c": "key-env"},
    )
    assert names(registry) == ["c", "b", "a"]


# Problems of structure: exit 2, all at once


def test_no_organization_at_all_is_a_problem_that_names_the_ways_out() -> None:
    """Fault A8: zero keys is never zero organizations."""
    (problem,) = refused().problems
    assert problem.startswith("no organization is configured: set AGGREGATOR_API_KEYS,")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "is empty"), (b"\xff\xfeb\0", "is not UTF-8 text"), (b"a\xff", "is not UTF-8 text")],
    ids=["empty", "binary", "latin-1"],
)
def test_a_key_file_without_text_is_a_problem(content: bytes, complaint: str) -> None:
    """Fault A8: also 0 bytes after rotation."""
    folder = keys_dir(acme=content, globex="key-g")
    assert refused(keys_dir=folder).problems == (f"AGGREGATOR_KEYS_DIR: keys/acme {complaint}",)


def test_whatever_is_no_readable_file_is_a_problem() -> None:
    """Fault A8: and nothing waits for a named pipe."""
    folder = keys_dir()
    (folder / "folder").mkdir()
    (folder / "gone").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    problems = refused(keys_dir=folder).problems
    assert problems == (
        "AGGREGATOR_KEYS_DIR: keys/folder cannot be read: Is a directory",
        "AGGREGATOR_KEYS_DIR: keys/gone cannot be read: No such file or directory",
        "AGGREGATOR_KEYS_DIR: keys/loop cannot be read: Too many levels of symbolic links",
        "AGGREGATOR_KEYS_DIR: keys/pipe is not a regular file",
    )


def test_an_unreadable_key_file_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault A8: simulated, for root may read everything."""

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    folder = keys_dir(acme="key-a")
    monkeypatch.setattr(os, "open", refuse)
    assert refused(keys_dir=folder).problems == (
        "AGGREGATOR_KEYS_DIR: keys/acme cannot be read: Permission denied",
    )


def test_a_keys_folder_that_is_missing_empty_or_a_file_is_a_problem() -> None:
    """Fault A8."""
    others = {"acme": "key-a"}
    Path("file").touch()
    Path("empty").mkdir()
    (Path("empty") / ".hidden").touch()
    found = [
        refused(keys_dir=Path(name), api_keys=others).problems
        for name in ("missing", "file", "empty")
    ]
    assert found == [
        ("AGGREGATOR_KEYS_DIR: missing cannot be read: No such file or directory",),
        ("AGGREGATOR_KEYS_DIR: file cannot be read: Not a directory",),
        ("AGGREGATOR_KEYS_DIR: empty holds no key file",),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no [[organization]] table"),
        ("# nothing\n", "has no [[organization]] table"),
        ("organization = []\n", "has no [[organization]] table"),
        ('[organization]\nname = "a"\n', "has no [[organization]] table"),
        (f'[[organization]]\nname = "{CANARY}\n', "is not valid TOML (at line 2, column "),
        (f'[[organization]]\napi_key = "{CANARY}', "is not valid TOML (at end of document)"),
        (f'["{CANARY}"]\n["{CANARY}"]\n', "is not valid TOML (at line 2, column "),
        ("a = " + "[" * 100_000, "is not valid TOML"),
        ("a = " + "9" * 10_000, "is not valid TOML"),
        ('[default]\nname = "a"\n', "has more than [[organization]] tables: default"),
    ],
)
def test_a_broken_registry_file_is_a_problem(text: str, complaint: str) -> None:
    """Fault A8: half-written; no content is repeated."""
    (problem,) = refused(organizations_file=registry_file(text)).problems
    assert problem.startswith(f"AGGREGATOR_ORGANIZATIONS_FILE: organizations.toml {complaint}")


def test_a_missing_or_binary_registry_file_is_a_problem() -> None:
    """Fault A8."""
    Path("binary").write_bytes(b"\0")
    found = [refused(organizations_file=Path(name)).problems for name in ("gone", "binary", ".")]
    assert found == [
        ("AGGREGATOR_ORGANIZATIONS_FILE: gone cannot be read: No such file or directory",),
        ("AGGREGATOR_ORGANIZATIONS_FILE: binary is not UTF-8 text",),
        ("AGGREGATOR_ORGANIZATIONS_FILE: . cannot be read: Is a directory",),
    ]


def test_a_registry_line_without_end_is_refused_with_its_number() -> None:
    """Fault A10."""
    path = registry_file(f'[[organization]]\nname = "{"x" * 10_000_000}"\n')
    (problem,) = refused(organizations_file=path).problems
    assert "organizations.toml line 2 is longer than" in problem


def test_a_million_lines_of_registry_are_refused_by_their_size() -> None:
    """Fault A10."""
    path = registry_file("# a comment line of forty characters ....\n" * 1_000_000)
    (problem,) = refused(organizations_file=path).problems
    assert "organizations.toml is larger than 33554432 bytes" in problem


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('api_kye = "env:K"', ": api_kye: is not known"),
        ('auth = "digest"', ": auth: must be bearer or basic"),
        ('auth = "basic"', ': auth = "basic" needs organization_id'),
        ('organization_id = "a:b"', ": organization_id: must be 1 to 200 printable ASCII"),
        ('organization_id = ""', ": organization_id: must be 1 to 200 printable ASCII"),
        ("organization_id = 7", ": organization_id: must be text"),
        ('base_url = "http://polytomic.example"', ": base_url: must begin with https://"),
        (f'base_url = "https://u:{CANARY}@h"', ": base_url: must not hold a user"),
        ("tags = { tier = 1 }", ": tags: must be a table of texts"),
        ("tags = 1", ": tags: must be a table of texts"),
        ("requests_per_second = -1", ": requests_per_second: must be 0 (no ceiling) or a number"),
        ("requests_per_second = nan", ": requests_per_second: must be 0 (no ceiling) or a number"),
        ("requests_per_second = true", ": requests_per_second: must be 0 (no ceiling) or a number"),
        ('enabled = "yes"', ": enabled: must be true or false"),
    ],
)
def test_a_field_that_the_contract_does_not_have_so_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, line: str, complaint: str
) -> None:
    monkeypatch.setenv("K", CANARY)
    path = registry_file(f'[[organization]]\nname = "acme"\napi_key = "env:K"\n{line}\n')
    (problem,) = refused(organizations_file=path).problems
    place = "AGGREGATOR_ORGANIZATIONS_FILE: organizations.toml organization 1 (acme)"
    assert problem.startswith(f"{place}{complaint}")


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        (CANARY, "must be env:NAME or file:path; a key itself does not belong in this file"),
        (f"env:{CANARY}", "must be env:NAME or file:path"),
        ("env:", "must be env:NAME or file:path"),
        ("file:", "must be env:NAME or file:path"),
        ("", "must be env:NAME or file:path"),
        ("env:NOT_SET", "the variable NOT_SET is not set"),
        ("file:/nowhere/acme", "/nowhere/acme cannot be read: No such file or directory"),
        ("file:.", "cannot be read: Is a directory"),
    ],
)
def test_a_literal_key_and_a_reference_to_nothing_are_problems(
    reference: str, complaint: str
) -> None:
    """Fault A8: and a key is not repeated."""
    path = registry_file(f'[[organization]]\nname = "acme"\napi_key = "{reference}"\n')
    (problem,) = refused(organizations_file=path).problems
    assert problem.startswith("AGGREGATOR_ORGANIZATIONS_FILE: organizations.toml organization 1")
    assert complaint in problem


@pytest.mark.parametrize("name", ["", "a b", "a/b", "\u00e4", "a\n", "..\\x", "x" * 129, "\udcff"])
def test_a_bad_name_is_a_problem(name: str) -> None:
    (problem,) = refused(api_keys={name: CANARY}).problems
    assert problem.startswith("AGGREGATOR_API_KEYS: the name '")
    assert problem.isprintable()
    assert problem.isascii()


@given(st.text(max_size=200))
def test_a_name_is_either_usable_or_a_printable_problem(name: str) -> None:
    api_keys = {name: CANARY}
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    if name and len(name) <= 128 and set(name) <= allowed:
        assert names(load(api_keys=api_keys)) == [name]
    else:
        (problem,) = refused(api_keys=api_keys).problems
        assert problem.isascii()
        assert problem.isprintable()


def test_a_name_may_appear_in_one_source_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", CANARY)
    entry = '[[organization]]\nname = "acme"\napi_key = "env:K"\n'
    error = refused(
        api_keys={"acme": "key-1", "Acme": "key-2"},
        keys_dir=keys_dir(acme="key-3"),
        organizations_file=registry_file(entry * 2),
    )
    assert error.problems == (
        "keys: acme is named in AGGREGATOR_API_KEYS already",
        "organizations.toml: acme is named in AGGREGATOR_API_KEYS already",
        "organizations.toml: acme is named in AGGREGATOR_API_KEYS already",
    )


def test_problems_of_all_sources_are_told_at_once() -> None:
    path = registry_file(
        '[[organization]]\nname = "a"\napi_key = "env:NOT_SET"\n[[organization]]\ncolor = 1\n'
    )
    error = refused(
        api_keys={"b c": CANARY},
        keys_dir=keys_dir(empty=""),
        organizations_file=path,
        partner_key=f"{CANARY}\u200b",
    )
    assert [problem.split(" ")[0] for problem in error.problems] == [
        "AGGREGATOR_KEYS_DIR:",
        "AGGREGATOR_ORGANIZATIONS_FILE:",
        "AGGREGATOR_ORGANIZATIONS_FILE:",
        "AGGREGATOR_ORGANIZATIONS_FILE:",
        "AGGREGATOR_ORGANIZATIONS_FILE:",
        "AGGREGATOR_API_KEYS:",
        "AGGREGATOR_PARTNER_KEY:",
    ]


# Values of keys: only their organization is refused


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "the key is blank"),
        (" \r\n\t", "the key is blank"),
        ('""', "the key is blank"),
        (f"  {CANARY}\x07x", "character 22 of the key is a control character"),
        (f"{CANARY} x", "character 20 of the key is white space"),
        (f"{CANARY}\r\nX-Header: y", "character 20 of the key is white space"),
        (f"{CANARY}\u00a0x", "character 20 of the key is white space"),
        (f"{CANARY}\u200b", "character 20 of the key is invisible"),
        (f"{CANARY}\u0435", "character 20 of the key is not ASCII"),
        (f"{CANARY}\ud800", "character 20 of the key is invisible"),
        (CANARY * 1000, f"the key is longer than {MAX_KEY_CHARACTERS} characters"),
    ],
)
def test_a_key_that_cannot_be_sent_refuses_only_its_organization(key: str, problem: str) -> None:
    """Faults A3, A4, A5, A10: position, never the value."""
    checked = check_key(Secret(key))
    assert checked.secret is None
    assert checked.problem == problem
    assert CANARY not in repr(checked)


def test_an_organization_with_a_blank_key_is_refused_and_the_others_go_on() -> None:
    """Fault A5."""
    registry = load(api_keys={"acme": " ", "globex": "key-g"})
    assert refusals(registry) == {
        "acme": (Outcome.BAD_KEY, "acme (AGGREGATOR_API_KEYS): the key is blank")
    }
    assert registry.organizations[0].credential is None
    assert sent(registry.organizations[1]) == "Bearer key-g"


def test_an_empty_variable_is_a_bad_key_in_the_way_of_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault A5: from the environment to the refusal."""
    monkeypatch.setenv("AGGREGATOR_API_KEYS__Acme", "")
    monkeypatch.setenv("AGGREGATOR_API_KEYS__odd", "key-\udcff")
    monkeypatch.setenv("AGGREGATOR_API_KEYS__fine", "key-f")
    registry = load_organizations(load_settings())
    assert {name: outcome for name, (outcome, _) in refusals(registry).items()} == {
        "Acme": Outcome.BAD_KEY,
        "odd": Outcome.BAD_KEY,
    }


@pytest.mark.parametrize(
    "wrapped",
    [" key-a", "key-a\n", "key-a\r\n", "\tkey-a\t", "\ufeffkey-a", '"key-a"', "\ufeff 'key-a' \n"],
)
def test_what_surrounds_a_key_is_left_out_with_a_note(wrapped: str) -> None:
    """Fault A3."""
    registry = load(api_keys={"acme": wrapped, "globex": "key-g"})
    assert sent(registry.organizations[0]) == "Bearer key-a"
    assert registry.notes == (f"{TRIMMED}: acme",)


def test_notes_are_one_line_a_kind_however_many_keys_there_are() -> None:
    registry = load(api_keys={f"n{number}": f" k{number}" for number in range(8)})
    assert registry.notes == (f"{TRIMMED}: n0, n1, n2, n3, n4 and 3 more",)


@given(st.text(max_size=60) | st.text("\"' \t\ufeffab", max_size=12))
def test_any_text_is_a_key_of_printable_ascii_or_refused_without_showing_it(text: str) -> None:
    """Faults A3, A4, A5."""
    checked = check_key(Secret(text))
    if checked.secret is None:
        assert checked.problem
        assert checked.problem.isascii()
        hidden = check_key(Secret(f"{CANARY}{text}{CANARY}"))
        assert CANARY not in repr(hidden)
    else:
        key = checked.secret.reveal()
        assert key
        assert all("!" <= character <= "~" for character in key)
        assert key in text
        assert check_key(checked.secret).secret is not None
        assert checked.trimmed == (key != text)


def test_when_no_key_is_usable_all_are_told() -> None:
    """Faults A5, A8."""
    path = registry_file('[[organization]]\nname="off"\napi_key="env:NO"\nenabled=false\n')
    error = refused(api_keys={"a": "", "b": f"{CANARY}\x00"}, organizations_file=path)
    assert error.problems == (
        "no organization has a usable key",
        "a (AGGREGATOR_API_KEYS): the key is blank",
        "b (AGGREGATOR_API_KEYS): character 20 of the key is a control character",
        "off (organizations.toml): disabled",
    )


def test_a_key_file_that_others_can_read_or_own_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault A11."""
    folder = keys_dir(open="key-o", closed="key-c")
    (folder / "open").chmod(0o644)
    notes = load(keys_dir=folder).notes
    assert notes == ("key file is readable by every user of this machine: open",)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    if (folder / "open").stat().st_uid == 0:
        os.chown(folder / "closed", 4343, -1)
    notes = load(keys_dir=folder).notes
    assert "key file belongs to another user: closed" in {note.split(",")[0] for note in notes}


EXPOSED = ".env holds secrets and is readable by every user of this machine"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('AGGREGATOR_API_KEYS={"acme": "key-a"}', "acme"),
        ("AGGREGATOR_API_KEYS__acme=key-a", "acme"),
        ("BETA_KEY=key-b", "beta"),
        ("AGGREGATOR_PARTNER_KEY=key-p", "AGGREGATOR_PARTNER_KEY"),
        ("AGGREGATOR_DATABASE_URL=postgresql://me:pw@h/d", "AGGREGATOR_DATABASE_URL"),
        ("AGGREGATOR_DATABASE_URL=postgresql://me@h/d?password=pw", "AGGREGATOR_DATABASE_URL"),
        ("REPORTING_PASSWORD=pw", "REPORTING_PASSWORD"),
        ("AGGREGATOR_DATABASE_URL=postgresql://me@h/d", None),
        ("AGGREGATOR_BASE_URL=https://app.polytomic.com\nPOSTGRES_PASSWORD=", None),
    ],
)
def test_a_file_of_settings_that_others_can_read_is_noted_where_it_holds_secrets(
    monkeypatch: pytest.MonkeyPatch, lines: str, named: str | None
) -> None:
    """Fault A11: as a key file is."""
    monkeypatch.setenv("BETA_KEY", "key-b")
    registry = registry_file('[[organization]]\nname="beta"\napi_key="env:BETA_KEY"\n')
    dotenv = Path(".env")
    dotenv.write_text(f"{lines}\n", encoding="utf-8")
    keys = {"acme": "key-a"}
    dotenv.chmod(0o644)
    notes = load(api_keys=keys, organizations_file=registry).notes
    assert notes == ((f"{EXPOSED}: {named}",) if named else ())
    dotenv.chmod(0o640)
    assert load(api_keys=keys, organizations_file=registry).notes == ()


def test_secrets_appear_in_no_representation_of_the_registry() -> None:
    registry = load(api_keys={"acme": CANARY}, partner_key=CANARY)
    assert CANARY not in f"{registry} {registry!r}"


# Duplicates


def test_the_same_key_twice_is_fetched_once() -> None:
    """Fault A1: the first in the order of sources and names goes on."""
    registry = load(api_keys={"b": "same", "a": " same "}, keys_dir=keys_dir(c="same\n", d="other"))
    assert refusals(registry) == {
        "b": (Outcome.DUPLICATE_ORG, "same key as 'a'"),
        "c": (Outcome.DUPLICATE_ORG, "same key as 'a'"),
    }
    assert [one.name for one in registry.organizations if one.credential] == ["a", "d"]


def test_one_key_is_no_duplicate_at_another_address_or_for_another_organization(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault A1: one deployment key reaches many organizations."""
    monkeypatch.setenv("K", "deployment-key")
    path = registry_file(
        "".join(
            f'[[organization]]\nname="{name}"\napi_key="env:K"\nauth="basic"\n'
            f'organization_id="{name}"\n'
            for name in "abc"
        )
        + '[[organization]]\nname="d"\napi_key="env:K"\nbase_url="https://p.acme.example"\n'
        + '[[organization]]\nname="e"\napi_key="env:K"\n'
    )
    registry = load(organizations_file=path)
    assert refusals(registry) == {}


def test_an_organization_id_pinned_twice_in_one_deployment_is_fetched_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault A2, as far as it shows before anything is asked."""
    for name in "abcd":
        monkeypatch.setenv(f"K_{name}", "" if name == "a" else f"key-{name}")
    tables = (
        f'[[organization]]\nname="{name}"\napi_key="env:K_{name}"\norganization_id="same"\n'
        for name in "abcd"
    )
    path = registry_file("".join(tables) + 'base_url="https://p.acme.example"\n')
    registry = load(organizations_file=path)
    assert {name: outcome for name, (outcome, _) in refusals(registry).items()} == {
        "a": Outcome.BAD_KEY,
        "c": Outcome.DUPLICATE_ORG,
    }
    assert refusals(registry)["c"][1] == "same organization_id as 'b'"


# Many


def test_fifty_thousand_keys_take_bounded_memory() -> None:
    """Fault A10."""
    api_keys = {f"organization-{number}": f"made-up-key-{number}" for number in range(50_000)}
    settings = Settings.model_validate({"api_keys": api_keys})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(load_organizations(settings).organizations) == 50_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize("content", [b"x" * 10_000_000, b"x\n" * 1_000_000, b"\xff" * 20_000])
def test_an_endless_key_file_is_a_bad_key(content: bytes) -> None:
    """Fault A10."""
    registry = load(keys_dir=keys_dir(acme=content, globex="key-g"))
    assert refusals(registry) == {
        "acme": (
            Outcome.BAD_KEY,
            f"acme (keys): the key is longer than {MAX_KEY_CHARACTERS} characters",
        )
    }


# Discovery


PARTNER = Secret("made-up-partner-key")


def found(
    *rows: object,
    known: tuple[Organization, ...] = (),
    former: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str | None]:
    discovered = discover(rows, PARTNER, BASE_URL, known, former)
    return {one.name: one.organization_id for one in discovered}


def known(name: str, organization_id: str | None, deployment: str) -> Organization:
    return Organization(
        name=name,
        base_url=f"https://{deployment}",
        deployment=deployment,
        source="test",
        organization_id=organization_id,
    )


def test_a_partner_key_alone_is_enough_and_is_ready_to_be_sent() -> None:
    registry = load(partner_key=f" {CANARY}\n")
    assert registry.organizations == ()
    assert registry.partner_key is not None
    assert registry.partner_key.reveal() == CANARY
    assert registry.notes == (f"{TRIMMED}: AGGREGATOR_PARTNER_KEY",)


@pytest.mark.parametrize("key", [" ", f"{CANARY}\u00e9", f"{CANARY}\n{CANARY}"])
def test_a_bad_partner_key_is_a_problem_of_configuration(key: str) -> None:
    """Faults A3, A4, A5."""
    (problem,) = refused(partner_key=key, api_keys={"acme": "key-a"}).problems
    assert problem.startswith("AGGREGATOR_PARTNER_KEY: ")


def test_a_discovered_organization_is_read_with_its_id_and_the_partner_key() -> None:
    (one,) = discover([{"id": "248df4b7", "name": "Acme, Inc."}], PARTNER, BASE_URL, (), {})
    assert one == Organization(
        name="acme-inc.",
        base_url=BASE_URL,
        deployment="app.polytomic.com",
        source="AGGREGATOR_PARTNER_KEY",
        credential=one.credential,
        organization_id="248df4b7",
        organization_name="Acme, Inc.",
        discovered=True,
    )
    assert one.credential == Credential(PARTNER, "basic", "248df4b7")


def test_names_are_slugs_and_alike_ones_end_in_their_ids() -> None:
    rows: tuple[object, ...] = (
        {"id": "0000-11111111", "name": "Caf\u00e9 Noir"},
        {"id": "0000-22222222", "name": "Acme"},
        {"id": "0000-33333333", "name": "ACME!"},
        {"id": "0000-44444444", "name": "Globex"},
        {"id": "0000-55555555", "name": "\u682a\u5f0f\u4f1a\u793e"},
    )
    assert found(*rows, known=(known("globex", None, "app.polytomic.com"),)) == {
        "cafe-noir": "0000-11111111",
        "acme-22222222": "0000-22222222",
        "acme-33333333": "0000-33333333",
        "globex-44444444": "0000-44444444",
        "organization": "0000-55555555",
    }


def test_a_name_that_is_taken_with_its_id_as_well_grows_until_it_is_free() -> None:
    taken = tuple(known(name, None, "p.acme.example") for name in ("a", "a-id", "a-id-id"))
    assert found({"id": "id", "name": "A"}, known=taken) == {"a-id-id-id": "id"}


def test_names_do_not_depend_on_the_order_of_the_records() -> None:
    rows = ({"id": "7", "name": "Acme-2"}, {"id": "2", "name": "Acme"}, {"id": "3", "name": "Acme"})
    expected = {"acme-2": "2", "acme-3": "3", "acme-2-7": "7"}
    assert found(*rows) == found(*reversed(rows)) == expected


def test_an_id_keeps_the_name_it_had_and_nobody_else_gets_it() -> None:
    former = {"1": "acme", "2": "globex", "3": "initech"}
    rows = (
        {"id": "1", "name": "Renamed"},
        {"id": "2", "name": "Globex"},
        {"id": "4", "name": "Initech"},
    )
    by_hand = (known("globex", None, "app.polytomic.com"),)
    assert found(*rows, known=by_hand, former=former) == {
        "acme": "1",
        "globex-2": "2",
        "initech-4": "4",
    }


def test_ids_that_a_configured_organization_pins_in_this_deployment_are_left_out() -> None:
    configured = (
        known("acme", "id-1", "app.polytomic.com"),
        known("elsewhere", "id-2", "p.acme.example"),
    )
    rows = ({"id": "id-1", "name": "One"}, {"id": "id-2", "name": "Two"})
    assert found(*rows, known=configured) == {"two": "id-2"}


def test_records_without_a_usable_id_are_left_out_and_an_id_counts_once() -> None:
    rows: tuple[object, ...] = (
        None,
        "text",
        {},
        {"id": None},
        {"id": 7},
        {"id": ""},
        {"id": "a:b"},
        {"id": "a\nb"},
        {"id": "ok", "name": None},
        {"id": "ok", "name": "again"},
    )
    assert found(*rows) == {"organization": "ok"}


@given(
    st.dictionaries(
        st.text("ab-1", min_size=1, max_size=10), st.text("aB- \u00e9\u65e5", max_size=6)
    ),
    st.randoms(use_true_random=False),
    st.sets(st.text("ab-", min_size=1, max_size=6)),
)
def test_discovered_names_are_unique_valid_and_independent_of_the_order(
    upstream: dict[str, str],
    random: Random,
    taken: set[str],
) -> None:
    configured = tuple(known(name, None, "app.polytomic.com") for name in taken)
    rows: list[object] = [{"id": key, "name": name} for key, name in upstream.items()]
    names_found = found(*rows, known=configured)
    assert sorted(str(value) for value in names_found.values()) == sorted(upstream)
    assert not taken & set(names_found)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-") for name in names_found)
    random.shuffle(rows)
    assert found(*rows, known=configured) == names_found
