"""What the stand-in for wordpress.org has to offer: genuine zips, and switches for its bad days."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import translations
from lab.shell import run, write
from lab.translations import TRANSLATIONS, pack
from lab.zips import tree, unpack, write_zip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.downloads import Downloads

__all__ = ["Catalogue", "Request"]

HERE = Path(__file__).parent / "extensions"

PLUGINS = {
    "copper-crumbs": ("Copper Crumbs", ("0.9.7",)),
    "harbour-forms": ("Harbour Forms", ("1.8.2", "1.8.3")),
    "klaxon-notices": ("Klaxon Notices", ("1.0.2",)),
    "lantern-gallery": ("Lantern Gallery", ("2.3.0", "2.4.1")),
    "orchard-seo": ("Orchard SEO", ("3.0.4", "4.0.0")),
    "tidewater-hours": ("Tidewater Hours", ("1.1.0", "1.2.0")),
}
THEMES = {
    "ferry-landing": ("Ferry Landing", "#1f5f8b", ("2.0.1", "2.1.0")),
    "millstone": ("Millstone", "#8a4b1f", ("1.4.0", "1.5.0")),
}
AKISMET_OLD = "5.3"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the stand-in answered; `at` is seconds since 1970."""

    at: float
    method: str
    path: str
    status: int
    bytes: int


class Catalogue:
    """A folder of `plugins/SLUG/VERSION.zip`, `themes/...` and `core/VERSION.zip`, each beside a `.json`.

    Args:
        folder: What the stand-in serves.
        first: A second folder, which keeps the first state of that one.
        log: The stand-in's requests.
    """

    def __init__(self, folder: Path, first: Path, log: Path) -> None:
        self.folder = folder
        self.first = first
        self.log = log

    def plugin(
        self,
        slug: str,
        version: str,
        *,
        php: str = "",
        name: str = "",
        headers: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        main: str = "",
        zip_version: str = "",
        package: bytes | None = None,
        missing: bool = False,
        requires_php: str = "7.4",
        requires_plugins: tuple[str, ...] = (),
    ) -> str:
        """Publishes a version of a plugin; sites are offered the highest.

        Args:
            slug: Its folder.
            version: What its header says.
            php: Its code, without the opening tag.
            name: What people call it; the slug where empty.
            headers: More header lines, e.g. `{"Requires PHP": "9.0"}`.
            files: More files, by their names in the plugin's folder.
            main: Name of the main file where it is not `<slug>.php`.
            zip_version: The version that is announced, where the header lies.
            package: What is downloaded instead of a genuine zip.
            missing: Announced, but the download answers 404.
            requires_php: What the announcement says about PHP.
            requires_plugins: Slugs that header and announcement name as needed.

        Returns:
            The announced version.
        """
        needs = {"Requires Plugins": ", ".join(requires_plugins)} if requires_plugins else {}
        lines = {
            "Plugin Name": name or slug,
            "Version": version,
            "Author": "The lab",
            **needs,
            **(headers or {}),
        }
        head = "".join(f" * {key}: {value}\n" for key, value in lines.items())
        code = f"<?php\n/**\n{head} */\n\ndefined( 'ABSPATH' ) || exit;\n\n{php}\n"
        readme = f"=== {lines['Plugin Name']} ===\nStable tag: {version}\nTested up to: 7.1\n"
        inside = {main or f"{slug}.php": code.encode(), "readme.txt": readme.encode(), **(files or {})}
        about: dict[str, Any] = {
            "name": lines["Plugin Name"],
            "requires_php": requires_php,
            "requires_plugins": list(requires_plugins),
        }
        return self._publish(
            "plugins", slug, zip_version or version, inside, about, package=package, missing=missing
        )

    def release(self, slug: str, version: str, *, more: str = "") -> str:
        """Publishes another version of one of the demo's plugins.

        Args:
            slug: Its folder.
            version: The new version, which its header says.
            more: PHP that its main file has at the end.

        Returns:
            The version.
        """
        files = dict(filled(HERE / "plugins" / slug, {"@VERSION@": version}))
        files[f"{slug}.php"] += more.encode()
        about = {"name": PLUGINS[slug][0], "requires_php": "7.4"}
        return self._publish("plugins", slug, version, files, about)

    def theme(
        self,
        slug: str,
        version: str,
        *,
        php: str = "",
        name: str = "",
        accent: str = "#444444",
        files: Mapping[str, bytes] | None = None,
        zip_version: str = "",
        package: bytes | None = None,
        missing: bool = False,
    ) -> str:
        """Publishes a version of a theme, a plain one with `php` at the end of its functions.php."""
        words = {"@NAME@": name or slug, "@SLUG@": slug, "@VERSION@": version, "@ACCENT@": accent}
        inside = dict(filled(HERE / "theme", words))
        inside["functions.php"] += f"\n{php}\n".encode() if php else b""
        about = {"name": name or slug, "requires_php": "7.4"}
        announced = zip_version or version
        return self._publish(
            "themes", slug, announced, inside | dict(files or {}), about, package=package, missing=missing
        )

    def core(
        self,
        version: str,
        *,
        like: str = "6.5.5",
        edits: Mapping[str, str] | None = None,
        without: tuple[str, ...] = (),
        says: str = "",
        genuine: bool = True,
        package: bytes | None = None,
        requires_php: str = "7.2.24",
        requires_mysql: str = "5.5.5",
    ) -> str:
        """Publishes a version of WordPress: a copy of one that is there, with changes.

        Args:
            version: What is announced.
            like: The version that it is a copy of, without its wp-content.
            edits: Texts that take the place of files, by their names in WordPress's folder. `@` stands for
                the file as it was.
            without: Files that are left out.
            says: What its version.php says; `version` where empty.
            genuine: Whether the checksums are those of the zip; else they are those of the unchanged copy.
            package: What is downloaded instead of a zip.
            requires_php: What the announcement says about PHP.
            requires_mysql: What it says about the database.

        Returns:
            `version`.
        """
        place = self.folder / "core"
        with zipfile.ZipFile(place / f"{like}-no-content.zip") as packed:
            files = {name.removeprefix("wordpress/"): packed.read(name) for name in packed.namelist()}
        about = "wp-includes/version.php"
        files[about] = files[about].replace(f"'{like}'".encode(), f"'{says or version}'".encode())
        sums = {name: hashlib.md5(data).hexdigest() for name, data in files.items()}
        for name, text in (edits or {}).items():
            files[name] = text.encode().replace(b"@", files.get(name, b""))
        named = [(f"wordpress/{name}", data) for name, data in sorted(files.items()) if name not in without]
        for end in ("", "-no-content"):
            target = place / f"{version}{end}.zip"
            target.unlink(missing_ok=True)
            if package is None:
                write_zip(target, named, stamp=f"wordpress {version}", level=1)
            else:
                write(target, package)
        if not genuine:
            write(place / f"{version}.sums", json.dumps(sums))
        said = {"requires_php": requires_php, "requires_mysql": requires_mysql}
        write(place / f"{version}.json", json.dumps(said))
        return version

    def translation(
        self, kind: str, slug: str, language: str, updated: str, words: Mapping[str, str], *, bad: str = ""
    ) -> str:
        """Publishes a translation; sites are offered the newest that is newer than theirs.

        Args:
            kind: `core`, `plugins` or `themes`.
            slug: Of the plugin or theme; `default` for the core.
            language: Like `de_DE`.
            updated: When, in UTC: `2026-05-01 08:00:00`.
            words: English and translated texts.
            bad: `zip`: no archive is downloaded; `php`: its .l10n.php does not parse; `fatal`: it parses,
                and is fatal; `old`: its date is an older one than announced.

        Returns:
            `updated`.
        """
        place = self.folder / "translations" / kind / slug / language
        stem = updated.replace(" ", "T").replace(":", "")
        files = pack(slug, language, "2020-01-01 00:00:00" if bad == "old" else updated, words)
        if code := {"php": b"<?php return [", "fatal": b"<?php function_that_is_missing();"}.get(bad):
            files = {name: code if name.endswith(".php") else data for name, data in files.items()}
        if bad == "zip":
            write(place / f"{stem}.zip", b"no archive")
        else:
            write_zip(
                place / f"{stem}.zip", sorted(files.items()), stamp=f"{kind} {slug} {language} {updated}"
            )
        write(place / f"{stem}.json", json.dumps({"updated": updated}))
        return updated

    def unpack_translation(self, kind: str, slug: str, language: str, into: Path) -> None:
        """Unpacks the oldest published pack below a folder such as `wp-content/languages`."""
        oldest = min((self.folder / "translations" / kind / slug / language).glob("*.zip"))
        unpack(oldest, into if kind == "core" else into / kind)

    def zip_of(self, kind: str, slug: str, version: str) -> Path:
        """The zip of a published version; `kind` is `plugins` or `themes`."""
        return self.folder / kind / slug / f"{version}.zip"

    def unpack(self, kind: str, slug: str, version: str, into: Path) -> None:
        """Unpacks a published version below a folder such as `wp-content/plugins`."""
        unpack(self.zip_of(kind, slug, version), into)

    def switch(
        self,
        *,
        outage: bool = False,
        delay: Mapping[str, float] | None = None,
        cut: Mapping[str, int] | None = None,
        hidden: tuple[str, ...] = (),
        forged: tuple[str, ...] = (),
        closed: Mapping[str, str] | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        """Sets all switches of the stand-in; what is not named is off.

        Args:
            outage: Every request is answered 503.
            delay: Seconds before a download begins, by slug (`wordpress` for the core) or `*`.
            cut: Bytes of a download after which the connection ends, by slug or `*`.
            hidden: Versions that are not offered: `core/7.1.2`, `plugins/akismet/5.7.2`.
            forged: Slugs of plugins whose packages are not what their checksums say.
            closed: Slugs of plugins that are closed, with the day.
            renamed: Folders of plugins that are known by their headers, with the slugs.
        """
        values: dict[str, Any] = {"outage": outage, "delay": dict(delay or {}), "cut": dict(cut or {})}
        write(
            self.folder / "switches.json",
            json.dumps(
                {
                    **values,
                    "hidden": list(hidden),
                    "forged": list(forged),
                    "closed": dict(closed or {}),
                    "renamed": dict(renamed or {}),
                }
            ),
        )

    @contextmanager
    def switched(
        self,
        *,
        outage: bool = False,
        delay: Mapping[str, float] | None = None,
        cut: Mapping[str, int] | None = None,
        hidden: tuple[str, ...] = (),
        forged: tuple[str, ...] = (),
        closed: Mapping[str, str] | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> Iterator[None]:
        """`switch` for the length of a block."""
        self.switch(
            outage=outage,
            delay=delay,
            cut=cut,
            hidden=hidden,
            forged=forged,
            closed=closed,
            renamed=renamed,
        )
        try:
            yield
        finally:
            self.switch()

    def requests(self) -> list[Request]:
        """Everything that was asked since `forget`, in order."""
        if not self.log.exists():
            return []
        return [Request(**json.loads(line)) for line in self.log.read_text().splitlines()]

    def downloads(self, part: str = "") -> list[Request]:
        """The zips that were really fetched, those whose path contains `part`."""
        fetched = (one for one in self.requests() if one.method == "GET" and one.path.endswith(".zip"))
        return [one for one in fetched if part in one.path and one.status == HTTPStatus.OK]

    def forget(self) -> None:
        """Empties the log of requests."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")

    def build(self, downloads: Downloads) -> None:
        """Makes the first state, the demo's offers, unless it is there."""
        mark = self.first / "made.from"
        key = self._key(downloads)
        if mark.exists() and mark.read_text() == key:
            return
        fresh = Catalogue(self.first, self.first, self.log)
        shutil.rmtree(self.first, ignore_errors=True)
        fresh.fill(downloads)
        self.reset()
        write(mark, key)

    def reset(self) -> None:
        """Back to the first state: published versions are gone, switches are off, the log is empty."""
        run("rsync", "-a", "--delete", "--modify-window=-1", f"{self.first}/", f"{self.folder}/")
        self.forget()

    def fill(self, downloads: Downloads) -> None:
        """Publishes what the demo offers."""
        for path in downloads.core_zips():
            self._core(path)
        self._akismet(downloads)
        for slug, (name, versions) in PLUGINS.items():
            for version in versions:
                files = dict(filled(HERE / "plugins" / slug, {"@VERSION@": version}))
                self._publish("plugins", slug, version, files, {"name": name, "requires_php": "7.4"})
        for slug, (name, accent, versions) in THEMES.items():
            for version in versions:
                self.theme(slug, version, name=name, accent=accent)
        for kind, slug, language, updated, words in TRANSLATIONS:
            self.translation(kind, slug, language, updated, words)
        self.switch()

    def _key(self, downloads: Downloads) -> str:
        digest = hashlib.sha256(str(downloads.folder).encode())
        for path in sorted((Path(__file__), Path(translations.__file__), *HERE.rglob("*"))):
            digest.update(path.read_bytes() if path.is_file() else b"")
        return digest.hexdigest()

    def _core(self, zipped: Path) -> None:
        place = self.folder / "core" / zipped.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(zipped)
        version = zipped.stem.removesuffix("-no-content")
        write(self.folder / "core" / f"{version}.json", "{}")

    def _akismet(self, downloads: Downloads) -> None:
        """The genuine plugin of the new WordPress, and the same with an older header."""
        source = downloads.core("7.1.1") / "wp-content/plugins/akismet"
        genuine = (source / "akismet.php").read_text().partition("\nVersion:")[2].split()[0]
        files = {name.removeprefix("akismet/"): data for name, data in tree(source, "akismet")}
        about = {"name": "Akismet Anti-spam: Spam Protection", "requires_php": "7.2"}
        said = {name: files[name] for name in ("akismet.php", "readme.txt")}
        for version in (AKISMET_OLD, genuine):
            older = {name: text.replace(genuine.encode(), version.encode()) for name, text in said.items()}
            self._publish("plugins", "akismet", version, files | older, about)

    def _publish(
        self,
        kind: str,
        slug: str,
        version: str,
        files: Mapping[str, bytes],
        about: Mapping[str, Any],
        *,
        package: bytes | None = None,
        missing: bool = False,
    ) -> str:
        target = self.zip_of(kind, slug, version)
        if missing:
            target.unlink(missing_ok=True)
        elif package is not None:
            write(target, package)
        else:
            named = [(f"{slug}/{name}", data) for name, data in sorted(files.items())]
            write_zip(target, named, stamp=f"{slug} {version}")
        said = {"requires": "6.0", "tested": "7.1", **about}
        write(target.with_suffix(".json"), json.dumps(said))
        return version


def filled(folder: Path, words: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """The files of a folder with words put in for their marks."""
    for name, data in tree(folder, ""):
        for mark, word in words.items():
            data = data.replace(mark.encode(), word.encode())  # noqa: PLW2901
        yield name.lstrip("/"), data
