<?php
// Checks that a new lock file changes exactly the planned WordPress packages.
// Environment: SITECREW_OLD, SITECREW_NEW. Input: {"wanted": {name: version}}. If not, prints why; exit status 1.
$sitecrew_versions = function ( $path ) {
	$lock  = json_decode( (string) file_get_contents( $path ), true );
	$found = array();
	foreach ( array( 'packages', 'packages-dev' ) as $part ) {
		foreach ( is_array( $lock ) && isset( $lock[ $part ] ) && is_array( $lock[ $part ] ) ? $lock[ $part ] : array() as $package ) {
			$type = isset( $package['type'] ) ? (string) $package['type'] : '';

			$found[ (string) $package['name'] ] = array( (string) $package['version'], 0 === strpos( $type, 'wordpress-' ) );
		}
	}
	return $found;
};
$sitecrew_old    = $sitecrew_versions( getenv( 'SITECREW_OLD' ) );
$sitecrew_new    = $sitecrew_versions( getenv( 'SITECREW_NEW' ) );
$sitecrew_wanted = $GLOBALS['sitecrew']['wanted'];
foreach ( $sitecrew_wanted as $sitecrew_name => $sitecrew_version ) {
	$sitecrew_now = isset( $sitecrew_new[ $sitecrew_name ] ) ? $sitecrew_new[ $sitecrew_name ][0] : 'nothing';
	if ( $sitecrew_now !== $sitecrew_version ) {
		echo "composer.lock would contain $sitecrew_name $sitecrew_now, not $sitecrew_version\n";
		exit( 1 );
	}
}
foreach ( $sitecrew_old + $sitecrew_new as $sitecrew_name => $sitecrew_one ) {
	$sitecrew_was = isset( $sitecrew_old[ $sitecrew_name ] ) ? $sitecrew_old[ $sitecrew_name ][0] : 'nothing';
	$sitecrew_now = isset( $sitecrew_new[ $sitecrew_name ] ) ? $sitecrew_new[ $sitecrew_name ][0] : 'nothing';
	if ( $sitecrew_one[1] && $sitecrew_was !== $sitecrew_now && 'nothing' !== $sitecrew_was && ! isset( $sitecrew_wanted[ $sitecrew_name ] ) ) {
		echo "composer.lock would change $sitecrew_name from $sitecrew_was to $sitecrew_now too\n";
		exit( 1 );
	}
}
