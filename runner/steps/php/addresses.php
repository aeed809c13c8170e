<?php
// What a site's configuration calls it, and words on standard error, where standard output is a dump's.

/** Standard output or error, for a program that itself comes from standard input. */
function sitecrew_stream( $name ) {
	static $open = array();
	return isset( $open[ $name ] ) ? $open[ $name ] : ( $open[ $name ] = fopen( "php://$name", 'wb' ) );
}

function sitecrew_note( $data ) {
	fwrite( sitecrew_stream( 'stderr' ), "\n{$GLOBALS['sitecrew']['mark']} " . json_encode( $data, JSON_PARTIAL_OUTPUT_ON_ERROR ) . "\n" );
}

function sitecrew_addresses() {
	$found = array();
	foreach ( array( 'WP_HOME', 'WP_SITEURL' ) as $name ) {
		if ( defined( $name ) ) {
			$found[] = (string) constant( $name );
		}
	}
	return $found;
}
