<?php
// Exchanges folders and root files of WordPress with others by renames, in a process without WordPress.
// Environment: SITECREW_ROOT, SITECREW_KEPT, SITECREW_IN (folder of the new files), SITECREW_OUT (folder for the old);
// in KEPT, SITECREW_FILES (folder of new root files) and SITECREW_GONE (list of root files to delete).
// It can be interrupted between any two renames: what is left to do is known from which files exist.
// Input: {"gate"}, code that is put at the start of wp-load.php for that time: running requests finish, and new ones
// wait for the exchange. It is there before and after for as long as OPcache may keep old files, so that no request
// uses files of both versions. It opens by itself if this process does not come back to it.

/** Puts the gate at the start of wp-load.php, followed by this code. */
function sitecrew_gate( $code, $shut, $open, $token ) {
	$gate  = str_replace( array( '@TOKEN@', '@SHUT@', '@OPEN@' ), array( $token, sprintf( '%.3F', $shut ), sprintf( '%.3F', $open ) ), $GLOBALS['sitecrew']['gate'] );
	$fresh = getenv( 'SITECREW_KEPT' ) . '/gate';
	$file  = getenv( 'SITECREW_ROOT' ) . '/wp-load.php';
	$alike = new Sitecrew_Likeness( getenv( 'SITECREW_KEPT' ) );
	return false !== file_put_contents( $fresh, $gate . $code ) && '' === $alike->each( array( $fresh => $file ) ) && rename( $fresh, $file );
}

/** Shuts the gate: new requests wait, and running ones finish or run out of time. */
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
