<?php
// Empties the caches of this site. Input: {"apart": its object cache is not the one that visitors' PHP has}. One line for each: {"purged": name, "ok": bool, "why": ...}; at the end {"purged": ""}.
foreach ( sitecrew_caches( $GLOBALS['sitecrew']['apart'] ) as $sitecrew_name => $sitecrew_call ) {
	$sitecrew_why = '';
	ob_start();
	try {
		if ( false === call_user_func( $sitecrew_call ) ) {
			$sitecrew_why = 'it says that it could not';
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
