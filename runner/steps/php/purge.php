<?php
// Purges the caches of this site. Input: {"apart": whether the web server's PHP has its own object cache}.
// Prints a line for each: {"purged": name, "ok": bool, "why": ...}; at the end {"purged": ""}.
foreach ( sitecrew_caches( $GLOBALS['sitecrew']['apart'] ) as $sitecrew_name => $sitecrew_call ) {
	$sitecrew_why = '';
	ob_start();
	try {
		if ( false === call_user_func( $sitecrew_call ) ) {
			$sitecrew_why = 'it reported a failure';
		}
	} catch ( Exception $error ) {
		$sitecrew_why = $error->getMessage();
	} catch ( Throwable $error ) {
		$sitecrew_why = $error->getMessage();
	}
	ob_end_clean();
	sitecrew_say( array( 'purged' => $sitecrew_name, 'ok' => '' === $sitecrew_why, 'why' => sitecrew_without_keys( $sitecrew_why ) ) );
}
sitecrew_say( array( 'purged' => '' ) );
