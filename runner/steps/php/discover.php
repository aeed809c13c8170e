<?php
// Prints the addresses of the WordPress in the current folder. Plugins and themes are not loaded.

$GLOBALS['sitecrew_out'] = fopen( 'php://stdout', 'w' );

/** Prints what is known when the configuration has been read, even if it ended the program. */
function sitecrew_addresses_known() {
	global $wpdb, $wp_version;
	$found = array(
		'home'      => defined( 'WP_HOME' ) ? (string) WP_HOME : '',
		'version'   => (string) $wp_version,
		'multisite' => defined( 'MULTISITE' ) && MULTISITE,
		'stored'    => '',
	);
	if ( is_object( $wpdb ) && ! empty( $wpdb->dbh ) ) {
		$wpdb->hide_errors();
		$table = $wpdb->base_prefix . 'options';
		$found['stored'] = (string) $wpdb->get_var( "SELECT option_value FROM " . sitecrew_name( $table ) . " WHERE option_name = 'home'" );
	}
	fwrite( $GLOBALS['sitecrew_out'], "\n" . $GLOBALS['sitecrew']['mark'] . ' ' . json_encode( $found ) . "\n" );
}

register_shutdown_function( 'sitecrew_addresses_known' );
ob_start();
define( 'SHORTINIT', true );
define( 'WP_CACHE', false );
$_SERVER['HTTP_HOST']       = $GLOBALS['sitecrew']['host'];
$_SERVER['SERVER_NAME']     = $GLOBALS['sitecrew']['host'];
$_SERVER['REQUEST_URI']     = '/';
$_SERVER['REQUEST_METHOD']  = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require getcwd() . '/wp-load.php';
ob_end_clean();
