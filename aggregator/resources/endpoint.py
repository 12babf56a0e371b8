"""Tells which host or account a masked configuration speaks of."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_HOST_NAMES = (
    *("hostname", "host", "server_hostname", "serverHostname", "hosts", "server", "endpoint"),
    *("url", "base_url", "baseUrl", "instance_url", "instanceUrl", "uri", "domain", "subdomain"),
)
_ACCOUNT_NAMES = (
    *("account", "account_name", "accountName", "account_id", "accountId"),
    *("project_id", "projectId", "project", "bucket", "bucket_name", "bucketName"),
    *("s3_bucket_name", "workspace_name", "workspaceName", "site"),
)
_ENDPOINT_RANK = {name: rank for rank, name in enumerate(_HOST_NAMES + _ACCOUNT_NAMES)}
_ENDPOINT_NAMES = frozenset(_ENDPOINT_RANK)
_HOST = r"(\[[0-9a-f:.]+\]|[\w.-]+)(?![^:/,])"
_match_host = re.compile(_HOST).match
_match_link = re.compile(rf"(?:[a-z0-9+.:-]{{1,40}}://)?+{_HOST}").match
_LONGEST_ENDPOINT = 255


def endpoint_of(masked: dict[str, Any]) -> str | None:
    """The host in lower case without scheme, port and path; else an account, project or bucket."""
    for name in _best_first(_ENDPOINT_NAMES.intersection(masked)):
        value = masked[name]
        if type(value) is not str or not value or value[0] == "(" or len(value) > _LONGEST_ENDPOINT:
            continue  # absent, or one of the marks
        if _ENDPOINT_RANK[name] >= len(_HOST_NAMES):
            return value
        match = _match_link if "://" in value else _match_host
        if host := match(value.lower()):
            return host[1]
    return None


@lru_cache(maxsize=512)
def _best_first(names: frozenset[str]) -> list[str]:
    return sorted(names, key=_ENDPOINT_RANK.__getitem__)
