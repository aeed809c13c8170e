<?php
// Folders and root files of WordPress change places with others, by renames, in a process that WordPress is not in.
// Environment: SITECREW_ROOT, SITECREW_KEPT; in the latter SITECREW_IN (folder of what comes), SITECREW_OUT (folder
// for what goes), SITECREW_FILES (folder of root files that come), SITECREW_GONE (list of root files that go).
// It may be cut between any two renames: what is left to do is seen by what is where.
$root  = getenv( 'SITECREW_ROOT' );
$kept  = getenv( 'SITECREW_KEPT' );
$in    = $kept . '/' . getenv( 'SITECREW_IN' );
$out   = $kept . '/' . getenv( 'SITECREW_OUT' );
$files = $kept . '/' . getenv( 'SITECREW_FILES' );
$gone  = $kept . '/' . getenv( 'SITECREW_GONE' );
$come  = is_dir( $files ) ? array_diff( scandir( $files ), array( '.', '..' ) ) : array();
$go    = is_file( $gone ) ? file( $gone, FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES ) : array();
$whole = true;
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
exit( $whole ? 0 : 1 );
