<?php
/** Redis behind a socket. */
final class Lab_Store {
	private $redis;
	private $prefix = '@PREFIX@';

	public function __construct() {
		$this->redis = new Redis();
		if ( ! @$this->redis->connect( '@SOCKET@', 0, 1 ) ) {
			throw new RuntimeException( 'no Redis at @SOCKET@' );
		}
	}

	public function get( $key ) {
		$value = $this->redis->get( $this->prefix . $key );
		return false === $value ? null : array( unserialize( $value ) );
	}

	public function set( $key, $value, $seconds ) {
		$value = serialize( $value );
		return $seconds > 0 ? $this->redis->setex( $this->prefix . $key, $seconds, $value ) : $this->redis->set( $this->prefix . $key, $value );
	}

	public function delete( $key ) {
		return (bool) $this->redis->del( $this->prefix . $key );
	}

	public function flush() {
		foreach ( array_chunk( $this->redis->keys( $this->prefix . '*' ), 500 ) as $keys ) {
			$this->redis->del( $keys );
		}
		return true;
	}
}
