"""What this program may ask a server at all: it reads inventory, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aggregator import api
from aggregator.model import Request
from aggregator.resource import Resource

_PLACE = re.compile(r"\{\w+\}")


class AllowList:
    """Whether a request may be sent: a GET of an enabled resource, or a POST that was asked for.

    ``posts`` are path templates of requests that make the server do something; normally none.
    """

    def __init__(self, resources: Iterable[Resource], posts: Iterable[str] = ()) -> None:
        self.gets = frozenset(
            {api.IDENTITY.path, api.ORGANIZATIONS.path, *(p for r in resources for p in _paths(r))}
        )
        self.posts = frozenset(posts)
        self._patterns = {"GET": _pattern(self.gets), "POST": _pattern(self.posts)}

    def __call__(self, request: Request) -> bool:
        return self._patterns[request.method].fullmatch(request.path) is not None


def _paths(resource: Resource) -> Iterable[str]:
    partner_path = resource.each.partner_path if resource.each else None
    states_path = resource.states.request.path if resource.states else None
    paths = (
        resource.path,
        resource.item_path,
        resource.detail_path,
        partner_path,
        states_path,
    )
    return filter(None, paths)


def _pattern(templates: Iterable[str]) -> re.Pattern[str]:
    """Matches the paths of any of the templates; a place holds one segment."""
    paths = ("[^/?#]+".join(map(re.escape, _PLACE.split(each))) for each in sorted(templates))
    return re.compile("|".join(paths) or r"(?!)")
