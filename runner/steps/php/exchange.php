<?php
// Folders and root files of WordPress change places with others, by renames, in a process that WordPress is not in.
// Environment: SITECREW_ROOT, SITECREW_KEPT, SITECREW_IN (folder of what comes), SITECREW_OUT (folder for what goes);
// in KEPT SITECREW_FILES (folder of root files that come) and SITECREW_GONE (list of root files that go).
// It may be cut between any two renames: what is left to do is seen by what is where.
// Input: {"gate"}, code that stands at the head of wp-load.php meanwhile: requests that have begun come to their end,
// those that begin wait for the exchange. It is there before and after for as long as OPcache may keep old files, so
// that no request has files of both versions. It opens by itself if nobody comes back to it.

/** The gate stands at the head of wp-load.php, with this code behind it. */
function sitecrew_gate( $code, $shut, $open, $token ) {
	$gate  = str_replace( array( '@TOKEN@', '@SHUT@', '@OPEN@' ), array( $token, sprintf( '%.3F', $shut ), sprintf( '%.3F', $open ) ), $GLOBALS['sitecrew']['gate'] );
	$fresh = getenv( 'SITECREW_KEPT' ) . '/gate';
	$file  = getenv( 'SITECREW_ROOT' ) . '/wp-load.php';
	$alike = new Sitecrew_Likeness( getenv( 'SITECREW_KEPT' ) );
	return false !== file_put_contents( $fresh, $gate . $code ) && '' === $alike->each( array( $fresh => $file ) ) && rename( $fresh, $file );
}

/** Requests that begin now wait; those that have begun are through, or have had their time. */
function sitecrew_shut( $file, $ahead ) {
	$shut = microtime( true ) + $ahead;
	if ( ! is_file( $file ) || ! sitecrew_gate( file_get_contents( $file ), $shut, $shut + 5, uniqid( 'shut-' ) ) ) {
		return;
	}
	$gate = fopen( $file, 'r' );
	usleep( (int) ( 1e6 * $ahead ) );
	while ( $gate && microtime( true ) < $shut + 2 && ! flock( $gate, LOCK_EX | LOCK_NB ) ) {
		usleep( 2000 );
	}
}

$root  = getenv( 'SITECREW_ROOT' );
$kept  = getenv( 'SITECREW_KEPT' );
$in    = getenv( 'SITECREW_IN' );
$out   = getenv( 'SITECREW_OUT' );
$files = $kept . '/' . getenv( 'SITECREW_FILES' );
$gone  = $kept . '/' . getenv( 'SITECREW_GONE' );
$load  = 'wp-load.php';
$come  = is_dir( $files ) ? array_diff( scandir( $files ), array( '.', '..', $load ) ) : array();
$go    = is_file( $gone ) ? file( $gone, FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES ) : array();
$stale = ini_get( 'opcache.revalidate_freq' );
$stale = is_numeric( $stale ) ? min( 5, (float) $stale ) : 2;
$stale = $stale ? $stale + 1 : 0; // OPcache counts whole seconds.
$code  = is_file( "$files/$load" ) ? file_get_contents( "$files/$load" ) : '';
$whole = true;
if ( '' !== $code ) {
	sitecrew_shut( "$root/$load", $stale + 0.5 );
}
foreach ( array( 'wp-includes', 'wp-admin' ) as $folder ) {
	if ( ! is_dir( "$in/$folder" ) ) {
		continue;
	}
	if ( file_exists( "$root/$folder" ) && ! rename( "$root/$folder", "$out/$folder" ) ) {
		exit( 1 );
	}
	if ( ! rename( "$in/$folder", "$root/$folder" ) ) {
		exit( 1 );
	}
}
foreach ( $come as $name ) {
	$whole = rename( "$files/$name", "$root/$name" ) && $whole;
}
foreach ( $go as $name ) {
	$whole = ( ! file_exists( "$root/$name" ) || unlink( "$root/$name" ) ) && $whole;
}
if ( '' !== $code ) {
	$whole = sitecrew_gate( $code, PHP_INT_MAX, 0, 'open' ) && $whole;
	usleep( (int) ( 1e6 * $stale ) );
	$whole = rename( "$files/$load", "$root/$load" ) && $whole;
}
exit( $whole ? 0 : 1 );
