<?php
// Upgrades the tables of every site of a network, in one boot. Exit status 1 if one is not upgraded.
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

/** The database version of a site, read without caches. */
function sitecrew_database_version( $id ) {
	global $wpdb;
	$table = $wpdb->get_blog_prefix( $id ) . 'options';
	return (int) $wpdb->get_var( "SELECT option_value FROM " . sitecrew_name( $table ) . " WHERE option_name = 'db_version'" );
}

function sitecrew_upgrade_site( $id ) {
	global $wpdb, $wp_db_version;
	if ( sitecrew_database_version( $id ) >= $wp_db_version ) {
		return true;
	}
	switch_to_blog( $id );
	// Its statements can be repeated, but print errors then.
	$shown = $wpdb->suppress_errors();
	ob_start();
	wp_cache_flush();
	wp_upgrade();
	ob_end_clean();
	$wpdb->suppress_errors( $shown );
	restore_current_blog();
	$version = sitecrew_database_version( $id );
	sitecrew_say(
		array(
			'item'    => "database of site $id",
			'state'   => $version >= $wp_db_version ? 'done' : 'failed',
			'version' => (string) $version,
		)
	);
	return $version >= $wp_db_version;
}

if ( empty( $_SERVER['HTTP_HOST'] ) ) {
	$_SERVER['HTTP_HOST'] = DOMAIN_CURRENT_SITE; // wp_upgrade() derives addresses from it.
}
$sitecrew_all = true;
$sitecrew_ids = get_sites( array( 'archived' => 0, 'spam' => 0, 'deleted' => 0, 'number' => 0, 'fields' => 'ids', 'orderby' => 'id' ) );
foreach ( $sitecrew_ids as $sitecrew_id ) {
	$sitecrew_all = sitecrew_upgrade_site( (int) $sitecrew_id ) && $sitecrew_all;
}
if ( $sitecrew_all ) {
	foreach ( get_networks( array( 'fields' => 'ids' ) ) as $sitecrew_id ) {
		update_network_option( $sitecrew_id, 'wpmu_upgrade_site', $GLOBALS['wp_db_version'] );
	}
}
exit( $sitecrew_all ? 0 : 1 );
