<?php
// Says what a site's configuration calls it for the host name that it is given. Nothing is connected to. Plain PHP.
// Input: {"mark", "roots", "server"}.

try {
	$_SERVER = $GLOBALS['sitecrew']['server'] + $_SERVER;
	sitecrew_read_config( sitecrew_find_config( $GLOBALS['sitecrew']['roots'] ) );
	sitecrew_note( array( 'asked' => sitecrew_addresses() ) );
} catch ( Throwable $error ) {
	exit( 0 );
}
