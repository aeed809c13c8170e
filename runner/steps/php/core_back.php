<?php
// After the old version of WordPress was restored: sets the databases' version numbers to what it requires. It works
// with newer tables, but wp-admin would redirect to upgrade.php; and the next upgrade needs the right number.
// Runs without plugins and themes.
function sitecrew_database_back() {
	if ( (int) get_option( 'db_version' ) > (int) $GLOBALS['wp_db_version'] ) {
		update_option( 'db_version', $GLOBALS['wp_db_version'] );
	}
}

wp_cache_flush();
if ( is_multisite() ) {
	foreach ( get_sites( array( 'number' => 0, 'fields' => 'ids' ) ) as $sitecrew_id ) {
		switch_to_blog( $sitecrew_id );
		sitecrew_database_back();
		restore_current_blog();
	}
	foreach ( get_networks( array( 'fields' => 'ids' ) ) as $sitecrew_id ) {
		if ( (int) get_network_option( $sitecrew_id, 'wpmu_upgrade_site' ) > (int) $GLOBALS['wp_db_version'] ) {
			update_network_option( $sitecrew_id, 'wpmu_upgrade_site', $GLOBALS['wp_db_version'] );
		}
	}
} else {
	sitecrew_database_back();
}
delete_site_transient( 'update_core' );
