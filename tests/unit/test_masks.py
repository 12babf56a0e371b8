"""Errors as pages show them: their sentence stays, and whatever is data goes (threat S19)."""

# ruff: noqa: RUF001 -- signs of many languages that look alike are the point here

from __future__ import annotations

import time

import pytest

from aggregator.page import masks, words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("can't find table 'patients_hiv' in 'finance'", "can't find table (…) in (…)"),
        (
            "couldn't open 'ssn=123' for John's account 'x y z'",
            "couldn't open (…) for John's account (…)",
        ),
        ("the users' table 'a' isn't there", "the users' table (…) isn't there"),
        ("no table 'John's patients' here", "no table (…) here"),
        ("no name 'O''Brien' here", "no name (…)(…) here"),
        (r"no name 'O\'Brien' here", "no name (…) here"),
        ("where name = N'John' and age = b'abc'", "where name = N(…) and age = b(…)"),
        ("l'utilisateur n'existe pas", "l'utilisateur n'existe pas"),
        ("shard B's copy isn't there", "shard B's copy isn't there"),
    ],
)
def test_an_apostrophe_is_no_quote(text: str, shown: str) -> None:
    assert words.error(text) == shown


@pytest.mark.parametrize(
    "quoted",
    [
        "'canary'",
        '"canary"',
        '"it\'s 5 o"clock canary"',
        "`canary`",
        "‘canary’",
        "‘canary’s’",
        "‚canary‘",
        "“canary”",
        "„canary“",
        "„canary”",
        "«canary»",
        "»canary«",
        "‹canary›",
        "›canary‹",
        "「canary」",
        "『canary』",
        "《canary》",
        "＂canary＂",
        "＇canary＇",
        "$$canary$$",
        "$tag$canary $1 $$ x$tag$",
    ],
)
def test_what_is_quoted_in_any_language_is_masked(quoted: str) -> None:
    said = words.error(f"didn't find {quoted} in the users’ table")

    assert "canary" not in said
    assert said.startswith("didn't find (…)")
    assert said.endswith(" in the users’ table")


@pytest.mark.parametrize(
    "opening", ["'", '"', "`", "‘", "‚", "“", "„", "«", "‹", "「", "$$", "$a$"]
)
def test_a_quote_that_was_cut_off_is_masked_to_the_end(opening: str) -> None:
    assert words.error(f"unexpected {opening}secret value of can't") == "unexpected (…)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # International names, and dots that are no full stops.
        ("cannot reach db.müller.de:5432", "cannot reach (host)"),
        ("cannot reach straße.example.com", "cannot reach (host)"),
        ("cannot reach пример.рф now", "cannot reach (host) now"),
        ("cannot reach db。internal。corp:5432", "cannot reach (host)"),
        ("cannot reach db．internal․corp", "cannot reach (host)"),
        ("service svc.cluster.local.", "service (host)."),
        ("lookup db.müller.de: no such host", "lookup (host): no such host"),
        # One word with a port, or after words that announce one.
        ("unreachable db-prod-01:5432", "unreachable (host)"),
        ("unreachable payroll:5432 now", "unreachable (host) now"),
        ("no route to host payroll", "no route to host (…)"),
        ("Unknown MySQL server host db-prod-01 (2005)", "Unknown MySQL server host (…) (2005)"),
        (
            "could not translate host name payroll to address",
            "could not translate host name (…) to address",
        ),
        ("server db-prod-01 refused it", "server (…) refused it"),
        ("getaddrinfo ENOTFOUND payroll", "getaddrinfo ENOTFOUND (…)"),
        ("getaddrinfo EAI_AGAIN payroll", "getaddrinfo EAI_AGAIN (…)"),
        ("connect ECONNREFUSED payroll", "connect ECONNREFUSED (…)"),
        ("connect ETIMEDOUT payroll", "connect ETIMEDOUT (…)"),
        ("dial tcp: lookup payroll on 10.0.0.2:53", "dial tcp: lookup (…) on (host)"),
        # Numbers of machines, whatever is glued to them.
        ("x10.0.0.4 is down", "x(host) is down"),
        ("10.0.0.4_x is down", "(host)_x is down"),
        ("10.0.0.4:5432refused", "(host)refused"),
        ("net 10.0.0.4/24 is down", "net (host) is down"),
        ("ip-10-0-0-4 is down", "(host) is down"),
        ("host db.c is down", "host (…) is down"),
        ("no route to [fe80::1%eth0]:5432", "no route to [(host)]:5432"),
        # Folders and machines of Windows, homes of people.
        (r"\\fileserver\payroll\x denied", "(path) denied"),
        (r"C:\Users\John Doe\key.pem is missing", "(path) is missing"),
        (r"CORP\jdoe denied", "(…) denied"),
        ("/home/jdoe/.ssh/id_rsa is missing", "(path) is missing"),
        ("file:/Users/jdoe/key is missing", "file:(path) is missing"),
        ("cannot read ~jdoe/key", "cannot read (path)"),
        # People.
        ("Login failed for jdoe", "Login failed for (…)"),
        (
            "ssh: authentication failed for jdoe: denied",
            "ssh: authentication failed for (…): denied",
        ),
        ("FATAL: role jdoe does not exist", "FATAL: role (…) does not exist"),
        ("user jdoe does not have CREATE", "user (…) does not have CREATE"),
        ("unknown user jdoe", "unknown user (…)"),
        ("role svc_reader lacks it", "role (…) lacks it"),
        ("account xy12345 locked", "account (…) locked"),
        ("uid=jdoe x", "uid=(…) x"),
        (
            "Data Source=db-prod;User Id=John Doe;Database=payroll",
            "Data Source=(…);User Id=(…);Database=(…)",
        ),
        ("jdoe＠acme.com and @jdoe and jdoe@", "(address) and (address) and (address)"),
        ("ask jdoe [at] acme.com or john%40acme.com", "ask (address) or (address)"),
        ("ask jdoe@\u200dacme.com or jd\u00adoe\u200b@acme.com", "ask (address) or (address)"),
        ("10.\u200d0.0.4 is down", "(host) is down"),
        ("User: arn:aws:iam::123:user/jdoe is denied", "User: (…) is denied"),
        # Values.
        ("Key (name)=(John Doe) exists", "Key (name)=(…) exists"),
        ("Key (a, lower(b))=(1, John (Jr) Doe) exists", "Key (a, lower(b))=(…) exists"),
        ("Key (name)=(John Do", "Key (name)=(…)"),
        ("Failing row contains (1, John Doe, null).", "Failing row contains (…)."),
        ("card 4111/1111/1111/1111", "card (number)"),
        ("card 4111–1111–1111–1111", "card (number)"),
        ("https:\\/\\/db\\/x?a=b failed", "(link) failed"),
        # Secrets, in the languages of those who write errors.
        ("the password hunter2 is wrong", "the password (…) is wrong"),
        ("pwd hunter2 is wrong", "pwd (…) is wrong"),
        ("Invalid API key abcd1234 provided", "Invalid API key (…) provided"),
        ("access_token is abc4 now", "access_token is (…) now"),
        ("secret sOmeThing", "secret (…)"),
        ("PIN 1234 is wrong", "PIN (…) is wrong"),
        ("contraseña: canary", "contraseña: (…)"),
        ("clave=canary", "clave=(…)"),
        ("mot de passe hunter2 refusé", "mot de passe (…) refusé"),
        ("passwort hunter2 falsch", "passwort (…) falsch"),
    ],
)
def test_data_of_an_error_is_masked_and_its_sentence_stays(text: str, shown: str) -> None:
    assert words.error(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 401: unauthorized",
        "HTTP 403: your role cannot read models",
        "HTTP 429: too many requests, retry after 30 s",
        "context deadline exceeded while connecting",
        "connection to the server failed",
        "connection reset by peer",
        "dial tcp: i/o timeout",
        "read ECONNRESET while reading",
        "connect ETIMEDOUT after 30 s",
        "DNS lookup failed for this host",
        "no route to host",
        "no such host",
        "the host is unreachable",
        "host key verification failed",
        "server does not support SSL",
        "server is in read-only mode",
        "server closed the connection unexpectedly",
        "the server certificate is self-signed",
        "password authentication failed",
        "the password is wrong",
        "password must be changed",
        "invalid token",
        "token has expired",
        "token refresh failed in 3 attempts",
        "the secret was not found",
        "canceling statement due to user request",
        "user does not have the permission",
        "the user account is locked",
        "the user has no role",
        "role based access is off",
        "login failed for the user",
        "login failed for all users",
        "column 3 of 12 is missing",
        "exit code:1045 at line:1024",
        "it took 12.5 s, not 3.5 s (SQLSTATE 42501)",
        "waited 30 s...giving up",
        "relation does not exist; see /var/log/postgresql",
        "GET /api/users/me is forbidden",
        "either/or and/or n/a",
        "not possible at 10:30:45",
        "запрос не выполнен. Повторите позже",
        "接続できません。後でもう一度お試しください。",
        "la clave primaria no existe",
        "le mot de passe est invalide",
    ],
)
def test_an_error_without_data_is_said_word_by_word(text: str) -> None:
    assert words.error(text) == text


@pytest.mark.parametrize("text", ["Key (name)=(John Doe)", "host db-1 and user jd@x and 'a'"])
def test_what_is_masked_is_not_masked_again(text: str) -> None:
    once = words.error(text)

    assert words.error(once) == once


HOSTILE = {
    "quotes": "'\"`“„«‹「",
    "closed quotes": "'a' \"b\" ",
    "glued quotes": "a'",
    "quotes before words": "\"'a",
    "one kind of quote": '"',
    "guillemets that close first": "»",
    "dollars": "$",
    "dollars and names": "$a",
    "open dollar quotes": "$a$ ",
    "backslashes": "\\",
    "dots": ".",
    "letters and dots": "a.",
    "one long word": "a",
    "digits": "1",
    "digits and separators": "1 ./-",
    "colons": "a:",
    "hexadecimal colons": ":a",
    "at signs": "a@",
    "percents": "a%40",
    "hyphens": "a-",
    "underscores": "_",
    "slashes": "/",
    "home folders": "/home/",
    "backslashes and names": "a\\b",
    "drives": "C:\\ ",
    "drives and words": "C:\\a b c",
    "addresses of four parts": "1.1.1.1.",
    "rows": ")=(",
    "open rows": ")=((",
    "users": "user ",
    "users and a name": "user a.",
    "assignments": "user=",
    "hosts": "host ",
    "hosts and names": "host name ",
    "passwords": "password ",
    "passwords in a row": "password",
    "passwords that are": "password is ",
    "lookups": "lookup ",
    "failures": "ENOTFOUND ",
    "logins": "login failed for ",
    "links": "a://",
    "plus signs": "+",
    "spaces": "  a",
    "resources": "arn:",
    "times": "1:11:11",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_no_error_takes_long_to_mask(piece: str) -> None:
    """Each pattern is linear: one that is not takes minutes for 100,000 characters."""
    text = (piece * (100_000 // len(piece)))[:99_999]
    started = time.process_time()
    masks.masked(text + "x")
    masks.masked(text + "\x00")
    words.error(text)

    assert time.process_time() - started < 3, "three times"
