<?php
// Before every program of ours. The syntax is that of PHP 5.6, the oldest that wp-cli 2.12 runs on.
// Texts from the site travel as they are; the reader cleans them.

/** One line for the controller, past every output buffer that a plugin may have put up. */
function sitecrew_say( $data ) {
	static $out = null;
	if ( null === $out ) {
		$out = fopen( 'php://stdout', 'w' );
	}
	fwrite( $out, "\n" . $GLOBALS['sitecrew']['mark'] . ' ' . wp_json_encode( $data ) . "\n" );
	fflush( $out );
}

/** Addresses of vendors carry licence keys: outside wordpress.org nothing but the host leaves the site. */
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

/** What a WP_Error says, in one line of plain text. */
function sitecrew_reason( $error ) {
	if ( ! is_wp_error( $error ) ) {
		return is_string( $error ) ? $error : 'WordPress gave no reason';
	}
	$detail = $error->get_error_data();
	$text   = $error->get_error_message() . ( is_scalar( $detail ) && ! is_bool( $detail ) ? ' ' . $detail : '' );
	return sitecrew_without_keys( html_entity_decode( wp_strip_all_tags( $text, true ), ENT_QUOTES, 'UTF-8' ) );
}

/**
 * Asks for updates now, whatever was asked when, and says whether there was an answer.
 *
 * WordPress replaces what it knows only when it got an answer, and tells nobody when it got none. So what
 * it knows is shown to it as old and is given a stain: if the stain is still there, there was no answer.
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

/** A plugin that answers in the place of what WordPress knows ("no updates") is not listened to. */
function sitecrew_see( $transient ) {
	remove_all_filters( "pre_site_transient_$transient" );
}

/** What WordPress knows or was just told, before anything on the site adds to it or hides some of it. */
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
 * What is offered for a family of extensions: main file or stylesheet => object. Updaters of vendors add
 * theirs by a filter, and others hide some by the same filter: these are marked.
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

/** The date of a pack of translations, in UTC; "undated" where it has none. */
function sitecrew_moment( $text ) {
	$seconds = '' === trim( $text ) ? false : strtotime( preg_match( '~[+Z]~', $text ) ? $text : "$text UTC" );
	return false === $seconds ? 'undated' : gmdate( 'Y-m-d H:i:s', $seconds );
}

/**
 * WordPress mails "Your site is experiencing a technical issue" to the client's administrator at most once a
 * day. For the next half hour it believes that it has, so that an update which is undone alarms nobody.
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

/** WordPress updates all translations behind each update: outside of its restore point, and not as they were planned. */
function sitecrew_leave_translations() {
	remove_action( 'upgrader_process_complete', array( 'Language_Pack_Upgrader', 'async_upgrade' ), 20 );
}

/**
 * Whether visitors must be shut out while this folder is exchanged: WordPress before 6.2 copies file by file,
 * and so does any where a rename would lead to another file system.
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

// Asking for updates must never start WordPress's own updates in the background.
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
