<?php
// The items that WordPress updates automatically, decided by its own code. Part of facts.php and auto_switch.php.

/** WordPress's class that decides. */
function sitecrew_updater() {
	require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';
	return class_exists( 'WP_Automatic_Updater' ) ? new WP_Automatic_Updater() : null;
}

/** Whether WordPress updates anything automatically in a folder. */
function sitecrew_updates_itself( $updater, $folder ) {
	return $updater && ! $updater->is_disabled() && ! $updater->is_vcs_checkout( $folder );
}

/** A plugin or theme as the filters get it; `key` is its name in WordPress's option. */
function sitecrew_auto_item( $type, $key, $offers, $version ) {
	$item = isset( $offers[ $key ] ) ? clone (object) $offers[ $key ] : new stdClass();
	$more = array( $type => $key, 'slug' => 'plugin' === $type ? ( '.' === dirname( $key ) ? basename( $key, '.php' ) : dirname( $key ) ) : $key, 'id' => $key, 'new_version' => $version, 'package' => '', 'requires_php' => '' );
	foreach ( $more as $name => $value ) {
		if ( ! isset( $item->$name ) ) {
			$item->$name = $value;
		}
	}
	return $item;
}

/** The result of the site's filters; null if they fail. */
function sitecrew_auto_filtered( $hook, $value, $item ) {
	try {
		return (bool) apply_filters( $hook, $value, $item );
	} catch ( Exception $error ) {
		return null;
	} catch ( Throwable $error ) {
		return null;
	}
}

/**
 * Whether an item is updated automatically, and what forces it regardless of its option.
 * Returns array( on, forced ).
 */
function sitecrew_auto_extension( $type, $key, $item, $listed ) {
	$asked = ! empty( $item->autoupdate );
	$may   = $listed && wp_is_auto_update_enabled_for_type( $type ) && empty( $item->disable_autoupdate );
	$on    = sitecrew_auto_filtered( "auto_update_$type", $asked || $may, $item );
	if ( ! $on ) {
		return array( false, '' );
	}
	if ( ! sitecrew_auto_filtered( "auto_update_$type", $asked, $item ) ) {
		return array( true, '' );
	}
	return array( true, $asked ? 'wordpress.org requests it' : "the filter auto_update_$type on the site forces it" );
}

/** The same for one size of WordPress's own updates: minor or major. */
function sitecrew_auto_core( $size ) {
	$option  = get_site_option( "auto_update_core_$size", 'minor' === $size ? 'enabled' : 'unset' );
	$default = 'enabled' === $option;
	$forced  = '';
	if ( defined( 'WP_AUTO_UPDATE_CORE' ) ) {
		$set     = WP_AUTO_UPDATE_CORE;
		$default = true === $set || ( 'minor' === $set ? 'minor' === $size : in_array( $set, array( 'beta', 'rc', 'development', 'branch-development' ), true ) );
		$forced  = 'the constant WP_AUTO_UPDATE_CORE forces it';
	}
	list( $major, $minor ) = array_map( 'intval', explode( '.', $GLOBALS['wp_version'] . '.0' ) );
	$next = 'minor' === $size ? "$major.$minor.99" : ( 9 > $minor ? "$major." . ( $minor + 1 ) : ( $major + 1 ) . '.0' );
	$item = (object) array( 'response' => 'autoupdate', 'current' => $next, 'version' => $next, 'locale' => get_locale(), 'packages' => (object) array(), 'php_version' => '', 'mysql_version' => '', 'new_files' => true );
	$on   = function ( $value ) use ( $size, $item ) {
		try {
			return (bool) apply_filters( 'auto_update_core', (bool) apply_filters( "allow_{$size}_auto_core_updates", $value ), $item );
		} catch ( Exception $error ) {
			return false;
		} catch ( Throwable $error ) {
			return false;
		}
	};
	if ( ! $on( $default ) ) {
		return array( false, '' );
	}
	return array( true, $on( false ) ? "a filter on the site forces it" : $forced );
}

/** What makes translations update automatically; empty for nothing. WordPress has no setting for it. */
function sitecrew_auto_translations() {
	$item = (object) array( 'type' => 'plugin', 'slug' => 'sitecrew', 'language' => get_locale(), 'version' => '1.0', 'updated' => '', 'package' => '', 'autoupdate' => true );
	if ( ! sitecrew_auto_filtered( 'auto_update_translation', true, $item ) ) {
		return '';
	}
	return sitecrew_auto_filtered( 'auto_update_translation', false, $item ) ? 'a filter on the site forces it' : 'WordPress has no setting for translations';
}

/** What WordPress updates automatically: a list of array( kind, key, was, forced ). Ignores our own filter. */
function sitecrew_auto_updates() {
	remove_filter( 'automatic_updater_disabled', $GLOBALS['sitecrew_not_now'], PHP_INT_MAX );
	try {
		return sitecrew_auto_updates_now();
	} finally {
		add_filter( 'automatic_updater_disabled', $GLOBALS['sitecrew_not_now'], PHP_INT_MAX );
	}
}

function sitecrew_auto_updates_now() {
	if ( ! function_exists( 'wp_is_auto_update_enabled_for_type' ) ) {
		return array(); // Before 5.5, only minor versions of WordPress were installed automatically.
	}
	$updater = sitecrew_updater();
	$found   = array();
	if ( sitecrew_updates_itself( $updater, ABSPATH ) ) {
		foreach ( array( 'minor', 'major' ) as $size ) {
			list( $on, $forced ) = sitecrew_auto_core( $size );
			if ( $on ) {
				$found[] = array( 'kind' => 'core', 'key' => $size, 'was' => (string) get_site_option( "auto_update_core_$size", '' ), 'forced' => $forced );
			}
		}
	}
	$families = array( 'plugin' => array( WP_PLUGIN_DIR, get_plugins() ), 'theme' => array( get_theme_root(), wp_get_themes() ) );
	foreach ( $families as $type => list( $folder, $entries ) ) {
		if ( ! sitecrew_updates_itself( $updater, $folder ) ) {
			continue;
		}
		$listed = (array) get_site_option( "auto_update_{$type}s", array() );
		$offers = sitecrew_offers( "update_{$type}s" );
		foreach ( $entries as $key => $entry ) {
			$key  = (string) $key;
			$item = sitecrew_auto_item( $type, $key, $offers, (string) $entry['Version'] );
			list( $on, $forced ) = sitecrew_auto_extension( $type, $key, $item, in_array( $key, $listed, true ) );
			if ( $on ) {
				$found[] = array( 'kind' => $type, 'key' => $key, 'was' => in_array( $key, $listed, true ) ? 'listed' : '', 'forced' => $forced );
			}
		}
	}
	if ( sitecrew_updates_itself( $updater, WP_CONTENT_DIR ) && ( $forced = sitecrew_auto_translations() ) ) {
		$found[] = array( 'kind' => 'translation', 'key' => '', 'was' => '', 'forced' => $forced );
	}
	return array_slice( $found, 0, 1000 );
}
