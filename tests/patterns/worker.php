<?php
// Times patterns on hostile text, one a line of JSON, as worker.py does.
ini_set( 'pcre.backtrack_limit', '100000000' );
ini_set( 'pcre.jit', '0' ); // not every host has it
$sizes = array( 16 << 10, 64 << 10, 256 << 10 );
$clock = function () {
	$used = getrusage();
	return $used['ru_utime.tv_sec'] + $used['ru_utime.tv_usec'] / 1e6;
};
$took  = function ( $pattern, $spec, $size ) use ( $clock ) {
	$text  = $spec[0] . str_repeat( $spec[1], intdiv( $size, strlen( $spec[1] ) ) ) . $spec[2];
	$began = $clock();
	preg_match( $pattern, $text );
	return $clock() - $began;
};
while ( false !== ( $line = fgets( STDIN ) ) ) {
	$asked = json_decode( $line, true );
	$found = null;
	$timed = array();
	foreach ( $asked['texts'] as $number => $spec ) {
		$timed[ $number ] = $took( $asked['pattern'], $spec, $sizes[0] );
	}
	arsort( $timed );
	if ( max( $timed ) > 0.5 ) {
		$found = array( 'preg', $asked['texts'][ array_key_first( $timed ) ], array( max( $timed ) ) );
	}
	foreach ( $found ? array() : array_slice( array_keys( $timed ), 0, 3 ) as $number ) {
		$spec  = $asked['texts'][ $number ];
		$times = array( $took( $asked['pattern'], $spec, $sizes[0] ) );
		foreach ( array_slice( $sizes, 1 ) as $size ) {
			$was     = max( end( $times ), 0.05 / 12 );
			$times[] = $took( $asked['pattern'], $spec, $size );
			if ( end( $times ) > 12 * $was && min( $took( $asked['pattern'], $spec, $size ), $took( $asked['pattern'], $spec, $size ) ) > 12 * $was ) {
				$found = array( 'preg', $spec, $times );
				break 2;
			}
		}
	}
	echo json_encode( $found, JSON_PARTIAL_OUTPUT_ON_ERROR ), "\n";
}
