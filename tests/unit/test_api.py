from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import api
from aggregator.errors import RetryableError, ScopeError
from aggregator.model import Identity, Outcome, Page, Request, Response
from aggregator.payload import PayloadError, clean

VERSION = "2025-09-18"
KEY = "fake-key-0000-1111"


def hide(text: str) -> str:
    return text.replace(KEY, "**")


def answer(body: bytes | str, status: int = 200, **headers: str) -> Response:
    encoded = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json"} | named, encoded)


def page(body: bytes | str, **headers: str) -> Page:
    return api.decipher_list(answer(body, 200, **headers), asked_version=VERSION)


def refused(response: Response) -> ScopeError:
    with pytest.raises(ScopeError) as error:
        api.check(response, asked_version=VERSION, hide=hide)
    return error.value


def bad_payload(body: bytes | str, **headers: str) -> ScopeError:
    with pytest.raises(ScopeError) as error:
        page(body, **headers)
    assert error.value.outcome == Outcome.BAD_PAYLOAD
    assert error.value.__context__ is None
    return error.value


def test_the_headers_name_version_and_sender_and_ask_for_gzip_only() -> None:
    headers = api.headers(VERSION, f"Bearer {KEY}")
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["X-Polytomic-Version"] == VERSION
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["User-Agent"].startswith("polytomic-inventory-aggregator/")


@pytest.mark.parametrize(
    "key", ["", "a\r\nX-Evil: 1", "a\nb", "a b", "käy", "a\x00", "\uff11\uff12"]
)
def test_no_key_can_begin_a_header_of_its_own(key: str) -> None:
    """Faults A3 to A5."""
    with pytest.raises(ScopeError) as error:
        api.headers(VERSION, f"Bearer {key}")
    assert error.value.outcome == Outcome.BAD_KEY


@pytest.mark.parametrize(
    ("status", "outcome", "retryable"),
    [
        (400, Outcome.UPSTREAM_ERROR, False),
        (401, Outcome.UNAUTHORIZED, False),
        (403, Outcome.FORBIDDEN, False),
        (404, Outcome.NOT_FOUND, False),
        (408, Outcome.UPSTREAM_ERROR, True),
        (409, Outcome.UPSTREAM_ERROR, False),
        (422, Outcome.UPSTREAM_ERROR, False),
        (429, Outcome.RATE_LIMITED, True),
        (499, Outcome.UPSTREAM_ERROR, False),
        (500, Outcome.UPSTREAM_ERROR, True),
        (502, Outcome.UPSTREAM_ERROR, True),
        (503, Outcome.UPSTREAM_ERROR, True),
        (504, Outcome.UPSTREAM_ERROR, True),
        (599, Outcome.UPSTREAM_ERROR, True),
        (999, Outcome.UPSTREAM_ERROR, True),
        (204, Outcome.BAD_PAYLOAD, False),
        (302, Outcome.REDIRECTED, False),
    ],
)
def test_each_status_has_its_outcome(status: int, outcome: Outcome, *, retryable: bool) -> None:
    """Faults B1, B4, B5, B6, B12, B18."""
    error = refused(answer("{}", status))
    assert (error.outcome, isinstance(error, RetryableError)) == (outcome, retryable)
    assert error.http_status == status


@pytest.mark.parametrize(
    "body",
    [
        '{"key":"auth","message":"unknown key","metadata":{},"status":401}',
        '{"code":0,"context":{},"error":"unknown key","status":"Unauthorized"}',
        '{"error":{"message":"unknown key"}}',
        '{"message":"unknown key","status_code":401,"metadata":[1]}',
    ],
)
def test_all_four_shapes_of_errors_are_read(body: str) -> None:
    """Fault B1."""
    assert "unknown key" in refused(answer(body, 401)).message


@pytest.mark.parametrize("body", ["{}", "[]", "null", '{"error":{"message":1}}', '{"key":null}'])
def test_an_error_without_words_is_still_an_error(body: str) -> None:
    assert refused(answer(body, 500)).message.startswith("HTTP 500: ")


def test_of_an_error_page_only_type_size_and_digest_are_told() -> None:
    """Fault B15."""
    error = refused(answer("<html>internal secret</html>", 502, content_type="text/html; a=b"))
    assert error.message.startswith("HTTP 502: text/html, 28 bytes, sha256 ")
    assert "secret" not in error.message


def test_an_error_message_is_cut_and_carries_no_query_user_info_or_key() -> None:
    """Invariant I6: not even where the server repeats the key."""
    text = f"bad {KEY} at https://user:pw@host/path?token=abc#x \x1b[31m\u202e" + "x" * 500 + KEY
    message = refused(answer(json.dumps({"message": text}), 500)).message
    assert "https://host/path" in message
    assert not [part for part in (KEY, "abc", "pw", "\x1b", "\u202e") if part in message]
    assert len(message) <= 200 + len("HTTP 500: ")


def test_an_error_message_is_masked() -> None:
    text = "cannot connect with password=fake-hunter2 to https://u:pw@host"
    message = refused(answer(json.dumps({"message": text}), 500)).message
    assert message == "HTTP 500: cannot connect with password=(set) to https://host"


def test_no_error_message_takes_long_to_tell() -> None:
    """Threat S7: nothing else runs meanwhile, not even what a signal asks for."""
    started = time.process_time()
    refused(answer(json.dumps({"message": "://" * 300_000}), 500))
    refused(answer("", 200, x_polytomic_version="://" * 300_000))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://evil.test/take?key=1", "https://evil.test"),
        ("http://api.test:80/", "http://api.test"),
        ("/login?next=secret", "the same host"),
        ("", "the same host"),
        ("http://[bad", "an unreadable address"),
    ],
)
def test_a_redirect_names_the_host_and_nothing_else(location: str, told: str) -> None:
    """Fault B18."""
    assert refused(answer("", 307, location=location)).message == f"HTTP 307 to {told}"


def test_another_version_than_asked_for_is_refused_and_none_at_all_is_not() -> None:
    """Fault B19."""
    error = refused(answer('{"data":[]}', x_polytomic_version="2024-02-08"))
    assert error.outcome == Outcome.VERSION_MISMATCH
    assert page('{"data":[]}', x_polytomic_version=VERSION).records == []
    assert api.served_version(answer('{"data":[]}')) is None
    assert page('{"data":[]}').records == []


def test_null_data_are_zero_records() -> None:
    """Fault C5."""
    assert page('{"data":null}') == Page([])


@pytest.mark.parametrize(
    "body",
    [
        *("null", "[]", '""', "{}", '{"data":{}}', '{"data":"x"}', '{"data":0}', '{"data":false}'),
        *('{"items":[]}', '[{"id":"1"}]', "1", "", " ", '{"result":[]}', "<html>", "{"),
    ],
)
def test_what_is_not_surely_a_list_is_bad_and_never_empty(body: str) -> None:
    """Fault C6, and C1 as far as parsing sees it."""
    bad_payload(body)


@pytest.mark.parametrize(
    "body", ['{"error":"no"}', '{"error":{"message":"no"}}', '{"data":[],"error":"no"}']
)
def test_an_error_with_status_200_is_not_empty(body: str) -> None:
    """Fault B16."""
    bad_payload(body)


def test_the_oldest_version_has_an_envelope_of_its_own() -> None:
    old = "2021-05-23"
    response = answer('{"result":[{"id":"1"}],"error":null}', x_polytomic_version=old)
    assert api.decipher_list(response, asked_version=old).records == [{"id": "1"}]
    with pytest.raises(ScopeError):
        api.decipher_list(answer('{"result":[]}'), asked_version=old)


def test_a_bad_payload_is_described_without_its_text() -> None:
    """Trap T13."""
    error = bad_payload('{"data": [{"password": "hunter2"')
    assert "hunter2" not in repr(error) + str(vars(error))
    assert "32 bytes, sha256" in error.message


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        (rb"caf\u00e9", "café"),
        (b"caf\xe9", "caf\ufffd"),
        (rb"a\ud800b", "a\ufffdb"),
        (rb"a\u0000b", "a\ufffdb"),
        (b"a\x00b", "a\ufffdb"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (b"a\x01b", "a\x01b"),
        ("\u2028\u202e\u200b\U0001f600\ufdd0".encode(), "\u2028\u202e\u200b\U0001f600\ufdd0"),
    ],
)
def test_a_text_that_cannot_be_stored_is_repaired_and_its_record_marked(
    name: bytes, stored: str
) -> None:
    """Faults C8 to C11."""
    result = page(b'{"data":[{"name":"fine"},{"name":"' + name + b'"},{"name":"fine"}]}')
    assert [record["name"] for record in result.records] == ["fine", stored, "fine"]
    assert result.sanitized == (frozenset({1}) if "\ufffd" in stored else frozenset())


def test_raw_surrogate_bytes_are_replaced() -> None:
    """Fault C8."""
    result = page(b'{"data":["\xed\xa0\x80"]}')
    assert set(result.records[0]) == {"\ufffd"}
    assert result.sanitized == {0}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_of_unicode_are_read(encoding: str) -> None:
    """Fault C8."""
    assert page('{"data":["é"]}'.encode(encoding)) == Page(["é"])


def test_keys_are_repaired_as_well() -> None:
    assert page(rb'{"data":[{"a\u0000":{"b\ud800":1}}]}').records == [{"a\ufffd": {"b\ufffd": 1}}]


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9007199254740993", 2**53 + 1),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("1" * 5000, "1" * 5000),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e400", "1e400"),
        ("1e-400", 0.0),
        ("0.1234567890123456789", 0.12345678901234568),
    ],
)
def test_no_number_changes_without_a_word(number: str, kept: object) -> None:
    """Fault C13, trap T14."""
    result = page(f'{{"data":[{{"n":{number}}},{{"n":1}}]}}')
    assert result.records == [{"n": kept}, {"n": 1}]
    assert type(result.records[0]["n"]) is type(kept)
    assert result.sanitized == (frozenset({0}) if isinstance(kept, str) else frozenset())


def test_of_duplicate_keys_the_last_wins_on_both_ways() -> None:
    """Fault C14."""
    assert page('{"data":[1],"data":[]}').records == []
    assert page(rb'{"data":[1],"data":["\ud800"]}').records == ["\ufffd"]


@pytest.mark.parametrize("depth", [1025, 100_000])
@pytest.mark.parametrize("suspect", [b"", rb"\ud800"])
def test_deep_nesting_is_bad_and_nothing_overflows(depth: int, suspect: bytes) -> None:
    """Fault C15."""
    bad_payload(b'{"data":[' + b"[" * depth + b'"' + suspect + b'"' + b"]" * depth + b"]}")


def test_cleaning_stops_at_the_depth_at_which_the_fast_parser_stops() -> None:
    """Fault C15, also where the interpreter itself would go deeper."""
    nested: list[Any] = []
    for _ in range(2000):
        nested = [nested]
    with pytest.raises(PayloadError):
        clean(nested)


def test_an_array_of_300_levels_passes_on_both_ways() -> None:
    for text in (b'"x"', rb'"\ud800"'):
        assert len(page(b'{"data":[' + b"[" * 300 + text + b"]" * 300 + b"]}").records) == 1


def test_any_token_is_followed_unchanged() -> None:
    """Fault B26."""
    first = Request("/api/connections", (("limit", "50"), ("page_token", "old")))
    result = page('{"data":[],"pagination":{"next_page_token":"a+/=é"}}')
    assert api.next_request(first, result) == Request(
        "/api/connections", (("limit", "50"), ("page_token", "a+/=é"))
    )


@pytest.mark.parametrize(
    "pagination", ["null", "{}", '{"next_page_token":null}', '{"next_page_token":""}']
)
def test_no_token_is_the_end(pagination: str) -> None:
    result = page(f'{{"data":[],"pagination":{pagination}}}')
    assert api.next_request(Request("/x"), result) is None


@pytest.mark.parametrize(
    "pagination", ["[]", "1", '"more"', '{"next_page_token":7}', '{"next_page_token":"\\u0000"}']
)
def test_a_pagination_that_we_do_not_understand_is_not_the_end(pagination: str) -> None:
    bad_payload(f'{{"data":[],"pagination":{pagination}}}')


def test_identity_says_whom_the_key_speaks_for() -> None:
    me: dict[str, Any] = {
        "id": "u1",
        "email": "mail@example.com",
        "is_user": True,
        "is_partner": False,
        "organization_id": "o1",
        "organization_name": "My Organization",
        "role": "admin",
        "credential": {"mode": "read_only", "api_key_profile": {"id": "p1"}},
    }
    assert api.decipher_identity(answer(json.dumps({"data": me}))) == Identity(
        "o1", "My Organization", "user", "admin", "read_only", "p1"
    )


@pytest.mark.parametrize("key_class", ["user", "organization", "partner", "system"])
def test_identity_knows_the_classes_of_keys(key_class: str) -> None:
    body = json.dumps({"data": {f"is_{key_class}": True}})
    assert api.decipher_identity(answer(body)).key_class == key_class


def test_identity_is_bounded() -> None:
    """What it says becomes part of keys, messages and index entries."""
    me = {"organization_id": "o" * 200, "organization_name": "n" * 1_000_000}
    identity = api.decipher_identity(answer(json.dumps({"data": me})))
    assert identity == Identity("o" * 200, "n" * 200)
    me["organization_id"] += "o"
    with pytest.raises(ScopeError) as error:
        api.decipher_identity(answer(json.dumps({"data": me})))
    assert error.value.outcome == Outcome.BAD_PAYLOAD
    assert len(error.value.message) < 200


def test_an_endless_page_token_is_no_token() -> None:
    bad_payload(json.dumps({"data": [], "pagination": {"next_page_token": "t" * 5_000}}))


def test_identity_of_wrong_types_is_unknown_instead_of_an_error() -> None:
    me = '{"data":{"organization_id":7,"organization_name":"","role":[],"credential":"x"}}'
    assert api.decipher_identity(answer(me)) == Identity(None)


@pytest.mark.parametrize("body", ['{"data":[]}', '{"data":null}', "[]", "{}"])
def test_an_object_must_be_one(body: str) -> None:
    with pytest.raises(ScopeError):
        api.decipher_item(answer(body))


NOW = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("007", 7.0),
        ("\t3 ", 3.0),
        ("1" + "0" * 20, api.LONGEST_RETRY_AFTER_SECONDS),
        ("9" * 5000, api.LONGEST_RETRY_AFTER_SECONDS),
        ("-5", None),
        ("1.5", None),
        ("1e9", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("garbage", None),
        ("3, 4", None),
        ("\uff11\uff12", None),
        ("Sun, 06 Nov 1994 08:49:40 GMT", 3.0),
        ("Sunday, 06-Nov-94 08:49:40 GMT", 3.0),
        ("Sun Nov  6 08:49:40 1994", 3.0),
        ("Sun, 06 Nov 1994 08:49:30 GMT", 0.0),
        ("Fri, 31 Dec 2999 23:59:59 GMT", api.LONGEST_RETRY_AFTER_SECONDS),
        ("Sun, 99 Nov 1994 08:49:40 GMT", None),
    ],
)
def test_retry_after_is_digits_or_a_date_and_nothing_else(text: str, seconds: float | None) -> None:
    """Faults B8 and B9."""
    assert api.retry_after_seconds({"retry-after": text, "date": NOW}) == seconds


def test_a_retry_date_without_the_servers_own_date_says_nothing() -> None:
    """Fault B8: never compared with our clock."""
    assert api.retry_after_seconds({"retry-after": NOW}) is None
    assert api.retry_after_seconds({"retry-after": NOW, "date": "nonsense"}) is None
    assert api.retry_after_seconds({}) is None


def test_only_a_body_that_begins_as_an_object_and_does_not_end_as_one_looks_cut() -> None:
    """Fault C1."""
    assert api.looks_cut(b' {"data":[1,')
    assert not api.looks_cut(b' {"data":[]}\r\n')
    assert not api.looks_cut(b"<html>")
    assert not api.looks_cut(b"")


def test_a_request_id_is_kept_short_and_free_of_the_key() -> None:
    assert api.request_id(answer("", x_request_id="r-1")) == "r-1"
    assert api.request_id(answer("", x_request_id=f"r-{KEY}"), hide=hide) == "r-**"
    assert api.request_id(answer("")) is None


def texts(value: object) -> list[str]:
    """All strings in a JSON value, keys included."""
    found, pending = [], [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            pending += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, float):
            assert math.isfinite(item)
        elif isinstance(item, int):
            assert -(2**63) <= item < 2**63
    return found


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner)
    ),
)


@given(
    st.binary()
    | st.text().map(str.encode)
    | json_values.map(lambda value: json.dumps({"data": [value]}).encode())
    | json_values.map(
        lambda value: json.dumps([value], ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).map(lambda body: b'{"data":' + body + b"}")
)
def test_any_bytes_are_a_page_of_storable_values_or_a_scope_error(body: bytes) -> None:
    """Faults C8 to C15."""
    try:
        records = page(body).records
    except ScopeError:
        return
    for text in texts(records):
        assert "\x00" not in text
        text.encode()


@given(json_values)
def test_any_json_in_a_list_is_read_and_nothing_in_it_is_lost(value: object) -> None:
    assert len(page(json.dumps({"data": [value]})).records) == 1


@given(st.text(), st.sampled_from(["", NOW]) | st.text())
def test_any_retry_after_is_nothing_or_a_bounded_time(text: str, date: str) -> None:
    """Fault B9."""
    seconds = api.retry_after_seconds({"retry-after": text, "date": date})
    assert seconds is None or 0 <= seconds <= api.LONGEST_RETRY_AFTER_SECONDS


@given(
    st.integers(0, 999).filter(lambda status: status != 200),
    st.binary() | json_values.map(lambda value: json.dumps({"message": value}).encode()),
    st.text(),
)
def test_any_other_status_is_a_scope_error_with_a_printable_message(
    status: int, body: bytes, header: str
) -> None:
    response = Response(status, {"location": header, "retry-after": header}, body)
    assert refused(response).message.isprintable()


def test_the_endpoint_of_a_request_has_no_ids() -> None:
    request = api.item_request("/api/organizations/{organization}/x/{id}", "7/", organization="a b")
    assert request.path == "/api/organizations/a%20b/x/7%2F"
    assert request.endpoint == "/api/organizations/{organization}/x/{id}"
    assert Request("/api/connections", (("page_token", "7"),)).endpoint == "/api/connections"


def test_what_is_no_version_is_not_told() -> None:
    """Invariant I6: a server may answer with a key that is not ours to hide."""
    key = "face0000-0001-4000-8000-000000000002"
    with pytest.raises(ScopeError) as error:
        api.check(Response(200, {"x-polytomic-version": key}, b""), asked_version="2025-09-18")
    assert error.value.message == "asked for API version 2025-09-18, got something else"
