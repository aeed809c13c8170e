<?php
// Exchanges two paths on one file system in one step, so that both exist at any time.

/** Exchanges both; returns whether it did. If not, nothing has changed. */
function sitecrew_swap( $one, $other ) {
	return sitecrew_swap_here( $one, $other ) || null !== sitecrew_command( array( 'sh', '-c', $GLOBALS['sitecrew']['swap'], 'sh', $one, $other ), '' );
}

/** Uses the system call, if this PHP can. */
function sitecrew_swap_here( $one, $other ) {
	try {
		$system = class_exists( 'FFI' ) ? FFI::cdef( 'int renameat2(int, const char *, int, const char *, unsigned int);' ) : null;
		return $system && 0 === $system->renameat2( -100, $one, -100, $other, 2 ); // AT_FDCWD, RENAME_EXCHANGE
	} catch ( Throwable $none ) {
		return false;
	}
}

/** Exchanges both, if necessary with three renames in a row. */
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
