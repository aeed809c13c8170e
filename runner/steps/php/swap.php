<?php
// Two paths of one file system change places in one step, so that there is no instant without either.

/** Whether both have changed places; where not, nothing has happened. */
function sitecrew_swap( $one, $other ) {
	return sitecrew_swap_here( $one, $other ) || null !== sitecrew_command( array( 'sh', '-c', $GLOBALS['sitecrew']['swap'], 'sh', $one, $other ), '' );
}

/** By the system's own call, where this PHP may make it. */
function sitecrew_swap_here( $one, $other ) {
	try {
		$system = class_exists( 'FFI' ) ? FFI::cdef( 'int renameat2(int, const char *, int, const char *, unsigned int);' ) : null;
		return $system && 0 === $system->renameat2( -100, $one, -100, $other, 2 ); // AT_FDCWD, RENAME_EXCHANGE
	} catch ( Throwable $none ) {
		return false;
	}
}

/** As a swap; where there is no way to do it, by two renames with nothing between them. */
function sitecrew_trade( $one, $other ) {
	$aside = "$one.aside";
	if ( sitecrew_swap( $one, $other ) ) {
		return true;
	}
	if ( ! @rename( $other, $aside ) ) {
		return false;
	}
	$done = @rename( $one, $other );
	return rename( $aside, $done ? $one : $other ) && $done;
}
