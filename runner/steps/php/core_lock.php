<?php
// Releases WordPress's lock if this change holds it. Runs without plugins and themes.
$sitecrew_file = getenv( 'SITECREW_KEPT' ) . '/lock';
if ( is_file( $sitecrew_file ) ) {
	if ( (string) get_option( 'core_updater.lock' ) === (string) file_get_contents( $sitecrew_file ) ) {
		delete_option( 'core_updater.lock' );
	}
	unlink( $sitecrew_file );
}
