<?php
// Included before the programs that update WordPress: its version on disk, the offer, and what prevents the update.
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';

function sitecrew_core_version( $folder = ABSPATH ) {
	$code = (string) @file_get_contents( $folder . WPINC . '/version.php' );
	return preg_match( '/\$wp_version\s{0,20}=\s{0,20}\'([^\']{1,80})\'/', $code, $match ) ? $match[1] : '';
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

/** The offer of the planned version, in the site's language if there is one; otherwise null. */
function sitecrew_core_offer( $version ) {
	$known  = get_site_transient( 'update_core' );
	$chosen = null;
	foreach ( is_object( $known ) && ! empty( $known->updates ) ? $known->updates : array() as $offer ) {
		if ( $version === sitecrew_field( $offer, 'current' ) && ( ! $chosen || get_locale() === sitecrew_field( $offer, 'locale' ) ) ) {
			$chosen = $offer;
		}
	}
	$given = isset( $GLOBALS['sitecrew']['package'] ) ? $GLOBALS['sitecrew']['package'] : '';
	if ( '' !== $given && $version === $GLOBALS['sitecrew']['to'] && ! sitecrew_genuine( $chosen ) ) { // The site hides or forges the offer.
		$chosen = (object) array(
			'response' => 'upgrade',
			'current'  => $version,
			'version'  => $version,
			'locale'   => 'en_US',
			'download' => $given,
			'packages' => (object) array( 'full' => $given, 'no_content' => '', 'new_bundled' => '', 'partial' => '', 'rollback' => '' ),
		);
	}
	return $chosen;
}

/** Whether every package of an offer is from wordpress.org. */
function sitecrew_genuine( $offer ) {
	$packages = $offer && isset( $offer->packages ) ? array_values( array_filter( (array) $offer->packages ) ) : array();
	$packages = array_merge( $packages, array( sitecrew_field( $offer, 'download' ) ) );
	return (bool) $offer && count( $packages ) === count( preg_grep( '~^https://downloads\.wordpress\.org/~', $packages ) );
}

/** The content of a `.maintenance` that an earlier step of this job created; empty if none did. */
function sitecrew_own_maintenance() {
	$text = is_file( ABSPATH . '.maintenance' ) ? (string) file_get_contents( ABSPATH . '.maintenance' ) : '';
	return strpos( $text, '// sitecrew ' . $GLOBALS['sitecrew']['mark'] ) ? $text : '';
}

/** Why the update cannot start; empty if it can. */
function sitecrew_core_obstacle( $planned ) {
	$flag = ABSPATH . '.maintenance';
	if ( file_exists( $flag ) && time() - filemtime( $flag ) < 600 && ! sitecrew_own_maintenance() ) {
		return 'the site is already in maintenance mode (.maintenance)';
	}
	foreach ( array( ABSPATH, ABSPATH . 'wp-admin', ABSPATH . WPINC, WP_CONTENT_DIR ) as $folder ) {
		if ( ! wp_is_writable( $folder ) ) {
			return "this login cannot write to $folder";
		}
	}
	if ( ! sitecrew_core_offer( $planned ) && ! sitecrew_check_core() ) {
		return 'no answer from wordpress.org for the package';
	}
	return sitecrew_core_offer( $planned ) ? '' : "wordpress.org no longer offers $planned";
}

/** Records the progress of the change in the restore point: begun, done, lock. */
function sitecrew_mark( $name, $text = '' ) {
	return false !== file_put_contents( getenv( 'SITECREW_KEPT' ) . "/$name", $text );
}
