<?php // sitecrew: requests wait here for a moment while WordPress is updated. @TOKEN@
if ( call_user_func(
	function () {
		$needs = array( 'fopen', 'flock', 'ini_set', 'usleep' ); // Some hosts disable functions.
		if ( isset( $GLOBALS['sitecrew_gate'] ) || array_filter( $needs, 'function_exists' ) !== $needs ) {
			return false;
		}
		// The lock is held until the request ends, and shows when the last one has finished; OPcache checks every file again.
		$GLOBALS['sitecrew_gate'] = @fopen( __FILE__, 'r' );
		@ini_set( 'opcache.revalidate_freq', '0' );
		$stands = function () {
			return false !== strpos( (string) @file_get_contents( __FILE__, false, null, 0, 200 ), '@TOKEN@' );
		};
		if ( microtime( true ) < (float) '@SHUT@' && $GLOBALS['sitecrew_gate'] && flock( $GLOBALS['sitecrew_gate'], LOCK_SH | LOCK_NB ) && $stands() ) {
			return false;
		}
		while ( microtime( true ) < (float) '@OPEN@' && $stands() ) {
			usleep( 2000 );
		}
		if ( function_exists( 'opcache_invalidate' ) ) {
			@opcache_invalidate( __FILE__, true );
		}
		return true;
	}
) ) {
	return require __FILE__;
}
?>
