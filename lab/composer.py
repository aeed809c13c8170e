"""A repository of Composer packages on loopback, made of what the catalogue has, and projects that use it."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from lab.deployments import as_bedrock
from lab.shell import run, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab.catalogue import Catalogue
    from lab.fleet import Fleet

__all__ = ["Repository", "as_composed", "as_trellis", "composed", "manifest", "repository"]

INSTALLERS = "lab/installers"
_PLUGIN = r"""<?php
namespace Lab\Installers;

use Composer\Composer;
use Composer\IO\IOInterface;
use Composer\Installer\LibraryInstaller;
use Composer\Package\PackageInterface;
use Composer\Plugin\PluginInterface;

class Plugin implements PluginInterface {
	public function activate( Composer $composer, IOInterface $io ) {
		$composer->getInstallationManager()->addInstaller( new Installer( $io, $composer ) );
	}
	public function deactivate( Composer $composer, IOInterface $io ) {}
	public function uninstall( Composer $composer, IOInterface $io ) {}
}
"""
_INSTALLER = r"""<?php
namespace Lab\Installers;

use Composer\Installer\LibraryInstaller;
use Composer\Package\PackageInterface;

class Installer extends LibraryInstaller {
	public function supports( string $type ) {
		return isset( $this->composer->getPackage()->getExtra()['installer-paths'][ $type ] );
	}
	public function getInstallPath( PackageInterface $package ) {
		$path = $this->composer->getPackage()->getExtra()['installer-paths'][ $package->getType() ];
		return str_replace( '{$name}', basename( $package->getPrettyName() ), $path );
	}
}
"""
PATHS = {
    "wordpress-core": "web/wp",
    "wordpress-plugin": "web/app/plugins/{$name}/",
    "wordpress-theme": "web/app/themes/{$name}/",
}


class Repository:
    """Serves `packages.json` and the catalogue's zips. What was published since is there at once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.url = ""
        self.cut: set[str] = set()
        """Slugs whose downloads break off."""
        self.outage = False
        """Everything is answered 503."""

    def packages(self) -> dict[str, dict[str, Any]]:
        """By name and version."""
        found: dict[str, dict[str, Any]] = {}
        for kind, vendor in (("plugins", "wpackagist-plugin"), ("themes", "wpackagist-theme")):
            for place in sorted(self.catalogue.folder.glob(f"{kind}/*")):
                for zipped in sorted(place.glob("*.zip")):
                    self._add(
                        found,
                        f"{vendor}/{place.name}",
                        zipped,
                        zipped.stem,
                        f"wordpress-{kind.removesuffix('s')}",
                    )
        for zipped in sorted(self.catalogue.folder.glob("core/*-no-content.zip")):
            version, name = zipped.stem.removesuffix("-no-content"), "roots/wordpress-no-content"
            self._add(found, name, zipped, version, "wordpress-core")
            whole = {
                "name": "roots/wordpress",
                "version": version,
                "type": "metapackage",
                "require": {name: version},
            }
            found.setdefault("roots/wordpress", {})[version] = whole
        plugin = {
            "name": INSTALLERS,
            "version": "1.0.0",
            "type": "composer-plugin",
            "require": {"composer-plugin-api": "^2.0"},
            "autoload": {"psr-4": {"Lab\\Installers\\": ""}},
            "extra": {"class": "Lab\\Installers\\Plugin"},
        }
        found[INSTALLERS] = {
            "1.0.0": {**plugin, "dist": {"type": "zip", "url": f"{self.url}/installers.zip"}}
        }
        return found

    def _add(
        self, found: dict[str, dict[str, Any]], name: str, zipped: Path, version: str, kind: str
    ) -> None:
        path = zipped.relative_to(self.catalogue.folder)
        found.setdefault(name, {})[version] = {
            "name": name,
            "version": version,
            "type": kind,
            "require": {INSTALLERS: "^1.0"},
            "dist": {
                "type": "zip",
                "url": f"{self.url}/{path}",
                "shasum": hashlib.sha1(zipped.read_bytes()).hexdigest(),
            },
        }

    def answer(self, path: str) -> bytes | None:
        """What lies there; None for nothing."""
        if path == "/packages.json":
            return json.dumps({"packages": self.packages()}).encode()
        if path == "/installers.zip":
            return _zip({"Plugin.php": _PLUGIN, "Installer.php": _INSTALLER})
        file = self.catalogue.folder / path.lstrip("/")
        return file.read_bytes() if file.is_file() and ".." not in path else None


@contextmanager
def repository(catalogue: Catalogue) -> Iterator[Repository]:
    """It is served for the length of a block."""
    found = Repository(catalogue)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = None if found.outage else found.answer(self.path)
            self.send_response(503 if found.outage else 200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            cut = any(f"/{slug}/" in self.path for slug in found.cut)
            self.wfile.write((body or b"")[: 100 if cut else None])

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_composed(
    fleet: Fleet, site: str, source: Repository, require: Mapping[str, str], *, current: str = ""
) -> Path:
    """Lays a site out as Bedrock does, and lets Composer install it, as the user of its host.

    Args:
        fleet: it is up.
        site: a WordPress site of it, in its first state.
        source: where its packages come from.
        require: what composer.json asks for: names and constraints. Each is installed in the oldest version
            that is allowed.
        current: as for `as_bedrock`.

    Returns:
        The project.
    """
    project = as_bedrock(fleet, site, {}, current=current)
    user = fleet.spec.user(fleet.spec.site(site).host)
    for name in ("composer.json", "composer.lock"):
        (project / name).unlink()
    shutil.rmtree(project / "web/wp")
    for name in require:
        vendor, _, slug = name.partition("/")
        family = {"wpackagist-plugin": "plugins", "wpackagist-theme": "themes"}.get(vendor)
        if family:
            shutil.rmtree(project / f"web/app/{family}/{slug}", ignore_errors=True)
    write(project / "composer.json", manifest(source, require))
    run("chown", "-hR", f"{user}:", project)
    composed(project, user, "update", "--prefer-lowest", "--prefer-stable")
    return project


def manifest(source: Repository, require: Mapping[str, str]) -> str:
    """A composer.json, as Bedrock has it."""
    wanted = {
        "name": "lab/site",
        "type": "project",
        "repositories": [{"packagist.org": False}, {"type": "composer", "url": source.url}],
        "require": {INSTALLERS: "^1.0", **require},
        "config": {"secure-http": False, "allow-plugins": {INSTALLERS: True}, "sort-packages": True},
        "extra": {"installer-paths": PATHS},
    }
    return json.dumps(wanted, indent=4) + "\n"


def as_trellis(fleet: Fleet, site: str, source: Repository, require: Mapping[str, str]) -> Path:
    """Lays a site out as Trellis deploys Bedrock: `current` leads to a release, the rest is in `shared`.

    Returns:
        The folder with `releases`, `shared` and `current`.
    """
    web = fleet.sites[site].path
    release = as_composed(fleet, site, source, require, current="releases/20261101120000")
    app = release.parent.parent
    (app / "shared").mkdir()
    (release / "web/app/uploads").rename(app / "shared/uploads")
    (release / "web/app/uploads").symlink_to("../../../../shared/uploads")
    (release / ".env").rename(app / "shared/.env")
    (release / ".env").symlink_to("../../shared/.env")
    (app / "current").symlink_to("releases/20261101120000")
    web.unlink()
    web.symlink_to(app / "current/web")
    run("chown", "-hR", f"{release.owner()}:{release.group()}", app, web)
    fleet.processes.stop("php-fpm")  # PHP remembers for minutes where a path led
    fleet.up()
    return app


def composed(project: Path, user: str, *words: str) -> str:
    """A command of Composer in a project, as the user of its host."""
    words = (*words, "--no-interaction", "--no-ansi")
    return run("composer", *words, user=user, cwd=project, env={"COMPOSER_NO_AUDIT": "1"})


def _zip(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"installers/{name}", (2024, 1, 1, 0, 0, 0)), text)
    return packed.getvalue()
