<?php
// Updates WordPress to exactly the planned version with its own upgrader, in maintenance mode.
// For sites whose folders cannot be renamed. Input: {"from", "to"}. Prints refused, begun, done or failed for "core".
// Exit status 1 if it is not at the planned version.
function sitecrew_core_update( $planned ) {
	if ( sitecrew_core_version() === $planned ) {
		sitecrew_core_say( 'done' );
		return;
	}
	$obstacle = sitecrew_core_obstacle( $planned );
	if ( $obstacle ) {
		sitecrew_core_say( 'refused', $obstacle );
		return;
	}
	sitecrew_keep_quiet();
	sitecrew_leave_translations();
	if ( ! sitecrew_mark( 'begun' ) ) {
		sitecrew_core_say( 'refused', 'cannot write to the restore point' );
		return;
	}
	sitecrew_core_say( 'begun' );
	// The upgrader upgrades the database by an HTTP request to the site, and ignores the answer.
	// This is done after this program instead, by a process that reports its result.
	add_filter(
		'pre_http_request',
		function ( $reply, $request, $url ) {
			return strpos( $url, 'upgrade.php?step=upgrade_db' ) ? new WP_Error( 'sitecrew', 'done afterwards' ) : $reply;
		},
		PHP_INT_MAX,
		3
	);
	$closed   = sitecrew_own_maintenance();
	$upgrader = new Core_Upgrader( new Automatic_Upgrader_Skin() );
	$result   = $upgrader->upgrade( sitecrew_core_offer( $planned ) );
	$found    = sitecrew_core_version();
	if ( $closed && ! file_exists( ABSPATH . '.maintenance' ) ) { // WordPress removes every .maintenance, also that of this job.
		file_put_contents( ABSPATH . '.maintenance', preg_replace( '~\d+~', (string) time(), $closed, 1 ) );
	}
	$why = sitecrew_core_own();
	if ( '' !== $why ) {
		sitecrew_core_say( 'failed', $why );
	} elseif ( $found === $planned ) {
		sitecrew_mark( 'done' );
		sitecrew_core_say( 'done' );
	} elseif ( is_wp_error( $result ) ) {
		sitecrew_core_say( 'failed', sitecrew_reason( $result ) );
	} else {
		sitecrew_core_say( 'failed', "the version on disk is $found, but WordPress reported " . ( $result ? 'success' : 'no reason' ) );
	}
}

/** Restores owner, group, mode and ACL from the copy; new files get those of their siblings. Returns why it cannot. */
function sitecrew_core_own() {
	$kept     = getenv( 'SITECREW_KEPT' );
	$likeness = new Sitecrew_Likeness( $kept );
	$why      = '';
	foreach ( array( 'wp-admin', WPINC ) as $folder ) {
		$why = $why ?: $likeness->below( (string) realpath( ABSPATH . $folder ), "$kept/copy/$folder" );
	}
	$models = array();
	foreach ( scandir( ABSPATH ) as $name ) {
		if ( ! is_file( ABSPATH . $name ) || is_link( ABSPATH . $name ) || '.' === $name[0] || 'wp-config.php' === $name ) {
			continue;
		}
		$model = "$kept/copy/files/$name";
		$models[ ABSPATH . $name ] = is_file( $model ) ? $model : $likeness->beside( "$kept/copy/files" );
	}
	return $why ?: $likeness->each( $models );
}

sitecrew_core_update( $GLOBALS['sitecrew']['to'] );
exit( sitecrew_core_version() === $GLOBALS['sitecrew']['to'] ? 0 : 1 );
