"""Sites whose code is deployed: Bedrock with Composer's own lock file, and releases behind a link."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

from lab.shell import run, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.fleet import Fleet

__all__ = ["as_bedrock", "as_releases"]

_INDEX = "<?php\ndefine( 'WP_USE_THEMES', true );\nrequire __DIR__ . '/wp/wp-blog-header.php';\n"
_CONFIG = """<?php
foreach ( file( dirname( __DIR__ ) . '/.env', FILE_IGNORE_NEW_LINES ) as $line ) {{
	list( $name, $value ) = explode( '=', $line, 2 );
	define( $name, $value );
}}
define( 'WP_CONTENT_DIR', __DIR__ . '/app' );
define( 'WP_CONTENT_URL', '{url}/app' );
define( 'DISALLOW_FILE_MODS', {fixed} );
{rest}
"""


def as_bedrock(
    fleet: Fleet, site: str, plugins: Mapping[str, str], *, fixed: bool = False, current: str = ""
) -> Path:
    """Lays a site out as Bedrock does, with `plugins` (slug to version) and WordPress in a lock file.

    Args:
        fleet: it is up.
        site: a WordPress site of it, in its first state.
        plugins: those that Composer brought.
        fixed: whether `DISALLOW_FILE_MODS` is set, as Bedrock sets it in production.
        current: folder of the project below the site's own; the site's own where empty.

    Returns:
        The project: the folder of composer.json, with `web/wp` and `web/app` below it.
    """
    web, url = fleet.sites[site].path, fleet.sites[site].url
    version = fleet.wp(site, "core", "version").strip()
    fleet.wp(site, "option", "update", "siteurl", f"{url}/wp")
    project = web.with_name(f"{web.name}-project") / current
    shutil.rmtree(web.with_name(f"{web.name}-project"), ignore_errors=True)
    (project / "web").mkdir(parents=True)
    config = (web / "wp-config.php").read_text()
    shutil.copytree(web, project / "web/wp", symlinks=True)
    (project / "web/wp/wp-config.php").unlink()
    (project / "web/wp/wp-content").rename(project / "web/app")
    write(project / "web/index.php", _INDEX)
    pairs = re.findall(r"^define\( '(DB_\w+)', '(.*)' \);$", config, re.MULTILINE)
    plain = {name: re.sub(r"\\(.)", r"\1", value) for name, value in pairs}
    write(project / ".env", "".join(f"{name}={value}\n" for name, value in plain.items()))
    rest = "\n".join(line for line in config.splitlines()[1:] if "'DB_" not in line)
    write(
        project / "web/wp-config.php",
        _CONFIG.format(url=url, rest=rest, fixed="true" if fixed else "false"),
    )
    _lock(
        project,
        {"roots/wordpress-no-content": ("wordpress-core", version)}
        | {f"wpackagist-plugin/{slug}": ("wordpress-plugin", plugin) for slug, plugin in plugins.items()},
    )
    shutil.rmtree(web)
    web.symlink_to(project / "web")
    run(
        "chown",
        "-hR",
        f"{(fleet.spec.user(fleet.spec.site(site).host))}:",
        web.with_name(f"{web.name}-project"),
        web,
    )
    _forget_paths(fleet)
    return project


def as_releases(fleet: Fleet, site: str) -> Path:
    """Moves a site into a release, with `current` leading to it and shared uploads; returns the release."""
    web = fleet.sites[site].path
    app = web.with_name(f"{web.name}-app")
    shutil.rmtree(app, ignore_errors=True)
    release = app / "releases/20261101"
    release.parent.mkdir(parents=True)
    web.rename(release)
    (app / "shared").mkdir()
    (release / "wp-content/uploads").rename(app / "shared/uploads")
    (release / "wp-content/uploads").symlink_to("../../../shared/uploads")
    (app / "current").symlink_to("releases/20261101")
    web.symlink_to(app / "current")
    run("chown", "-hR", f"{release.owner()}:{release.group()}", app, web)
    _forget_paths(fleet)
    return release


def _forget_paths(fleet: Fleet) -> None:
    """PHP remembers for minutes where a path led."""
    fleet.processes.stop("php-fpm")
    fleet.up()


def _lock(project: Path, packages: Mapping[str, tuple[str, str]]) -> None:
    """Writes composer.json, and lets Composer itself write the lock file, without a network."""
    known = [
        {
            "name": name,
            "version": version,
            "type": kind,
            "dist": {"type": "zip", "url": f"file:///{name}.zip"},
        }
        for name, (kind, version) in packages.items()
    ]
    wanted = {"repositories": [{"packagist.org": False}, {"type": "package", "package": known}]}
    require = {name: version for name, (_, version) in packages.items()}
    write(project / "composer.json", json.dumps({**wanted, "require": require}, indent=2))
    home = {"COMPOSER_HOME": str(project / ".composer"), "COMPOSER_ALLOW_SUPERUSER": "1"}
    run("composer", "update", "--no-install", "--no-interaction", "--quiet", cwd=project, env=home)
    shutil.rmtree(project / ".composer", ignore_errors=True)
