"""Updates that change data one way and then break: files alone do not bring these sites back."""

from __future__ import annotations

from lab.gauntlet import Case

__all__ = ["GOOD", "MIGRATIONS"]

_FRONT_IS_FATAL = "add_action( 'template_redirect', function () { weathervane_is_missing(); } );"

_TABLE = """
global $wpdb;
$weathervane = "{$wpdb->prefix}weathervane";
if ( ! get_option( 'weathervane_version' ) ) {
    $wpdb->query( "CREATE TABLE $weathervane (id INT AUTO_INCREMENT PRIMARY KEY, wind VARCHAR(40))" );
    $wpdb->insert( $weathervane, array( 'wind' => "north 'by' east" ) );
    update_option( 'weathervane_version', 1 );
}
"""
_OLD_TABLE = f"""{_TABLE}
add_action( 'wp_footer', function () {{
    global $wpdb;
    if ( get_option( 'weathervane_version' ) > 1 ) {{ throw new Exception( 'newer than the code' ); }}
    $wind = $wpdb->get_var( "SELECT wind FROM {{$wpdb->prefix}}weathervane" );
    if ( ! $wind || 'X' === $wind[0] ) {{ throw new Exception( 'no wind' ); }}
    echo "<p>Wind: $wind</p>";
}} );
"""
_WELL_MIGRATED = f"""{_TABLE}
if ( get_option( 'weathervane_version' ) < 2 ) {{
    $wpdb->query( "ALTER TABLE $weathervane CHANGE wind direction INT NOT NULL DEFAULT 0" );
    $wpdb->query( "CREATE TABLE {{$weathervane}}_log (id INT PRIMARY KEY)" );
    update_option( 'weathervane_version', 2 );
}}
"""
_MIGRATED = _WELL_MIGRATED + _FRONT_IS_FATAL
_REWRITTEN = f"""{_TABLE}
$wpdb->query( "UPDATE $weathervane SET wind = CONCAT('X', wind) WHERE wind NOT LIKE 'X%'" );
{_FRONT_IS_FATAL}
"""
_POSTS = f"""
global $wpdb;
$wpdb->query( "UPDATE $wpdb->posts SET post_status = 'private' WHERE post_status = 'publish'" );
{_FRONT_IS_FATAL}
"""
_OLD_OPTION = """
add_action( 'template_redirect', function () {
    if ( 'never again' === get_option( 'weathervane_mode' ) ) { weathervane_is_missing(); }
} );
"""

MIGRATIONS = (
    Case(name="schema migrated one way", expected="undone", old=_OLD_TABLE, php=_MIGRATED),
    Case(name="data rewritten one way", expected="undone", old=_OLD_TABLE, php=_REWRITTEN),
    Case(
        name="an option changed for ever",
        expected="undone",
        old=_OLD_OPTION,
        php=f"update_option( 'weathervane_mode', 'never again' );\n{_OLD_OPTION}",
    ),
    Case(name="posts rewritten", expected="undone", php=_POSTS),
)

GOOD = Case(name="schema migrated well", expected="changed", old=_OLD_TABLE, php=_WELL_MIGRATED)
"""There is no way back from it by files alone."""
