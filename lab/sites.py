"""Sites in their first state, and back to it.

A site's files follow from its spec and are laid out once in `first/<site>`, its database is a dump that is
kept in the cache: only the very first fleet of a kind installs WordPress. Putting a site back is then a
comparison of two folders and the import of a small dump.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lab import downloads as cache
from lab.releases import forget_releases
from lab.shell import run, write

if TYPE_CHECKING:
    from lab.catalogue import Catalogue
    from lab.database import Database
    from lab.downloads import Downloads
    from lab.spec import FleetSpec, SiteSpec

__all__ = ["Sites"]

HERE = Path(__file__).parent
PICTURES = {"loaf": (176, 120, 60), "oven": (120, 60, 40), "counter": (200, 180, 140)}
ADMIN_PASSWORD = "lab-only"


class Sites:
    """Lays out the sites of one fleet."""

    def __init__(self, spec: FleetSpec, database: Database, catalogue: Catalogue) -> None:
        self.spec = spec
        self.database = database
        self.catalogue = catalogue

    def make(self, site: SiteSpec, downloads: Downloads) -> bool:
        """Brings a site into being, unless it is there. Returns whether it was made now."""
        key = self._key(site, downloads)
        mark = self.spec.root / "first" / f"{site.name}.key"
        if mark.exists() and mark.read_text() == key:
            return False
        mark.unlink(missing_ok=True)
        self._lay_out(site, downloads)
        self._put_files(site)
        if site.kind == "wordpress":
            self._make_database(site, key)
        write(mark, key)
        return True

    def reset(self, site: SiteSpec) -> None:
        """Puts a site's files and database back to the first state."""
        self._put_files(site)
        if site.kind == "wordpress":
            self.database.replace(site.database, self._dump(site).read_bytes())

    def wp(self, site: SiteSpec, *arguments: str, stdin: str = "") -> str:
        """Runs wp-cli on a site as its host's user and returns its stdout.

        Raises:
            LabError: wp-cli failed.
        """
        user = self.spec.user(site.host)
        env = {"PHP_INI_SCAN_DIR": f":{self.spec.root / 'etc/php'}"}
        path = self.spec.path(site)
        return run(self.spec.root / "bin/wp", *arguments, user=user, env=env, cwd=path, stdin=stdin)

    def _key(self, site: SiteSpec, downloads: Downloads) -> str:
        """Says from what a site is made: another key, another site."""
        parts = [
            json.dumps(asdict(site)),
            self.spec.url(site),
            str(self.spec.path(site)),
            self.spec.user(site.host),
            self.spec.services,
            str((self.spec.database_port, self.spec.wporg_port)),
            downloads.folder.name,
        ]
        sources = [HERE / "sites.py", *(path for path in (HERE / "php").iterdir())]
        sources += [path for path in (HERE / "extensions").rglob("*") if path.is_file()]
        digest = hashlib.sha256("\n".join(parts).encode())
        for path in sorted(sources):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:20]

    def _first(self, site: SiteSpec) -> Path:
        return self.spec.root / "first" / site.name

    def _dump(self, site: SiteSpec) -> Path:
        return self.spec.root / "first" / f"{site.name}.sql"

    def _put_files(self, site: SiteSpec) -> None:
        user = self.spec.user(site.host)
        live = self.spec.path(site)
        forget_releases(live)
        live.mkdir(parents=True, exist_ok=True)
        shutil.chown(live.parent, user, user)
        exact = ("--modify-window=-1", "--omit-dir-times")
        run("rsync", "-a", "--delete", *exact, f"--chown={user}:{user}", f"{self._first(site)}/", f"{live}/")

    def _lay_out(self, site: SiteSpec, downloads: Downloads) -> None:
        first = self._first(site)
        fresh = first.with_name(f"{site.name}.new")
        for old in (first, fresh):
            shutil.rmtree(old, ignore_errors=True)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        if site.kind == "static":
            shutil.copytree(HERE / "extensions/manuals", fresh)
            run("chmod", "-R", "u=rwX,go=rX", fresh)
        else:
            self._lay_out_wordpress(site, downloads.core(site.core), fresh)
        fresh.rename(first)

    def _lay_out_wordpress(self, site: SiteSpec, core: Path, place: Path) -> None:
        run("cp", "-a", "--reflink=auto", core, place)
        content = place / "wp-content"
        shutil.rmtree(content / "plugins/akismet", ignore_errors=True)
        (content / "plugins/hello.php").unlink(missing_ok=True)
        for theme in sorted(path for path in (content / "themes").iterdir() if path.is_dir())[:-1]:
            shutil.rmtree(theme)
        for slug, version in site.plugins:
            self.catalogue.unpack("plugins", slug, version, content / "plugins")
        for slug, version in site.themes:
            self.catalogue.unpack("themes", slug, version, content / "themes")
        for kind, slug, language in site.translations:
            self.catalogue.unpack_translation(kind, slug, language, content / "languages")
        wporg = f"http://{self.spec.services}:{self.spec.wporg_port}"
        redirect = (HERE / "php/mu-plugin.php").read_text().replace("@WPORG@", wporg)
        write(content / "mu-plugins/no-internet-here.php", redirect)
        for name, colour in PICTURES.items():
            write(content / f"uploads/{name}.png", picture(240, 160, colour))
        write(place / "wp-config.php", self._config(site), mode=0o640)

    def _config(self, site: SiteSpec) -> str:
        tcp = f"{self.database.address}:{self.database.port}"
        where = tcp if site.database_over == "tcp" else f"localhost:{self.database.socket}"
        values = {
            "DB_NAME": site.database,
            "DB_USER": site.database,
            "DB_PASSWORD": site.database_password,
            "DB_HOST": where,
            "DB_CHARSET": "utf8mb4",
            "DB_COLLATE": "",
        }
        for name in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"):
            values[f"{name}_KEY"] = hashlib.sha256(f"{site.name} {name} key".encode()).hexdigest()
            values[f"{name}_SALT"] = hashlib.sha256(f"{site.name} {name} salt".encode()).hexdigest()
        lines = [f"define( {php(name)}, {php(value)} );" for name, value in values.items()]
        # Updates are the crew's to make; no visitor's request shall set off cron in the middle of a test.
        lines += ["define( 'DISABLE_WP_CRON', true );", "define( 'WP_AUTO_UPDATE_CORE', false );"]
        lines += network(self.spec.url(site)) if site.subsites else []
        return "\n".join(
            [
                "<?php",
                *lines,
                "",
                "$table_prefix = 'wp_';",
                "",
                "if ( ! defined( 'ABSPATH' ) ) {",
                "\tdefine( 'ABSPATH', __DIR__ . '/' );",
                "}",
                "require_once ABSPATH . 'wp-settings.php';",
                "",
            ]
        )

    def _make_database(self, site: SiteSpec, key: str) -> None:
        self.database.make(site.database, site.database_password)
        kept = cache.cache_folder() / "databases" / f"{site.name}-{key}.sql"
        if not kept.exists():
            self._install(site)
            write(kept, self.database.dump(site.database))
        write(self._dump(site), kept.read_bytes())
        self.reset(site)

    def _install(self, site: SiteSpec) -> None:
        client = next(one for one in self.spec.clients if one.id == site.client)
        recipe = {
            "theme": site.themes[0][0],
            "plugins": [slug for slug, _ in site.plugins if slug not in site.inactive],
            "description": client.name,
            "timezone": client.timezone,
            "pages": {
                site.title: "\n\n".join((site.expect, *site.words)),
                "News": "",
                "About": f"{site.title} is looked after by Northwind Web Care.",
            },
            "posts": site.posts,
            "subsites": site.subsites,
            "network_active": site.network_active,
        }
        self.wp(
            site,
            "core",
            "multisite-install" if site.subsites else "install",
            *(["--skip-config"] if site.subsites else []),
            f"--url={self.spec.url(site)}",
            f"--title={site.title}",
            "--admin_user=keeper",
            f"--admin_password={ADMIN_PASSWORD}",
            f"--admin_email={client.email}",
            "--skip-email",
        )
        path = self.spec.root / "etc" / f"{site.name}.json"
        write(path, json.dumps(recipe))
        self.wp(site, "eval-file", str(self.spec.root / "etc/setup.php"), str(path))


def network(url: str) -> list[str]:
    """The constants of a network whose sites are folders of one address."""
    return [
        "define( 'WP_ALLOW_MULTISITE', true );",
        "define( 'MULTISITE', true );",
        "define( 'SUBDOMAIN_INSTALL', false );",
        f"define( 'DOMAIN_CURRENT_SITE', {php(url.partition('//')[2])} );",
        "define( 'PATH_CURRENT_SITE', '/' );",
        "define( 'SITE_ID_CURRENT_SITE', 1 );",
        "define( 'BLOG_ID_CURRENT_SITE', 1 );",
    ]


def php(text: str) -> str:
    """A PHP string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def picture(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A PNG of one colour that fades to the bottom."""
    rows = b"".join(
        b"\0" + bytes(part * (2 * height - row) // (2 * height) for part in colour) * width
        for row in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
