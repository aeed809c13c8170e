<?php
// Runs WordPress's own steps after an update, in the first process of the new version: runs its hooks, deletes the
// offers and releases its lock. Translations are left to their own step.
sitecrew_leave_translations();
require_once ABSPATH . 'wp-admin/includes/update-core.php'; // It contains WordPress's own steps.
wp_cache_flush();
delete_site_transient( 'update_core' );
do_action( '_core_updated_successfully', $GLOBALS['wp_version'] );
delete_site_option( 'auto_core_update_failed' );
$sitecrew_upgrader = new Core_Upgrader( new Automatic_Upgrader_Skin() );
$sitecrew_about    = array(
	'action' => 'update',
	'type'   => 'core',
);
do_action( 'upgrader_process_complete', $sitecrew_upgrader, $sitecrew_about );
sitecrew_core_say( 'done' );
