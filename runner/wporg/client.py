"""Questions to wordpress.org, from the controller: a site that was hacked has no say in the answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode

from runner.model import Asked, CoreOffer, Offers, Release, Sums
from runner.untrusted import sentence
from runner.wporg.cache import Cache, Kept
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
_PATIENCE = 20.0
"""Seconds for one answer."""
_FRESH = 15 * 60
"""Seconds after which an offer is asked for anew."""
_STALE = 12 * 3600
"""Seconds for which an offer counts while wordpress.org cannot be asked."""
_NOW = 60.0
"""Seconds for which the answer about WordPress itself is not asked for again."""
_FOR_EVER = float("inf")
_AT_ONCE = 400
"""Items in one question."""
_SIZE = 16 << 20
_ABSENT = b"absent"
"""Kept where wordpress.org has answered that it does not know an item."""
_ABSENT_FOR = 3600
_DAY = 24 * 3600
_ASKED_ONE_BY_ONE = 40
_SMALL = 64 << 10

_Found = TypeVar("_Found")
Fetch = Callable[[str, bytes | None], "Answer"]
"""Asks an address, with a form where it is a POST."""


class Wporg:
    """A client with a cache. Several threads may use it at once."""

    def __init__(self, folder: Path, base: str = "", *, fetch: Fetch | None = None) -> None:
        """`base` is a mirror that answers for api and downloads; without one, wordpress.org is asked."""
        self._api, self._downloads = (base.rstrip("/") or address for address in (API, DOWNLOADS))
        self._cache = Cache(folder)
        self._fetch = fetch or _web(self._api, self._downloads)
        self._turn = threading.Lock()

    def offers(self, items: Iterable[Asked], installed: Iterable[str] = ()) -> Offers:
        """The newest releases, and those for versions of WordPress, in as few questions as possible.

        An answer that was kept and differs from what the site says is asked for anew: one of the two is old.
        """
        wanted = {(item.kind, item.file): item for item in items}
        with self._turn:
            kept = {key: self._kept(item) for key, item in wanted.items()}
            missing = [wanted[key] for key, found in kept.items() if not _will_do(found, wanted[key])]
            problem = self._ask(missing)
            if missing:
                kept |= {(item.kind, item.file): self._kept(item) for item in missing}
            core = {version: self._core_offers(version) for version in sorted(set(installed))}
        usable = {key: found for key, found in kept.items() if found and found.age < _STALE}
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
        """Those of these plugins that wordpress.org has closed; it is asked about each once a day."""
        found = {}
        for file in list(files)[:_ASKED_ONE_BY_ONE]:
            slug = file.partition("/")[0]
            query = urlencode({"action": "plugin_information", "request[slug]": slug})
            url = f"{self._api}/plugins/info/1.2/?{query}"
            kept = self._cache.find(url)
            body = kept.body if kept and kept.age < _DAY else None
            if body is None:
                answer = self._fetch(url, None)
                if answer.status not in {200, 404} or answer.failure or answer.cut:
                    continue
                body = answer.body
                self._cache.keep(url, body if len(body) < _SMALL else _ABSENT)
            try:
                if said := closed(body):
                    found[file] = said
            except AnswerError:
                continue
        return found

    def _core_offers(self, installed: str) -> tuple[tuple[CoreOffer, ...] | None, str]:
        """The versions of WordPress that are offered to one; else None, and why they are not known."""
        query = urlencode({"version": installed, "locale": "en_US"})
        return self._known(f"{self._api}/core/version-check/1.7/?{query}", core_releases, _NOW, _STALE)

    def core_sums(self, version: str, locale: str = "en_US") -> Sums:
        """The checksums of a version of WordPress."""
        query = urlencode({"version": version, "locale": locale or "en_US"})
        return self._sums(f"{self._api}/core/checksums/1.0/?{query}", core_sums)

    def plugin_sums(self, slug: str, version: str) -> Sums:
        """The checksums of a version of a plugin."""
        address = f"{self._downloads}/plugin-checksums/{quote(slug, safe='')}/{quote(version, safe='')}.json"
        return self._sums(address, plugin_sums)

    def _sums(self, url: str, parse: Callable[[bytes], Mapping[str, tuple[str, ...]]]) -> Sums:
        found, problem = self._known(url, parse, _FOR_EVER, _FOR_EVER)
        return Sums(found or {}, problem)

    def _known(
        self, url: str, parse: Callable[[bytes], _Found], fresh: float, stale: float
    ) -> tuple[_Found | None, str]:
        """An answer that is kept or asked for; None without a problem where wordpress.org has none."""
        kept = _readable(self._cache.find(url), parse)
        if kept and kept.age < (fresh if kept.body != _ABSENT else _ABSENT_FOR):
            return (None if kept.body == _ABSENT else parse(kept.body)), ""
        answer = self._fetch(url, None)
        problem = _problem(answer)
        if answer.status == 404:  # noqa: PLR2004
            self._cache.keep(url, _ABSENT)
            return None, ""
        if not problem:
            try:
                found = parse(answer.body)
            except AnswerError as error:
                return None, f"wordpress.org gave an answer that cannot be used: {error}"
            self._cache.keep(url, answer.body if found else _ABSENT)
            return found, ""
        if kept and kept.body != _ABSENT and kept.age < stale:
            return parse(kept.body), ""
        return None, problem

    def _ask(self, items: Sequence[Asked]) -> str:
        """Ask for items and keep what is said of each; returns why not all were answered."""
        problem = ""
        for kind in ("plugins", "themes"):
            mine = [item for item in items if item.kind == kind]
            for start in range(0, len(mine), _AT_ONCE):
                problem = self._ask_for(kind, mine[start : start + _AT_ONCE]) or problem
        return problem

    def _ask_for(self, kind: str, items: Sequence[Asked]) -> str:
        about = {item.file: {"Name": item.title, "Version": "0", "Stylesheet": item.file} for item in items}
        form = {
            kind: json.dumps({kind: about, "active": []}),
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
            return f"wordpress.org gave an answer that cannot be used: {error}"
        for item in items:
            self._cache.keep(_question(item), _packed(found.get(item.file)))
        return ""

    def _kept(self, item: Asked) -> Kept | None:
        return self._cache.find(_question(item))


def _readable(kept: Kept | None, parse: Callable[[bytes], object]) -> Kept | None:
    if kept is None or kept.body == _ABSENT:
        return kept
    try:
        parse(kept.body)
    except AnswerError:
        return None
    return kept


def _question(item: Asked) -> str:
    return f"offer {item.kind} {item.file}"


def _packed(release: Release | None) -> bytes:
    if release is None:
        return _ABSENT
    plain = {
        "new_version": release.version,
        "package": release.package,
        "requires_php": release.requires_php,
        "requires": release.requires_wordpress,
        "requires_plugins": list(release.requires_plugins),
    }
    return json.dumps({"plugins": {"x": plain}}).encode()


def _release(kept: Kept) -> Release | None:
    if kept.body == _ABSENT:
        return None
    try:
        return releases("plugins", kept.body)["x"]
    except (AnswerError, KeyError):
        return None


def _will_do(kept: Kept | None, item: Asked) -> bool:
    if kept is None or kept.age >= _FRESH:
        return False
    release = _release(kept)
    return not item.offered if release is None else item.offered == release.version


def _problem(answer: Answer) -> str:
    if answer.status == 404:  # noqa: PLR2004
        return "wordpress.org has no such address"
    if answer.failure or answer.status != 200:  # noqa: PLR2004
        return (
            f"wordpress.org could not be asked: {sentence(answer.failure) or f'it answered {answer.status}'}"
        )
    return "wordpress.org said more than is read" if answer.cut else ""


def _web(*bases: str) -> Fetch:
    """Over the web, within the rules of the room `web`: to these servers, and to no other."""

    def fetch(url: str, body: bytes | None) -> Answer:
        from runner.web import Rules
        from runner.web import fetch as ask

        headers = {"User-Agent": "Sitecrew/1 (website care)", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return ask(url, Rules.of(*bases, size=_SIZE), _PATIENCE, headers=headers, body=body)

    return fetch
