<?php
// Included before every program. Written for PHP 5.6, the oldest version that wp-cli 2.12 runs on.
// Texts from the site are printed as they are; the controller cleans them.

/** Prints one line for the controller, bypassing output buffers that plugins may have started. */
function sitecrew_say( $data ) {
	static $out = null;
	if ( null === $out ) {
		$out = fopen( 'php://stdout', 'w' );
	}
	fwrite( $out, "\n" . $GLOBALS['sitecrew']['mark'] . ' ' . wp_json_encode( $data ) . "\n" );
	fflush( $out );
}

/** Reduces URLs to their host, except those of wordpress.org: URLs of vendors contain licence keys. */
function sitecrew_without_keys( $text ) {
	return preg_replace_callback(
		'~\b(https?|ftp)://[^\s"\'<>]+~i',
		function ( $found ) {
			$host = (string) parse_url( $found[0], PHP_URL_HOST );
			return preg_match( '~(^|\.)wordpress\.org$~i', $host ) ? strtok( $found[0], '?#' ) : $found[1] . "://$host/";
		},
		(string) $text
	);
}

/** The message of a WP_Error, as one line of plain text. */
function sitecrew_reason( $error ) {
	if ( ! is_wp_error( $error ) ) {
		return is_string( $error ) ? $error : 'WordPress gave no reason';
	}
	$detail = $error->get_error_data();
	$text   = $error->get_error_message() . ( is_scalar( $detail ) && ! is_bool( $detail ) ? ' ' . $detail : '' );
	return sitecrew_without_keys( html_entity_decode( wp_strip_all_tags( $text, true ), ENT_QUOTES, 'UTF-8' ) );
}

/**
 * Queries for updates now, whenever the last query was, and returns whether there was an answer.
 *
 * WordPress replaces its transient only if it gets an answer, and does not report whether it got one. So the
 * transient is marked and shown to WordPress as outdated: if the mark is still there, there was no answer.
 */
function sitecrew_refresh( $transient, $ask ) {
	sitecrew_see( $transient );
	$known = get_site_transient( $transient );
	$stain = function ( $value ) {
		$value = is_object( $value ) ? clone $value : (object) array( 'updates' => array() );
		$value->last_checked   = 0;
		$value->sitecrew_stain = true;
		return $value;
	};
	$answer = function ( $value ) use ( $transient ) {
		$GLOBALS['sitecrew_answers'][ $transient ] = is_object( $value ) ? clone $value : null;
		return $value;
	};
	add_filter( "site_transient_$transient", $stain, PHP_INT_MAX );
	add_filter( "pre_set_site_transient_$transient", $answer, -PHP_INT_MAX );
	call_user_func( $ask );
	remove_filter( "pre_set_site_transient_$transient", $answer, -PHP_INT_MAX );
	remove_filter( "site_transient_$transient", $stain, PHP_INT_MAX );
	$value = get_site_transient( $transient );
	if ( ! is_object( $value ) || ! isset( $value->sitecrew_stain ) ) {
		return is_object( $value );
	}
	if ( is_object( $known ) ) {
		set_site_transient( $transient, $known );
	} else {
		delete_site_transient( $transient );
	}
	return false;
}

function sitecrew_check_core() {
	return sitecrew_refresh(
		'update_core',
		function () {
			wp_version_check( array(), true );
		}
	);
}

/** Removes filters with which plugins replace the transient ("no updates"). */
function sitecrew_see( $transient ) {
	remove_all_filters( "pre_site_transient_$transient" );
}

/** The transient, or the last answer, before anything on the site adds offers or hides some. */
function sitecrew_unfiltered( $transient ) {
	global $wp_filter;
	if ( ! empty( $GLOBALS['sitecrew_answers'][ $transient ]->response ) ) {
		return $GLOBALS['sitecrew_answers'][ $transient ];
	}
	$hook  = "site_transient_$transient";
	$saved = isset( $wp_filter[ $hook ] ) ? $wp_filter[ $hook ] : null;
	unset( $wp_filter[ $hook ] );
	$value = get_site_transient( $transient );
	if ( $saved ) {
		$wp_filter[ $hook ] = $saved;
	}
	return $value;
}

/**
 * The offers for plugins or themes: main file or stylesheet => object. Updaters of vendors add theirs with a
 * filter; offers that are hidden by the same filter are marked.
 */
function sitecrew_offers( $transient ) {
	sitecrew_see( $transient );
	$raw    = sitecrew_unfiltered( $transient );
	$value  = get_site_transient( $transient );
	$offers = array();
	foreach ( is_object( $raw ) && isset( $raw->response ) ? (array) $raw->response : array() as $key => $offer ) {
		$offers[ $key ]                  = clone (object) $offer;
		$offers[ $key ]->sitecrew_hidden = true;
	}
	foreach ( is_object( $value ) && isset( $value->response ) ? (array) $value->response : array() as $key => $offer ) {
		$offers[ $key ] = (object) $offer;
	}
	return $offers;
}

function sitecrew_field( $thing, $name ) {
	return isset( $thing->$name ) && is_scalar( $thing->$name ) ? (string) $thing->$name : '';
}

/** The date of a translation pack, in UTC; "undated" if it has none. */
function sitecrew_moment( $text ) {
	$seconds = '' === trim( $text ) ? false : strtotime( preg_match( '~[+Z]~', $text ) ? $text : "$text UTC" );
	return false === $seconds ? 'undated' : gmdate( 'Y-m-d H:i:s', $seconds );
}

/**
 * Suppresses WordPress's mail "Your site is experiencing a technical issue" to the client for half an hour, so
 * that an update which is rolled back does not alarm them. WordPress sends it at most once a day; the time of
 * the last mail is set accordingly.
 */
function sitecrew_keep_quiet() {
	if ( is_multisite() ) {
		return;
	}
	$pause = (int) apply_filters( 'recovery_mode_email_rate_limit', DAY_IN_SECONDS );
	$until = time() + 30 * MINUTE_IN_SECONDS - $pause;
	if ( (int) get_option( 'recovery_mode_email_last_sent' ) < $until ) {
		update_option( 'recovery_mode_email_last_sent', $until );
	}
}

/** Stops WordPress from updating all translations after each update, outside the restore point and the plan. */
function sitecrew_leave_translations() {
	remove_action( 'upgrader_process_complete', array( 'Language_Pack_Upgrader', 'async_upgrade' ), 20 );
}

/**
 * Whether this folder needs maintenance mode while it is replaced: WordPress before 6.2 copies file by file, and
 * so does any version if a rename would cross file systems.
 */
function sitecrew_needs_door( $folder ) {
	$upgrade = WP_CONTENT_DIR . '/upgrade';
	$places  = array( $folder, dirname( $folder ), is_dir( $upgrade ) ? $upgrade : WP_CONTENT_DIR );
	$devices = array();
	foreach ( $places as $place ) {
		$stat = @lstat( $place );
		if ( $stat && is_link( $place ) && $place !== $folder ) {
			$stat = @stat( $place );
		}
		$devices[] = $stat ? $stat['dev'] : 0;
	}
	return ! function_exists( 'move_dir' ) || 1 < count( array_unique( $devices ) );
}

// A query for updates must never start WordPress's own background updates.
$GLOBALS['sitecrew_not_now'] = function () {
	return true;
};
add_filter( 'automatic_updater_disabled', $GLOBALS['sitecrew_not_now'], PHP_INT_MAX );
@set_time_limit( 0 );
require_once ABSPATH . 'wp-admin/includes/plugin.php';
require_once ABSPATH . 'wp-admin/includes/file.php';
require_once ABSPATH . 'wp-admin/includes/misc.php';
require_once ABSPATH . 'wp-admin/includes/theme.php';
require_once ABSPATH . 'wp-admin/includes/update.php';
