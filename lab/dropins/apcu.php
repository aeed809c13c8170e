<?php
/** The memory that processes of one PHP-FPM share: the command line has another. */
final class Lab_Store {
	public function __construct() {
		if ( ! function_exists( 'apcu_enabled' ) || ! apcu_enabled() ) {
			throw new RuntimeException( 'no APCu here' );
		}
	}

	public function get( $key ) {
		$value = apcu_fetch( '@PREFIX@' . $key, $there );
		return $there ? array( $value ) : null;
	}

	public function set( $key, $value, $seconds ) {
		return apcu_store( '@PREFIX@' . $key, $value, max( 0, (int) $seconds ) );
	}

	public function delete( $key ) {
		return apcu_delete( '@PREFIX@' . $key );
	}

	public function flush() {
		return apcu_clear_cache();
	}
}
