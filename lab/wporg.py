"""A stand-in for wordpress.org: update checks, information, checksums, translations and downloads.

Run as `python -m lab.wporg CATALOGUE ADDRESS PORT LOG`. It serves what lies in the catalogue folder at the
moment of each request (see `lab.catalogue`), and appends every request to LOG as a line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import time
import zipfile
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

DOWNLOADS = "https://downloads.wordpress.org"
PIECE = 16384


class Shelf:
    """Read access to a catalogue folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def switches(self) -> dict[str, Any]:
        try:
            switches: dict[str, Any] = json.loads((self.folder / "switches.json").read_text())
        except FileNotFoundError:
            return {}
        return switches

    def versions(self, kind: str, slug: str = "") -> list[str]:
        """What is announced, oldest first."""
        hidden = self.switches().get("hidden", [])
        place = self.folder / kind / slug
        shown = (
            path
            for path in place.glob("*.json")
            if path.with_suffix("").relative_to(self.folder).as_posix() not in hidden
        )
        return sorted((path.stem for path in shown), key=ordered)

    def about(self, kind: str, slug: str, version: str) -> dict[str, Any]:
        about: dict[str, Any] = json.loads((self.folder / kind / slug / f"{version}.json").read_text())
        return about

    def newest(self, name: str) -> Path:
        """The file of that name; of a language's packs, the newest."""
        place = self.folder / name
        return max(place.glob("*.zip"), default=place) if place.is_dir() else place

    def sums(self, path: Path, top: str) -> dict[str, dict[str, str]]:
        """Checksums of the files in a zip, named without the folder they all lie in."""
        return checksums(path, top, path.stat().st_mtime_ns) if zipfile.is_zipfile(path) else {}


@lru_cache(maxsize=64)
def checksums(path: Path, top: str, _changed: int) -> dict[str, dict[str, str]]:
    """Sums of a zip's files; kept until the zip changes."""
    with zipfile.ZipFile(path) as packed:
        return {
            name.removeprefix(f"{top}/"): {
                "md5": hashlib.md5(data).hexdigest(),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            for name in packed.namelist()
            if not name.endswith("/")
            for data in (packed.read(name),)
        }


def ordered(version: str) -> list[int]:
    """Sorts the versions that the lab uses; letters do not occur in them."""
    return [int(part) for part in re.findall(r"\d+", version)]


class Answers:
    """What each address of wordpress.org says. Every method returns JSON, None where there is nothing."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def find(self, path: str, query: dict[str, str], form: dict[str, str]) -> Any:
        said: Any = None
        match path.strip("/").split("/"):
            case ["core", "version-check", _]:
                said = self.core_check(query.get("version", "0"))
                said["translations"] = self.translations("core", query.get("version", ""), form, query)
            case ["core", "checksums", _]:
                said = self.core_sums(query.get("version", ""))
            case ["plugins" | "themes" as kind, "update-check", _]:
                asked = json.loads(form.get(kind, "{}"))
                said = self.updates(kind, asked)
                said["translations"] = self.translations(kind, asked.get(kind, {}), form, query)
            case ["plugins" | "themes" as kind, "info", _]:
                said = self.info(kind, query.get("request[slug]") or query.get("slug", ""))
            case ["plugin-checksums", slug, version]:
                said = self.plugin_sums(slug, version.removesuffix(".json"))
            case ["translations", "core", _]:
                said = {"translations": self.packs("core", "default", (query | form).get("version", ""))}
            case ["translations", "plugins" | "themes" as kind, _]:
                about = query | form
                said = {"translations": self.packs(kind, about.get("slug", "-"), about.get("version", ""))}
        return said

    def packs(self, kind: str, slug: str, version: str) -> list[dict[str, Any]]:
        """The newest pack of each language."""
        found = []
        for place in sorted((self.shelf.folder / "translations" / kind / slug).glob("*")):
            said = max(place.glob("*.json"))
            one = kind.removesuffix("s")
            address = f"{one}/{slug}/{version}" if kind != "core" else f"core/{version}"
            found.append(
                {
                    "type": one,
                    "slug": slug,
                    "language": place.name,
                    "version": version,
                    "updated": json.loads(said.read_text())["updated"],
                    "package": f"{DOWNLOADS}/translation/{address}/{place.name}.zip",
                    "english_name": place.name,
                    "native_name": place.name,
                    "iso": {"1": place.name[:2]},
                    "strings": {"continue": "..."},
                    "autoupdate": True,
                }
            )
        return found

    def translations(
        self, kind: str, asked: Any, form: dict[str, str], query: dict[str, str]
    ) -> list[dict[str, Any]]:
        """Packs of the languages that a site asks for, where it has none or an older one."""
        there = json.loads(form.get("translations") or "{}") or {}
        wanted = (
            {query.get("locale", "en_US")} if kind == "core" else set(json.loads(form.get("locale") or "[]"))
        )
        slugs = {"default": asked} if kind == "core" else {}
        if kind != "core":
            slugs = {item.split("/")[0]: header.get("Version", "") for item, header in asked.items()}
        found = []
        for slug, version in slugs.items():
            mine = there.get(slug) or {}
            for offered in self.packs(kind, slug, version):
                language = offered["language"]
                has = (mine.get(language) or {}).get("PO-Revision-Date", "")[:19]
                if (language in wanted or language in mine) and has < offered["updated"]:
                    found.append(offered)
        return found

    def core_check(self, installed: str) -> dict[str, Any]:
        """Offers the newest of all, and by itself the newest of the installed branch."""
        known = self.shelf.versions("core")
        newer = [version for version in known if ordered(version) > ordered(installed)]
        offer = self.offer
        if not newer:
            return {"offers": [offer(known[-1] if known else installed, "latest")], "translations": []}
        branch = [version for version in newer if ordered(version)[:2] == ordered(installed)[:2]]
        kept = [newer[-1], *branch[-1:]]
        offers = [offer(newer[-1], "upgrade")]
        offers += [offer(version, "autoupdate") for version in dict.fromkeys(kept)]
        return {"offers": offers, "translations": []}

    def offer(self, version: str, response: str) -> dict[str, Any]:
        """One core version as the version check describes it."""
        about = self.shelf.about("core", "", version) if version in self.shelf.versions("core") else {}
        full = f"{DOWNLOADS}/release/wordpress-{version}"
        packages = {
            "full": f"{full}.zip",
            "no_content": f"{full}-no-content.zip",
            "new_bundled": False,
            "partial": False,
            "rollback": False,
        }
        return {
            "response": response,
            "download": f"{full}.zip",
            "locale": "en_US",
            "packages": packages,
            "current": version,
            "version": version,
            "php_version": about.get("requires_php", "7.2.24"),
            "mysql_version": about.get("requires_mysql", "5.5.5"),
            "new_bundled": "6.7",
            "partial_version": False,
        }

    def core_sums(self, version: str) -> dict[str, Any]:
        said = self.shelf.folder / f"core/{version}.sums"
        if said.exists():
            return {"checksums": json.loads(said.read_text())}
        sums = self.shelf.sums(self.shelf.folder / f"core/{version}.zip", "wordpress")
        return {"checksums": {name: sum_["md5"] for name, sum_ in sums.items()} or False}

    def plugin_sums(self, slug: str, version: str) -> dict[str, Any] | None:
        files = self.shelf.sums(self.shelf.folder / f"plugins/{slug}/{version}.zip", slug)
        if slug in self.shelf.switches().get("forged", []):
            files = {name: dict.fromkeys(sums, "0" * 32) for name, sums in files.items()}
        return {"plugin": slug, "version": version, "files": files} if files else None

    def updates(self, kind: str, asked: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {kind: {}, "no_update": {}, "translations": []}
        for item, header in asked.get(kind, {}).items():
            switches = self.shelf.switches()
            slug = item.split("/")[0]
            slug = switches.get("renamed", {}).get(slug, slug)
            known = self.shelf.versions(kind, slug)
            if not known or header.get("UpdateURI") or slug in switches.get("closed", {}):
                continue
            newer = ordered(known[-1]) > ordered(header.get("Version", "0"))
            answer[kind if newer else "no_update"][item] = self.update(kind, slug, known[-1], item)
        return answer

    def update(self, kind: str, slug: str, version: str, item: str) -> dict[str, Any]:
        about = self.shelf.about(kind, slug, version)
        one = kind.removesuffix("s")
        common = {
            "new_version": version,
            "url": f"https://wordpress.org/{kind}/{slug}/",
            "package": f"{DOWNLOADS}/{one}/{slug}.{version}.zip",
            "requires": about["requires"],
            "requires_php": about["requires_php"],
        }
        if kind == "themes":
            return {"theme": slug, **common}
        icons: dict[str, Any] = {"icons": {}, "banners": {}, "banners_rtl": {}}
        common["requires_plugins"] = about.get("requires_plugins", [])
        names = {"id": f"w.org/plugins/{slug}", "slug": slug, "plugin": item, "tested": about["tested"]}
        return {**names, **common, **icons}

    def info(self, kind: str, slug: str) -> dict[str, Any] | None:
        known = self.shelf.versions(kind, slug) if re.fullmatch(r"[a-z0-9-]+", slug) else []
        if not known:
            return None
        if day := self.shelf.switches().get("closed", {}).get(slug):
            about = {"slug": slug, "closed": True, "closed_date": day, "reason": "security-issue"}
            return {"error": "closed", **about, "reason_text": "Security Issue"}
        about = self.shelf.about(kind, slug, known[-1])
        links = {one: f"{DOWNLOADS}/{kind.removesuffix('s')}/{slug}.{one}.zip" for one in known}
        return {
            **about,
            "slug": slug,
            "version": known[-1],
            "download_link": links[known[-1]],
            "versions": links,
            "sections": {"description": about["name"]},
            "last_updated": "2026-10-01 9:00am GMT",
            "author": "The lab",
        }


def package(path: str) -> tuple[str, str] | None:
    """The catalogue's name of a download, and the slug that switches know it by."""
    if found := re.fullmatch(r"/(?:release/)?wordpress-(\d[\d.]*(?:-no-content)?)\.zip", path):
        return f"core/{found[1]}.zip", "wordpress"
    if found := re.fullmatch(r"/(plugin|theme)/([a-z0-9-]+)\.(\d[^/]*)\.zip", path):
        return f"{found[1]}s/{found[2]}/{found[3]}.zip", found[2]
    if found := re.fullmatch(r"/translation/(?:core|(plugin|theme)/([a-z0-9-]+))/[^/]+/(\w+)\.zip", path):
        what = f"{found[1]}s/{found[2]}" if found[1] else "core/default"
        return f"translations/{what}/{found[3]}", found[2] or "wordpress"
    return None


class Handler(BaseHTTPRequestHandler):
    """One connection of a site."""

    protocol_version = "HTTP/1.1"
    shelf: Shelf
    log: Path
    writing = threading.Lock()

    def do_HEAD(self) -> None:
        self.answer({})

    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.answer(single(body))

    def answer(self, form: dict[str, str]) -> None:
        url = urlsplit(self.path)
        switches = self.shelf.switches()
        if switches.get("outage"):
            self.reply(503, b"Service Unavailable", "text/plain")
        elif (found := package(url.path)) is not None:
            self.download(self.shelf.newest(found[0]), found[1], switches)
        elif (said := Answers(self.shelf).find(url.path, single(url.query), form)) is not None:
            status = 404 if "error" in said else 200
            self.reply(status, json.dumps(said).encode(), "application/json")
        else:
            self.reply(404, b'{"error":"Not found."}', "application/json")

    def download(self, path: Path, slug: str, switches: dict[str, Any]) -> None:
        if self.command == "GET":
            time.sleep(float(chosen(switches, "delay", slug) or 0))
        if not path.exists():
            self.reply(404, b"File not found.", "text/plain")
            return
        self.reply(200, path.read_bytes(), "application/zip", cut=chosen(switches, "cut", slug))

    def reply(self, status: int, body: bytes, kind: str, *, cut: int | None = None) -> None:
        """Sends an answer; with `cut`, the connection ends after that many bytes of the promised body."""
        sent = b"" if self.command == "HEAD" else body[:cut]
        self.note(status, len(sent))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for start in range(0, len(sent), PIECE):
                self.wfile.write(sent[start : start + PIECE])
        except ConnectionError:
            self.close_connection = True
        if cut is not None:
            self.close_connection = True

    def note(self, status: int, size: int) -> None:
        line = {"at": time.time(), "method": self.command, "path": self.path, "status": status, "bytes": size}
        with self.writing, self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def log_message(self, *_: Any) -> None:
        """The log of requests says it all."""


def chosen(switches: dict[str, Any], name: str, slug: str) -> Any:
    """A switch's value for one download: by its slug, else for `*`."""
    values = switches.get(name, {})
    return values.get(slug, values.get("*"))


def single(query: str) -> dict[str, str]:
    """The first value of each field of a query or form."""
    return {name: values[0] for name, values in parse_qs(query).items()}


def main() -> None:
    """Serves until it is told to end."""
    folder, address, port, log = sys.argv[1:]
    Handler.shelf, Handler.log = Shelf(Path(folder)), Path(log)
    server = ThreadingHTTPServer((address, int(port)), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
