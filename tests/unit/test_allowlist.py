"""What the program may ask a server is written down here once more, by hand."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from aggregator import api
from aggregator.allowlist import AllowList
from aggregator.commands.choices import refresh_paths
from aggregator.model import Request
from aggregator.resources import RESOURCES

EVERYTHING = list(RESOURCES.values())
GETS = {
    "/api/me",
    "/api/organizations",
    "/api/organization",
    "/api/connections",
    "/api/connections/{id}",
    "/api/connections/{id}/shared",
    "/api/organizations/{organization}/connections/{id}/shared",
    "/api/connections/{id}/usage",
    "/api/connections/{id}/schemas/status",
    "/api/connections/{id}/bulksync/source",
    "/api/connections/{id}/proxy/info",
    "/api/connection_types",
    "/api/connection_types/{id}",
    "/api/bulk/syncs",
    "/api/bulk/syncs/status",
    "/api/bulk/syncs/{id}",
    "/api/syncs",
    "/api/syncs/{id}",
    "/api/models",
    "/api/models/{id}",
    "/api/organization/users",
    "/api/organization/users/{id}",
    "/api/permissions/policies",
    "/api/permissions/policies/{id}",
    "/api/permissions/roles",
    "/api/permissions/roles/{id}",
}
REFRESH = "/api/connections/{id}/schemas/refresh"
NEVER = [
    "/api/connections/test",
    "/api/connections/{id}/parameter_values",
    "/api/connections/{id}/proxy",
    "/api/connections/{id}/schemas/{id}/records",
    "/api/connections/{id}/schemas/{id}",
    "/api/connection_types/{id}/parameter_values",
    "/api/bulk/syncs/{id}/executions",
    "/api/syncs/{id}/trigger",
    "/api/models/{id}/sample",
    "/api/models/preview",
    "/api/me/",
    "/api/connections/{id}/",
    "//elsewhere.example/api/me",
    "/api/connections?x=/api/me",
    "/api/connections#/api/me",
    "/api/me\n",
    "/",
    "",
]
IDS = ["c0ffee", "a%2Fb", "%2E%2E", "status", "test"]


def filled(path: str, identifier: str = "c0ffee") -> str:
    return re.sub(r"\{\w+\}", identifier, path)


def test_every_resource_together_may_ask_exactly_this() -> None:
    allowed = AllowList(EVERYTHING, refresh_paths(EVERYTHING))
    assert allowed.gets == GETS
    assert allowed.posts == {REFRESH}


@pytest.mark.parametrize("path", sorted(GETS))
def test_what_is_documented_is_read_and_never_posted_to(path: str) -> None:
    allowed = AllowList(EVERYTHING, refresh_paths(EVERYTHING))
    for identifier in IDS:
        assert allowed(Request(filled(path, identifier)))
        assert not allowed(Request(filled(path), method="POST"))


@pytest.mark.parametrize("path", NEVER)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_records_values_proxies_tests_and_triggers_are_never_asked_for(
    path: str, method: Literal["GET", "POST"]
) -> None:
    allowed = AllowList(EVERYTHING, refresh_paths(EVERYTHING))
    lists_by_id = {"/api/connections/test", "/api/models/preview"}
    if method == "GET" and path in lists_by_id:
        return  # so is a record called that has this id, and a GET of it does nothing
    assert not allowed(Request(filled(path), method=method))


def test_schemas_are_refreshed_only_where_that_was_asked_for() -> None:
    request = api.item_request(REFRESH, "c0ffee", method="POST")
    assert not AllowList(EVERYTHING)(request)
    assert AllowList(EVERYTHING, refresh_paths(EVERYTHING))(request)
    assert not AllowList(EVERYTHING, refresh_paths(EVERYTHING))(Request(request.path))


def test_paths_of_resources_that_are_not_read_are_not_asked_for() -> None:
    allowed = AllowList([RESOURCES["connections"]])
    assert allowed.gets == {
        *("/api/me", "/api/organizations", "/api/connections", "/api/connections/{id}"),
    }
    assert not allowed(Request("/api/models"))
