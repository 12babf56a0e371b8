"""Tells which host or account a masked configuration speaks of."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_HOST_NAMES = (
    *("hostname", "host", "server_hostname", "hosts", "server", "endpoint", "rest_endpoint"),
    *("url", "base_url", "instance_url_override", "instance_url", "dynamics_url", "school_url"),
    *("uri", "domain", "hub_domain", "account_domain", "subdomain", "store"),
    *("ssh_host", "ssh_hostname"),  # of a tunnel, where there is any other: so they come last
)
_ACCOUNT_NAMES = (
    *("account", "account_name", "account_id", "connection_name"),
    *("override_project_id", "project_id", "wif_project_id", "project"),
    *("bucket", "bucket_name", "s3_bucket_name", "outputbucket"),
    *("workspace_name", "workspace_public_name", "site", "site_id", "company_id"),
    *("organization_id", "org_id", "connected_org", "tenant_name", "tenant_id", "realm_id"),
    *("business_unit_id", "customer_id", "merchant_id", "content_owner_id"),
)
"""Best first, as connection types call them; ``event_url`` and the like are nobody's place."""
_ENDPOINT_RANK = {
    spelling: rank
    for rank, name in enumerate(_HOST_NAMES + _ACCOUNT_NAMES)
    for spelling in (name, re.sub("_(.)", lambda match: match[1].upper(), name))
}
_ENDPOINT_NAMES = frozenset(_ENDPOINT_RANK)
_HOST = r"(\[[0-9a-f:.]+\]|[\w.-]+)(?![^:/,])"
_match_host = re.compile(_HOST).match
_match_link = re.compile(rf"(?:[a-z0-9+.:-]{{1,40}}://)?+{_HOST}").match
_LONGEST_ENDPOINT = 255


def endpoint_of(masked: dict[str, Any]) -> str | None:
    """The host in lower case without scheme, port and path; else an account, project or bucket.

    Of an account that is written as a link, such as ``s3://bucket/folder``, the host too.
    """
    for name in _best_first(_ENDPOINT_NAMES.intersection(masked)):
        value = masked[name]
        if type(value) is not str or not value or value[0] == "(" or len(value) > _LONGEST_ENDPOINT:
            continue  # absent, or one of the marks
        if "://" in value:
            match = _match_link
        elif _ENDPOINT_RANK[name] >= len(_HOST_NAMES):
            return value
        else:
            match = _match_host
        if host := match(value.lower()):
            return host[1]
    return None


@lru_cache(maxsize=512)
def _best_first(names: frozenset[str]) -> list[str]:
    return sorted(names, key=lambda name: (_ENDPOINT_RANK[name], name))
