<?php
// Activates what was active before, and restores the site's addresses. Runs without plugins and themes.
// Input: {"plugins": [file], "network": [file], "addresses": {"home", "siteurl"}}.
foreach ( $GLOBALS['sitecrew']['addresses'] as $sitecrew_name => $sitecrew_url ) {
	if ( '' !== $sitecrew_url && get_option( $sitecrew_name ) !== $sitecrew_url ) {
		update_option( $sitecrew_name, $sitecrew_url );
	}
}
$sitecrew_there = function ( $file ) {
	return is_file( WP_PLUGIN_DIR . "/$file" );
};
$sitecrew_wanted = array_values( array_filter( $GLOBALS['sitecrew']['plugins'], $sitecrew_there ) );
$sitecrew_found  = (array) get_option( 'active_plugins', array() );
if ( ! is_multisite() && array_diff( $sitecrew_wanted, $sitecrew_found ) ) {
	update_option( 'active_plugins', array_values( array_unique( array_merge( $sitecrew_found, $sitecrew_wanted ) ) ) );
}
if ( is_multisite() ) {
	$sitecrew_found = (array) get_site_option( 'active_sitewide_plugins', array() );
	foreach ( array_filter( $GLOBALS['sitecrew']['network'], $sitecrew_there ) as $sitecrew_file ) {
		$sitecrew_found += array( $sitecrew_file => time() );
	}
	update_site_option( 'active_sitewide_plugins', $sitecrew_found );
}
