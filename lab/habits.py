"""Good updates, each of several habits that plugins have, put together by chance with a seed."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HABITS", "Good", "good_updates"]

_WORD = '"{$wpdb->prefix}@S@", array( "word" => "w$n" )'


def _on(hook: str, code: str, more: str = "") -> str:
    return f"add_action( '{hook}', function ( $it = null ) {{ {code} }}{more} );"


def _filter(hook: str, code: str) -> str:
    return f"add_filter( '{hook}', function ( $it ) {{ {code} return $it; }} );"


def _once(code: str) -> str:
    """As plugins do what a version has to do when it comes."""
    key = f"@S@_{zlib.crc32(code.encode()):08x}"
    return f"if ( '1.1' !== get_option( '{key}' ) ) {{ {code} update_option( '{key}', '1.1' ); }}"


HABITS: Mapping[str, str] = {
    "options": _on(
        "init",
        _once("update_option( '@S@_settings', array( 'colour' => 'blue' ) ); delete_option( '@S@_old' );"),
    ),
    "css": _on(
        "wp_enqueue_scripts",
        "wp_enqueue_style( '@S@', plugins_url( 'style.css', __FILE__ ), array(), '1.1' );",
    ),
    "script": _on(
        "wp_enqueue_scripts",
        "wp_enqueue_script( '@S@', plugins_url( 'front.js', __FILE__ ), array(), '1.1', true );"
        " wp_add_inline_script( '@S@', 'window.@S@ = ' . wp_json_encode( wp_create_nonce( '@S@' ) ) );",
    ),
    "text": _filter("the_content", "$it .= '<p>Brought to you by @S@, now in its second edition.</p>';"),
    "shorter text": _filter("the_content", "$it = str_replace( 'a week', 'weekly', $it );"),
    "footer": _on("wp_footer", "echo '<p class=\"@S@\">Made with @S@ 1.1</p>';"),
    "head": _on(
        "wp_head",
        'echo \'<meta name="description" content="A page"><meta property="og:type" content="website">\';',
    ),
    "REST route": _on(
        "rest_api_init",
        "register_rest_route( '@S@/v1', '/ping', array( 'methods' => 'GET',"
        " 'permission_callback' => '__return_true',"
        " 'callback' => function () { return array( 'pong' => true ); } ) );",
    ),
    "REST field": _on(
        "rest_api_init",
        "register_rest_field( 'post', '@S@', array( 'get_callback' => function () { return 1; } ) );",
    ),
    "admin page": _on(
        "admin_menu",
        "add_menu_page( '@S@', '@S@', 'manage_options', '@S@', function () { echo '<p>@S@</p>'; } );",
    ),
    "notices": _on("admin_notices", "echo '<div class=\"notice notice-info\"><p>Welcome to 1.1</p></div>';"),
    "cron job": _on(
        "init",
        "if ( ! wp_next_scheduled( '@S@_hourly' ) ) { wp_schedule_event( time(), 'daily', '@S@_hourly' ); }",
    ),
    "cron now": _on("init", _once("wp_schedule_single_event( time() - 1, '@S@_once' );"))
    + _on("@S@_once", "set_transient( '@S@_done', time(), 60 );"),
    "table": _on(
        "init",
        _once(
            "global $wpdb; require_once ABSPATH . 'wp-admin/includes/upgrade.php';"
            ' dbDelta( "CREATE TABLE {$wpdb->prefix}@S@ (\\n'
            "  id bigint(20) unsigned NOT NULL auto_increment,\\n"
            '  word varchar(60) NOT NULL,\\n  PRIMARY KEY  (id)\\n) " . $wpdb->get_charset_collate() );'
            f" foreach ( range( 1, 40 ) as $n ) {{ $wpdb->insert( {_WORD} ); }}"
        ),
    ),
    "transient": _on(
        "wp_loaded", "if ( ! get_transient( '@S@' ) ) { set_transient( '@S@', wp_rand(), 300 ); }"
    ),
    "post type": _on(
        "init",
        "register_post_type( '@T@', array( 'public' => true, 'has_archive' => true, 'show_in_rest' => true,"
        " 'label' => '@S@' ) ); " + _once("flush_rewrite_rules( false );"),
    ),
    "shortcode": "add_shortcode( '@S@', function () { return '<em>@S@</em>'; } );",
    "widget": _on("widgets_init", "register_sidebar( array( 'id' => '@S@', 'name' => '@S@' ) );"),
    "block": _on(
        "init", "register_block_type( '@D@/box', array( 'render_callback' => '__return_empty_string' ) );"
    ),
    "minified": _on(
        "template_redirect",
        "ob_start( function ( $page ) { return preg_replace( '/>\\s{2,}</', '> <', $page ); } );",
        ", 0",
    ),
    "lazy pictures": _filter("the_content", "$it = str_replace( '<img ', '<img loading=\"lazy\" ', $it );"),
    "headers": _on(
        "send_headers", "header( 'X-Made-By: @S@ 1.1' ); header( 'Referrer-Policy: same-origin' );"
    ),
    "cookie": _on("init", "if ( ! headers_sent() ) { setcookie( '@S@', '1', time() + 3600, '/' ); }"),
    "feed": _on("rss2_item", "echo '<category>@S@</category>';")
    + _on("rss2_head", "echo '<generator>@S@</generator>';"),
    "sitemap": _filter("wp_sitemaps_max_urls", "$it = 500;")
    + "add_filter( 'wp_sitemaps_add_provider', function ( $it, $name )"
    " { return 'users' === $name ? false : $it; }, 10, 2 );",
    "robots": _filter("robots_txt", '$it .= "Disallow: /@S@/\\n";'),
    "ajax": _on("wp_ajax_nopriv_@S@", "wp_send_json_success();"),
    "role": _on("init", _once("get_role( 'editor' )->add_cap( 'edit_@S@' );")),
    "uploads": _on(
        "init",
        _once("$up = wp_upload_dir()['basedir'] . '/@S@'; wp_mkdir_p( $up ); touch( \"$up/a.html\" );"),
    ),
    "body class": _filter("body_class", "$it[] = '@S@';"),
    "title": _filter("document_title_parts", "$it['tagline'] = 'with @S@';"),
    "excerpt": _filter("excerpt_length", "$it = 30;"),
    "login page": _filter("login_message", "$it .= '<p>Ask the office for an account.</p>';"),
    "login style": _on(
        "login_enqueue_scripts", "wp_enqueue_style( '@S@', plugins_url( 'style.css', __FILE__ ) );"
    ),
    "deprecations": _on(
        "init", "_deprecated_function( '@S@_old', '1.1', '@S@_new' ); error_log( '@S@: cache rebuilt' );"
    ),
    "a little slower": _on("template_redirect", "usleep( wp_rand( 0, 60000 ) );", ", 0"),
    "namespaces": "require_once __DIR__ . '/src/Box.php'; \\Lab\\@S@\\Box::open();",
    "translations": _on(
        "init",
        "load_plugin_textdomain( '@D@', false, dirname( plugin_basename( __FILE__ ) ) . '/languages' );",
    ),
    "search engines": _filter("wp_robots", "$it['max-image-preview'] = 'large';"),
    "menu": _filter("wp_nav_menu_items", "$it .= '<li>@S@</li>';"),
    "editor": _on(
        "enqueue_block_editor_assets",
        "wp_enqueue_script( '@S@-editor', plugins_url( 'front.js', __FILE__ ) );",
    ),
    "heartbeat": _filter("heartbeat_settings", "$it['interval'] = 60;"),
    "comments": _filter("comments_open", "$it = false;"),
    "dashboard": _on("wp_dashboard_setup", "wp_add_dashboard_widget( '@S@', '@S@', '__return_null' );"),
}
"""What 1.1 does and 1.0 did not, by its name; `@S@` stands for the plugin's own word."""
_QUIET = "add_action( 'wp_footer', function () { echo '<!-- @S@ -->'; } );"


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """One update."""

    slug: str
    habits: tuple[str, ...]
    """Of 1.1."""
    old: str
    """The code of 1.0."""
    php: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def good_updates(seed: str, count: int) -> Iterator[Good]:
    """So many, no two alike. Each habit is used before one is used again.

    Args:
        seed: the same updates for the same.
        count: of updates.
    """
    chance = random.Random(seed)  # noqa: S311 - the same at every run
    names: list[str] = []
    for number in range(count):
        mine: list[str] = []
        while len(mine) < 2 + number % 3:
            if not names:
                names = chance.sample(sorted(HABITS), len(HABITS))
            name = names.pop()
            if name not in mine:
                mine.append(name)
        slug = f"habit-{number:02}"
        kept = mine[:1] if number % 2 else []
        yield Good(
            slug=slug,
            habits=tuple(mine),
            old=_code(slug, (_QUIET, *(HABITS[name] for name in kept))),
            php=_code(slug, (HABITS[name] for name in mine)),
            files=_files(slug),
        )


def _code(slug: str, parts: Iterator[str] | tuple[str, ...]) -> str:
    return _filled("\n".join(parts), slug)


def _filled(text: str, slug: str) -> str:
    return text.replace("@S@", slug.replace("-", "_")).replace("@T@", slug).replace("@D@", slug)


def _files(slug: str) -> dict[str, bytes]:
    box = "<?php\nnamespace Lab\\@S@;\n\nfinal class Box {\n\tpublic static function open(): void {}\n}\n"
    return {
        "style.css": f".{slug} {{ color: #333; }}\n".encode(),
        "front.js": b"window.console && console.debug( 'ready' );\n",
        "src/Box.php": _filled(box, slug).encode(),
    }
