<?php
// Included before facts_items.php: what would make an update fail half way, and what is left to do after one.

/** The system's error if a file or folder cannot be read or replaced; empty if it can. */
function sitecrew_refusal( $path, $folder ) {
	if ( ! is_readable( $path ) || ( $folder && ! is_executable( $path ) ) ) {
		return sitecrew_system_error( $path, 4 );
	}
	if ( is_writable( $path ) ) {
		return '';
	}
	$error = sitecrew_system_error( $path, 2 );
	// An unwritable file in a writable folder can be replaced; an immutable one cannot.
	return $folder || 'Permission denied' !== $error ? $error : '';
}

/** The system's error message; $mode is 4 for reading and 2 for writing. */
function sitecrew_system_error( $path, $mode ) {
	if ( function_exists( 'posix_access' ) && ! posix_access( $path, $mode ) ) {
		return posix_strerror( posix_get_last_error() );
	}
	@fopen( $path, 4 === $mode ? 'r' : 'r+' );
	$error = error_get_last();
	return $error && preg_match( '~: ([A-Z][a-z ]+)$~', $error['message'], $found ) ? $found[1] : 'Permission denied';
}

/** The size of files and folders in kB, and the first one that cannot be read or replaced, with the error. */
function sitecrew_tree( $paths, $root ) {
	$found = array( 'size' => 0, 'stubborn' => '' );
	$left  = 100000;
	while ( $paths && --$left > 0 ) {
		$path = array_pop( $paths );
		if ( is_link( $path ) ) {
			continue;
		}
		$folder = is_dir( $path );
		$error  = '' === $found['stubborn'] ? sitecrew_refusal( $path, $folder ) : '';
		if ( '' !== $error ) {
			$found['stubborn'] = ltrim( substr( $path, strlen( $root ) ), '/' ) . ": $error";
		}
		$found['size'] += $folder ? 4 : (int) ceil( (int) @filesize( $path ) / 4096 ) * 4;
		foreach ( $folder ? array_diff( (array) @scandir( $path ), array( '.', '..', false ) ) : array() as $name ) {
			$paths[] = "$path/$name";
		}
	}
	return $found;
}

/** The plugins' own commands that upgrade their tables, if their code reports that an upgrade is needed. */
function sitecrew_waiting() {
	$found = array();
	try {
		if ( is_callable( array( 'WC_Install', 'needs_db_update' ) ) && WC_Install::needs_db_update() ) {
			$found['woocommerce'] = 'wc update';
		}
		if ( class_exists( '\Elementor\Plugin', false ) && isset( \Elementor\Plugin::$instance->upgrade ) && \Elementor\Plugin::$instance->upgrade->should_upgrade() ) {
			$found['elementor'] = 'elementor update db';
		}
	} catch ( Throwable $error ) { // Ignored: the next health check finds what is broken.
		return $found;
	} catch ( Exception $error ) {
		return $found;
	}
	return $found;
}

/** The servers of wordpress.org that the site's configuration blocks. */
function sitecrew_blocked() {
	$found = array();
	foreach ( array( 'api.wordpress.org', 'downloads.wordpress.org' ) as $name ) {
		if ( _wp_http_get_object()->block_request( "https://$name/" ) ) {
			$found[] = $name;
		}
	}
	return $found;
}

/** The slugs of the plugins that an offered version requires. */
function sitecrew_needed( $offer ) {
	$needed = isset( $offer->requires_plugins ) ? $offer->requires_plugins : array();
	$needed = is_string( $needed ) ? explode( ',', $needed ) : (array) $needed;
	return array_values( array_filter( array_map( 'trim', array_filter( $needed, 'is_string' ) ) ) );
}
