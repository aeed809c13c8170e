<?php
// Switches WordPress's automatic updates of some items off, or on again.
// Input: {"off": [{"kind", "key"}], "on": [{"kind", "key", "was"}]}. One line for each: {"auto": kind, "key", "state", ...}.
// States: off (now), already (it was off), forced ("forced" says by what; nothing was changed), on (again),
// changed (the setting was changed since, and is kept), gone (the item no longer exists).

/** The name of the option of WordPress, or of its network. */
function sitecrew_auto_option( $kind, $key ) {
	return 'core' === $kind ? "auto_update_core_$key" : "auto_update_{$kind}s";
}

function sitecrew_auto_now( $kind, $key ) {
	foreach ( sitecrew_auto_updates() as $one ) {
		if ( $one['kind'] === $kind && $one['key'] === $key ) {
			return $one;
		}
	}
	return null;
}

function sitecrew_switch_off( $kind, $key ) {
	$now = sitecrew_auto_now( $kind, $key );
	if ( ! $now ) {
		return array( 'state' => 'already' );
	}
	if ( '' !== $now['forced'] ) {
		return array( 'state' => 'forced', 'forced' => $now['forced'] );
	}
	$option = sitecrew_auto_option( $kind, $key );
	if ( 'core' === $kind ) {
		update_site_option( $option, 'disabled' );
	} else {
		update_site_option( $option, array_values( array_diff( (array) get_site_option( $option, array() ), array( $key ) ) ) );
	}
	$left = sitecrew_auto_now( $kind, $key );
	if ( $left ) {
		sitecrew_switch_on( $kind, $key, $now['was'] );
		return array( 'state' => 'forced', 'forced' => '' !== $left['forced'] ? $left['forced'] : 'the site switches it on again' );
	}
	return array( 'state' => 'off' );
}

function sitecrew_switch_on( $kind, $key, $was ) {
	$option = sitecrew_auto_option( $kind, $key );
	if ( 'core' === $kind ) {
		if ( 'disabled' !== get_site_option( $option ) ) {
			return array( 'state' => 'changed' );
		}
		if ( '' === $was ) {
			delete_site_option( $option );
		} else {
			update_site_option( $option, $was );
		}
		return array( 'state' => 'on' );
	}
	$there  = 'plugin' === $kind ? isset( get_plugins()[ $key ] ) : wp_get_theme( $key )->exists();
	$listed = (array) get_site_option( $option, array() );
	if ( ! $there || in_array( $key, $listed, true ) ) {
		return array( 'state' => $there ? 'changed' : 'gone' );
	}
	$listed[] = $key;
	update_site_option( $option, array_values( $listed ) );
	return array( 'state' => 'on' );
}

foreach ( $GLOBALS['sitecrew']['on'] as $sitecrew_one ) {
	sitecrew_say( array( 'auto' => $sitecrew_one['kind'], 'key' => $sitecrew_one['key'] ) + sitecrew_switch_on( $sitecrew_one['kind'], $sitecrew_one['key'], $sitecrew_one['was'] ) );
}
foreach ( $GLOBALS['sitecrew']['off'] as $sitecrew_one ) {
	sitecrew_say( array( 'auto' => $sitecrew_one['kind'], 'key' => $sitecrew_one['key'] ) + sitecrew_switch_off( $sitecrew_one['kind'], $sitecrew_one['key'] ) );
}
