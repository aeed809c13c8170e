"""Requests to wordpress.org, sent by the controller so that a hacked site cannot change the responses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode

from runner.model import Asked, CoreOffer, Offers, Release, Sums
from runner.untrusted import sentence
from runner.wporg.cache import Cache, Cached
from runner.wporg.parse import (
    AnswerError,
    closed,
    core_releases,
    core_sums,
    plugin_sums,
    releases,
)

if TYPE_CHECKING:
    from runner.web import Answer

__all__ = ["Wporg"]

API, DOWNLOADS = "https://api.wordpress.org", "https://downloads.wordpress.org"
_LIMIT = 20.0
"""Seconds for one request."""
_FRESH = 15 * 60
"""Seconds for which an offer is not requested again."""
_STALE = 12 * 3600
"""Seconds for which an offer may be used while wordpress.org cannot be reached."""
_CORE_FRESH = 60.0
"""Seconds for which an offer of WordPress itself is not requested again."""
_FOR_EVER = float("inf")
_BATCH = 400
"""Most items in one request."""
_SIZE = 16 << 20
"""Most bytes of one response."""
_ABSENT = b"absent"
"""Stored if wordpress.org does not know an item."""
_ABSENT_FRESH = 3600
"""Seconds for which an unknown item is not requested again."""
_DAY = 24 * 3600
_CLOSED_CHECKS = 40
"""Most plugins that are checked for being closed, with one request each."""
_SMALL = 64 << 10
"""Most bytes of a stored response about a closed plugin."""

_Found = TypeVar("_Found")
Fetch = Callable[[str, bytes | None], "Answer"]
"""Requests a URL; with a form, by POST."""


class Wporg:
    """A client with a cache. It can be used by several threads at once."""

    def __init__(self, folder: Path, base: str = "", *, fetch: Fetch | None = None) -> None:
        """Create a client.

        Args:
            folder: folder of the cache.
            base: URL of a mirror of api and downloads; wordpress.org by default.
            fetch: sends the requests; for tests.
        """
        self._api, self._downloads = (base.rstrip("/") or address for address in (API, DOWNLOADS))
        self._cache = Cache(folder)
        self._fetch = fetch or _http_fetch(self._api, self._downloads)
        self._lock = threading.Lock()

    def offers(self, items: Iterable[Asked], installed: Iterable[str] = ()) -> Offers:
        """Return the newest releases of items and of WordPress, with as few requests as possible.

        A cached offer that differs from the site's is requested again, because one of them is outdated.

        Args:
            items: plugins and themes.
            installed: versions of WordPress, for which newer ones are looked up.
        """
        wanted = {(item.kind, item.file): item for item in items}
        with self._lock:
            cached = {key: self._cached_offer(item) for key, item in wanted.items()}
            missing = [wanted[key] for key, found in cached.items() if not _is_usable(found, wanted[key])]
            problem = self._request_offers(missing)
            if missing:
                cached |= {(item.kind, item.file): self._cached_offer(item) for item in missing}
            core = {version: self._core_offers(version) for version in sorted(set(installed))}
        usable = {key: found for key, found in cached.items() if found and found.age < _STALE}
        return Offers(
            known={key: _release(found) for key, found in usable.items()},
            problem=problem or next((why for _, why in core.values() if why), ""),
            age=max((found.age for found in usable.values()), default=0.0),
            core={version: found for version, (found, why) in core.items() if found and not why},
            closed=self._closed(
                item.file
                for key, item in wanted.items()
                if item.public and key in usable and _release(usable[key]) is None
            ),
        )

    def _closed(self, files: Iterable[str]) -> Mapping[str, str]:
        """Return the plugins that wordpress.org has closed, each with a message, cached for a day."""
        found = {}
        for file in list(files)[:_CLOSED_CHECKS]:
            slug = file.partition("/")[0]
            query = urlencode({"action": "plugin_information", "request[slug]": slug})
            url = f"{self._api}/plugins/info/1.2/?{query}"
            cached = self._cache.find(url)
            body = cached.body if cached and cached.age < _DAY else None
            if body is None:
                answer = self._fetch(url, None)
                if answer.status not in {200, 404} or answer.failure or answer.cut:
                    continue
                body = answer.body
                self._cache.store(url, body if len(body) < _SMALL else _ABSENT)
            try:
                if message := closed(body):
                    found[file] = message
            except AnswerError:
                continue
        return found

    def _core_offers(self, installed: str) -> tuple[tuple[CoreOffer, ...] | None, str]:
        """Return the versions offered for an installed one; or None, and why they are unknown."""
        query = urlencode({"version": installed, "locale": "en_US"})
        return self._get(f"{self._api}/core/version-check/1.7/?{query}", core_releases, _CORE_FRESH, _STALE)

    def core_sums(self, version: str, locale: str = "en_US") -> Sums:
        """Return the checksums of a version of WordPress."""
        query = urlencode({"version": version, "locale": locale or "en_US"})
        return self._sums(f"{self._api}/core/checksums/1.0/?{query}", core_sums)

    def plugin_sums(self, slug: str, version: str) -> Sums:
        """Return the checksums of a version of a plugin."""
        address = f"{self._downloads}/plugin-checksums/{quote(slug, safe='')}/{quote(version, safe='')}.json"
        return self._sums(address, plugin_sums)

    def _sums(self, url: str, parse: Callable[[bytes], Mapping[str, tuple[str, ...]]]) -> Sums:
        found, problem = self._get(url, parse, _FOR_EVER, _FOR_EVER)
        return Sums(found or {}, problem)

    def _get(
        self, url: str, parse: Callable[[bytes], _Found], fresh: float, stale: float
    ) -> tuple[_Found | None, str]:
        """Return a cached or new response and a problem. Both are empty if wordpress.org has none.

        Args:
            url: the URL.
            parse: parses a response, or raises AnswerError.
            fresh: seconds for which a cached response is not requested again.
            stale: seconds for which it may be used if wordpress.org cannot be reached.
        """
        cached = _readable(self._cache.find(url), parse)
        if cached and cached.age < (fresh if cached.body != _ABSENT else _ABSENT_FRESH):
            return (None if cached.body == _ABSENT else parse(cached.body)), ""
        answer = self._fetch(url, None)
        problem = _problem(answer)
        if answer.status == 404:  # noqa: PLR2004
            self._cache.store(url, _ABSENT)
            return None, ""
        if not problem:
            try:
                found = parse(answer.body)
            except AnswerError as error:
                return None, f"wordpress.org sent an invalid response: {error}"
            self._cache.store(url, answer.body if found else _ABSENT)
            return found, ""
        if cached and cached.body != _ABSENT and cached.age < stale:
            return parse(cached.body), ""
        return None, problem

    def _request_offers(self, items: Sequence[Asked]) -> str:
        """Request the offers of items and cache them. Returns why some are missing."""
        problem = ""
        for kind in ("plugins", "themes"):
            same_kind = [item for item in items if item.kind == kind]
            for start in range(0, len(same_kind), _BATCH):
                problem = self._request_batch(kind, same_kind[start : start + _BATCH]) or problem
        return problem

    def _request_batch(self, kind: str, items: Sequence[Asked]) -> str:
        details = {item.file: {"Name": item.title, "Version": "0", "Stylesheet": item.file} for item in items}
        form = {
            kind: json.dumps({kind: details, "active": []}),
            "translations": "[]",
            "locale": "[]",
            "all": "true",
        }
        answer = self._fetch(f"{self._api}/{kind}/update-check/1.1/", urlencode(form).encode())
        if problem := _problem(answer):
            return problem
        try:
            found = releases(kind, answer.body)
        except AnswerError as error:
            return f"wordpress.org sent an invalid response: {error}"
        for item in items:
            self._cache.store(_cache_key(item), _encoded(found.get(item.file)))
        return ""

    def _cached_offer(self, item: Asked) -> Cached | None:
        return self._cache.find(_cache_key(item))


def _readable(cached: Cached | None, parse: Callable[[bytes], object]) -> Cached | None:
    if cached is None or cached.body == _ABSENT:
        return cached
    try:
        parse(cached.body)
    except AnswerError:
        return None
    return cached


def _cache_key(item: Asked) -> str:
    return f"offer {item.kind} {item.file}"


def _encoded(release: Release | None) -> bytes:
    if release is None:
        return _ABSENT
    fields = {
        "new_version": release.version,
        "package": release.package,
        "requires_php": release.requires_php,
        "requires": release.requires_wordpress,
        "requires_plugins": list(release.requires_plugins),
    }
    return json.dumps({"plugins": {"x": fields}}).encode()


def _release(cached: Cached) -> Release | None:
    if cached.body == _ABSENT:
        return None
    try:
        return releases("plugins", cached.body)["x"]
    except (AnswerError, KeyError):
        return None


def _is_usable(cached: Cached | None, item: Asked) -> bool:
    if cached is None or cached.age >= _FRESH:
        return False
    release = _release(cached)
    return not item.offered if release is None else item.offered == release.version


def _problem(answer: Answer) -> str:
    if answer.status == 404:  # noqa: PLR2004
        return "wordpress.org answered 404"
    if answer.failure or answer.status != 200:  # noqa: PLR2004
        reason = sentence(answer.failure) or f"it answered {answer.status}"
        return f"wordpress.org could not be reached: {reason}"
    return "wordpress.org sent a response that is too large" if answer.cut else ""


def _http_fetch(*bases: str) -> Fetch:
    """Return a function that sends requests to these servers only."""

    def fetch(url: str, body: bytes | None) -> Answer:
        from runner.web import Rules
        from runner.web import fetch as send

        headers = {"User-Agent": "Sitecrew/1 (website care)", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return send(url, Rules.of(*bases, size=_SIZE), _LIMIT, headers=headers, body=body)

    return fetch
