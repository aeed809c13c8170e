<?php
// WordPress itself to exactly the planned version, by its own upgrader. Input: {"from", "to"}.
// Says refused, begun, done or failed of the item "core". Exit status 1 when it is not at the planned version.
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';

function sitecrew_core_version() {
	$code = (string) @file_get_contents( ABSPATH . WPINC . '/version.php' );
	return preg_match( '/\$wp_version\s*=\s*\'([^\']+)\'/', $code, $match ) ? $match[1] : '';
}

function sitecrew_core_say( $state, $why = '' ) {
	sitecrew_say(
		array(
			'item'    => 'core',
			'state'   => $state,
			'version' => sitecrew_core_version(),
			'why'     => $why,
		)
	);
}

/** The offer of the planned version, in the language of the site where there is one; else null. */
function sitecrew_core_offer( $version ) {
	$known  = get_site_transient( 'update_core' );
	$chosen = null;
	foreach ( is_object( $known ) && ! empty( $known->updates ) ? $known->updates : array() as $offer ) {
		if ( $version === sitecrew_field( $offer, 'current' ) && ( ! $chosen || get_locale() === sitecrew_field( $offer, 'locale' ) ) ) {
			$chosen = $offer;
		}
	}
	return $chosen;
}

/** What this job closed the door with, by a step before; empty when it did not. */
function sitecrew_own_maintenance() {
	$text = is_file( ABSPATH . '.maintenance' ) ? (string) file_get_contents( ABSPATH . '.maintenance' ) : '';
	return strpos( $text, '// sitecrew ' . $GLOBALS['sitecrew']['mark'] ) ? $text : '';
}

function sitecrew_core_obstacle( $planned ) {
	$flag = ABSPATH . '.maintenance';
	if ( file_exists( $flag ) && time() - filemtime( $flag ) < 600 && ! sitecrew_own_maintenance() ) {
		return 'somebody else has the site in maintenance (.maintenance)';
	}
	foreach ( array( ABSPATH, ABSPATH . 'wp-admin', ABSPATH . WPINC, WP_CONTENT_DIR ) as $folder ) {
		if ( ! wp_is_writable( $folder ) ) {
			return "this login may not write to $folder";
		}
	}
	if ( ! sitecrew_core_offer( $planned ) && ! sitecrew_check_core() ) {
		return 'wordpress.org could not be asked for the package';
	}
	return sitecrew_core_offer( $planned ) ? '' : "wordpress.org does not offer $planned any more";
}

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
	sitecrew_core_say( 'begun' );
	// The upgrader asks the site over HTTP to upgrade its database, and does not look at the answer.
	// That is done after this program, by a process that says how it went.
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
	if ( $closed && ! file_exists( ABSPATH . '.maintenance' ) ) { // WordPress opens every door, also this.
		file_put_contents( ABSPATH . '.maintenance', preg_replace( '~\d+~', (string) time(), $closed, 1 ) );
	}
	if ( $found === $planned ) {
		sitecrew_core_say( 'done' );
	} elseif ( is_wp_error( $result ) ) {
		sitecrew_core_say( 'failed', sitecrew_reason( $result ) );
	} else {
		sitecrew_core_say( 'failed', "the version on disk is $found, although WordPress reported " . ( $result ? 'success' : 'no reason' ) );
	}
}

sitecrew_core_update( $GLOBALS['sitecrew']['to'] );
exit( sitecrew_core_version() === $GLOBALS['sitecrew']['to'] ? 0 : 1 );
