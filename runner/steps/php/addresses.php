<?php
// The addresses in a site's configuration, and output on stderr for programs whose stdout is a dump.

/** stdout or stderr, for a program that is itself read from stdin. */
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
