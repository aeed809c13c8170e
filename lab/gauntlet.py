"""Updates that misbehave, each a genuine zip that the stand-in for wordpress.org offers.

A case publishes a harmless 1.0 and a 1.1 that is not. What is expected of it is the word that an honest tool
must find for it: `undone` (it broke the site and was taken back), `failed` (it did not happen), `held` (not
begun), or `changed` (it is well, however odd).
"""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lab.shell import run

if TYPE_CHECKING:
    from pathlib import Path

    from lab.fleet import Fleet

__all__ = ["CASES", "SLUG", "WORST", "Case", "prepare", "trouble"]

SLUG = "weathervane"
_QUIET = "add_action( 'wp_footer', function () { echo '<!-- weathervane -->'; } );"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One update. `php` is the code of 1.1; `more` goes to `Catalogue.plugin` or `.theme`."""

    name: str
    expected: Literal["undone", "failed", "held", "changed"]
    php: str = _QUIET
    old: str = _QUIET
    """The code of 1.0."""
    kind: Literal["plugins", "themes"] = "plugins"
    more: Mapping[str, object] = field(default_factory=dict)
    cut: int = 0
    """Bytes after which the download breaks off."""
    because: str = ""
    """A text that the reason must hold."""
    pages: tuple[str, ...] = ("/",)
    """Those that the inventory names."""
    look: str = ""
    """The time limit of a look, where it is not the usual one."""
    small: str = ""
    """A folder below wp-content that has one megabyte only."""
    cached: bool = False
    """A page cache stands before the site that has every page, and never lets one go."""
    kill: bool = False
    """PHP is killed when 1.0 has written its process id into `KILL`."""


KILL = "wp-content/uploads/weathervane.pid"
_CACHE = """<?php
$page = strtok( isset( $_SERVER['REQUEST_URI'] ) ? $_SERVER['REQUEST_URI'] : '', '?' );
if ( PHP_SAPI !== 'cli' && ! isset( $_GET['rest_route'] ) && false === strpos( $page, '/wp-' ) ) {
	$kept = WP_CONTENT_DIR . '/cache/' . md5( $page );
	if ( is_file( $kept ) ) {
		readfile( $kept );
		exit;
	}
	ob_start(
		function ( $text ) use ( $kept ) {
			if ( 200 === http_response_code() && '' !== $text ) {
				file_put_contents( $kept, $text );
			}
			return $text;
		}
	);
}
"""
"""A drop-in that asks neither for queries nor for cookies, and does not say that it answered."""
_BALLAST = {"ballast.bin": random.Random(1).randbytes(3 << 20)}  # noqa: S311 - any bytes that do not compress


def _on(hook: str, code: str = "weathervane_is_missing();") -> str:
    return f"add_action( '{hook}', function () {{ {code} }} );"


_SLEEPS = (
    "add_filter( '%s', function ( $said ) {"
    f" file_put_contents( ABSPATH . '{KILL}', getmypid() ); sleep( 30 ); return $said; }} );"
)
"""Long enough to be killed there; `%s` is a filter of the upgrader."""
CASES = (
    Case(
        name="fatal on load", expected="undone", php="weathervane_is_missing();", because="no longer starts"
    ),
    Case(name="parse error", expected="undone", php="if ( true { echo 1; }", because="no longer starts"),
    Case(name="fatal on the front only", expected="undone", php=_on("template_redirect"), because="500"),
    Case(name="fatal in wp-admin only", expected="undone", php=_on("admin_init"), because="admin-ajax"),
    Case(
        name="fatal in cron only",
        expected="undone",
        php="if ( defined( 'DOING_CRON' ) && DOING_CRON ) { weathervane_is_missing(); }",
        because="cron",
    ),
    Case(name="fatal in REST only", expected="undone", php=_on("rest_api_init"), because="rest_route"),
    Case(name="white page", expected="undone", php=_on("template_redirect", "exit;"), because="is empty"),
    Case(
        name="stylesheets gone",
        expected="undone",
        php="add_action( 'wp_print_styles', function () { wp_styles()->queue = array(); }, 999 );",
        because="stylesheets",
    ),
    Case(
        name="text gone",
        expected="undone",
        php="add_action( 'template_redirect', function () { ob_start( function ( $page ) {"
        " return preg_replace( '~<body.*</body>~s', '<body><p>Coming soon</p></body>', $page ); } ); } );",
        because="lacks the text",
    ),
    Case(
        name="redirect loop",
        expected="undone",
        php=_on("template_redirect", "wp_redirect( home_url( '/?loop=' . wp_rand() ) ); exit;"),
        because="loop",
    ),
    Case(
        name="redirect elsewhere",
        expected="undone",
        php=_on("template_redirect", "wp_redirect( 'http://127.0.0.1:9/' ); exit;"),
    ),
    Case(
        name="memory exhausted",
        expected="undone",
        php="ini_set( 'memory_limit', '64M' ); $x = ''; while ( true ) { $x .= str_repeat( 'x', 1 << 20 ); }",
        because="memory",
    ),
    Case(
        name="activation hook is fatal",
        expected="changed",
        php="register_activation_hook( __FILE__, function () { weathervane_is_missing(); } );",
    ),
    Case(
        name="noise on the command line",
        expected="changed",
        php="if ( PHP_SAPI === 'cli' ) { echo \"HELLO\\n\"; }",
    ),
    Case(name="noise everywhere", expected="undone", php="echo 'HELLO';", because="JSON"),
    Case(name="version unchanged", expected="failed", more={"version": "1.0", "zip_version": "1.1"}),
    Case(name="zip corrupt", expected="failed", more={"package": b"PK\3\4 this is no zip" * 50}),
    Case(name="zip missing", expected="failed", more={"missing": True}),
    Case(name="download cut in the middle", expected="failed", cut=100),
    Case(name="needs a newer PHP", expected="held", more={"requires_php": "99.0"}),
    Case(name="main file renamed", expected="failed", more={"main": "other-name.php"}),
    Case(
        name="deactivates itself",
        expected="undone",
        php=_on("init", "deactivate_plugins( plugin_basename( __FILE__ ) );").replace(
            "deactivate_plugins", "require_once ABSPATH . 'wp-admin/includes/plugin.php'; deactivate_plugins"
        ),
        because="no longer active",
    ),
    Case(
        name="fatal after the answer",
        expected="undone",
        php=_on(
            "shutdown",
            "if ( function_exists( 'fastcgi_finish_request' ) )"
            " { fastcgi_finish_request(); weathervane_is_missing(); }",
        ),
        because="error log",
    ),
    Case(name="theme is fatal", expected="undone", kind="themes", php="weathervane_is_missing();"),
    Case(
        name="theme is fatal on the front only",
        expected="undone",
        kind="themes",
        php=_on("template_redirect"),
        because="500",
    ),
    Case(
        name="theme without a header",
        expected="failed",
        kind="themes",
        more={"files": {"style.css": b"body { margin: 0 }"}},
        because="the version of the package is missing",
    ),
    Case(
        name="only the second page is fatal",
        expected="undone",
        php=_on("template_redirect", "if ( isset( $_GET['aside'] ) ) { weathervane_is_missing(); }"),
        pages=("/", "/?aside=1"),
        because="/?aside=1: answers 500",
    ),
    Case(
        name="white for strangers only",
        expected="undone",
        php=_on("template_redirect", "if ( ! is_user_logged_in() && ! $_COOKIE ) { exit; }"),
        because="is empty",
    ),
    Case(
        name="sends everybody to https",
        expected="undone",
        php=_on("template_redirect", "wp_redirect( 'https://' . $_SERVER['HTTP_HOST'] . '/' ); exit;"),
        because="cannot be reached",
    ),
    Case(
        name="sends everybody to the login",
        expected="undone",
        php=_on("template_redirect", "auth_redirect();"),
        because="login page",
    ),
    Case(
        name="gives up politely",
        expected="undone",
        php=_on("template_redirect", "wp_die( 'Es gab einen kritischen Fehler.', '', 200 );"),
        because="error page of WordPress",
    ),
    Case(
        name="never answers",
        expected="undone",
        php=_on("template_redirect", "sleep( 20 );"),
        look="2s",
        because="does not answer within",
    ),
    Case(
        name="takes seconds longer",
        expected="changed",
        php=_on("template_redirect", "sleep( 2 );"),
        because="slower than before",
    ),
    Case(
        name="a blank line before the feed",
        expected="undone",
        php="add_action( 'do_feed_rss2', function () { echo \"\\n\"; }, 1 );",
        because="programs cannot read it",
    ),
    Case(
        name="answers without end",
        expected="undone",
        php=_on("wp_footer", "for ( $i = 0; $i < 50; $i++ ) { echo str_repeat( 'x', 1 << 20 ); flush(); }"),
        because="no longer ends",
    ),
    Case(
        name="warnings on every page",
        expected="undone",
        php=_on(
            "wp_footer",
            "echo '<br /><b>Warning</b>:  Undefined variable in <b>' . __FILE__ . '</b> on line <b>7</b>';",
        ),
        because="prints PHP warnings",
    ),
    Case(
        name="a stylesheet that is not there",
        expected="undone",
        php=_on(
            "wp_enqueue_scripts", "wp_enqueue_style( 'weathervane', plugins_url( 'gone.css', __FILE__ ) );"
        ),
        because="gone.css answers 404",
    ),
    Case(
        name="mutes everything",
        expected="undone",
        php="ob_start( function () { return ''; } );",
        because="is empty",
    ),
    Case(
        name="ends the command line",
        expected="undone",
        php="if ( PHP_SAPI === 'cli' ) { exit; }",
        because="without any output",
    ),
    Case(
        name="deletes another plugin",
        expected="undone",
        php=_on(
            "init",
            "foreach ( glob( WP_PLUGIN_DIR . '/copper-crumbs/*.*' ) as $file ) { unlink( $file ); }"
            " @rmdir( WP_PLUGIN_DIR . '/copper-crumbs' );",
        ),
        because="copper-crumbs",
    ),
    Case(
        name="moves the site",
        expected="undone",
        php=_on("init", "update_option( 'home', 'http://127.0.0.1:9' );"),
        because="home is now",
    ),
    Case(
        name="damages at its first start only",
        expected="undone",
        php=_on(
            "init",
            "if ( ! get_option( 'weathervane_started' ) ) { update_option( 'weathervane_started', 1 );"
            " update_option( 'home', 'http://127.0.0.1:9' ); }",
        ),
        because="home is now",
    ),
    Case(
        name="leaves the door closed",
        expected="undone",
        php=_on("init", "file_put_contents( ABSPATH . '.maintenance', '<?php $upgrading = time();' );"),
        because="503",
    ),
    Case(
        name="drops a must-use plugin",
        expected="undone",
        php=_on(
            "init",
            "file_put_contents( WPMU_PLUGIN_DIR . '/weathervane.php',"
            " '<?php if ( PHP_SAPI !== \"cli\" ) weathervane_is_missing();' );",
        ),
        because="500",
    ),
    Case(
        name="fatal behind a page cache",
        expected="undone",
        php=_on("template_redirect"),
        cached=True,
        because="a missing page: answers 500",
    ),
    Case(
        name="folder renamed",
        expected="failed",
        more={"folder": "weathervane-pro"},
        because="package",
    ),
    Case(
        name="disk full while unpacking",
        expected="failed",
        more={"files": _BALLAST},
        small="upgrade",
    ),
    Case(
        name="disk full while files are exchanged",
        expected="failed",
        more={"files": _BALLAST},
        small="plugins",
    ),
    Case(
        name="killed in the middle",
        expected="failed",
        old=_SLEEPS % "upgrader_pre_install",
        kill=True,
        because="PHP exited during its update",
    ),
    Case(
        name="killed when its files are there",
        expected="changed",
        old=_SLEEPS % "upgrader_clear_destination",
        kill=True,
    ),
    Case(name="good", expected="changed"),
    Case(
        name="good, but slow and never the same",
        expected="changed",
        php=_on(
            "wp_footer",
            "echo '<p>' . str_repeat( 'Quote ', wp_rand( 1, 90 ) ) . wp_create_nonce( wp_rand() )"
            " . date( 'c' ) . str_repeat( '<img src=x>', wp_rand( 0, 9 ) ) . '</p>';"
            " usleep( wp_rand( 0, 300000 ) );",
        ),
    ),
)


def prepare(fleet: Fleet, site: str, case: Case) -> None:
    """The site in its first state, with 1.0 active and the case's 1.1 on offer."""
    fleet.catalogue.reset()
    fleet.reset(site)
    publish = fleet.catalogue.theme if case.kind == "themes" else fleet.catalogue.plugin
    publish(SLUG, "1.0", php=case.old)
    fleet.install(site, case.kind, SLUG, "1.0")
    fleet.wp(site, case.kind.removesuffix("s"), "activate", SLUG)
    if case.cached:
        _put_up_cache(fleet, site)
    more = dict(case.more)
    folder = str(more.pop("folder", ""))
    version = str(more.pop("version", "1.1"))
    if folder:
        more["package"] = _in_folder(folder, case.php)
    publish(SLUG, version, php=case.php, **more)  # type: ignore[arg-type]
    if case.cut:
        fleet.catalogue.switch(cut={SLUG: case.cut})


def _put_up_cache(fleet: Fleet, site: str) -> None:
    found = fleet.sites[site]
    config, content = found.path / "wp-config.php", found.path / "wp-content"
    config.write_text(config.read_text().replace("<?php", "<?php define( 'WP_CACHE', true );", 1))
    (content / "advanced-cache.php").write_text(_CACHE)
    (content / "cache").mkdir(exist_ok=True)
    user = fleet.spec.user(found.host)
    run("chown", f"{user}:{user}", content / "advanced-cache.php", content / "cache")
    run("curl", "-sf", "-o", "/dev/null", f"{found.url}/")


def _in_folder(folder: str, php: str) -> bytes:
    """A package that holds the plugin in another folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        head = f"<?php\n/**\n * Plugin Name: {SLUG}\n * Version: 1.1\n */\n{php}\n"
        archive.writestr(f"{folder}/{SLUG}.php", head)
    return packed.getvalue()


@contextmanager
def trouble(fleet: Fleet, site: str, case: Case) -> Iterator[None]:
    """What goes wrong on the host meanwhile: a disk that is small, a process that is killed."""
    with ExitStack() as stack:
        if case.small:
            stack.enter_context(_small_disk(fleet, site, case.small))
        if case.kill:
            stack.enter_context(_killer(fleet.sites[site].path / KILL))
        yield


@contextmanager
def _small_disk(fleet: Fleet, site: str, folder: str) -> Iterator[None]:
    """One megabyte is mounted in the place of a folder; what was in it is in it."""
    place, owner = fleet.sites[site].path / "wp-content" / folder, fleet.spec.user(fleet.sites[site].host)
    place.mkdir(exist_ok=True)
    shutil.chown(place, owner, owner)
    with tempfile.TemporaryDirectory() as aside:
        run("cp", "-a", f"{place}/.", aside)
        run("mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "lab-small", place)
        try:
            run("cp", "-a", f"{aside}/.", place)
            yield
        finally:
            run("umount", "-l", place)


@contextmanager
def _killer(told: Path) -> Iterator[None]:
    """Kills the process that writes its id there, as soon as it does."""
    over = threading.Event()

    def wait() -> None:
        while not over.wait(0.02):
            if told.exists() and (pid := told.read_text()).isdigit():
                told.unlink()
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
                return

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        told.unlink(missing_ok=True)


WORST = (
    "fatal on load",
    "parse error",
    "fatal on the front only",
    "fatal in wp-admin only",
    "fatal in cron only",
    "fatal in REST only",
    "white page",
    "stylesheets gone",
    "text gone",
    "redirect loop",
    "memory exhausted",
    "deletes another plugin",
)
"""Names of the cases that are tried on every kind of site."""
