<?php
// Prints the addresses in a site's configuration for the given host name. Makes no connection. Plain PHP.
// Input: {"mark", "roots", "server"}.

try {
	$_SERVER = $GLOBALS['sitecrew']['server'] + $_SERVER;
	sitecrew_read_config( sitecrew_find_config( $GLOBALS['sitecrew']['roots'] ) );
	sitecrew_note( array( 'asked' => sitecrew_addresses() ) );
} catch ( Throwable $error ) {
	exit( 0 );
}
