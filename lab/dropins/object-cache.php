<?php
/**
 * Plugin Name: Lab Object Cache
 * Plugin URI: https://lab.example/object-cache/
 * Version: 1.0
 *
 * Keeps WordPress's objects in the store below.
 */

defined( 'ABSPATH' ) || exit;

// @STORE@

class WP_Object_Cache {
	private $store;
	private $here   = array();
	private $global = array();
	private $only   = array();
	private $blog;

	public function __construct( $store ) {
		$this->store = $store;
		$this->blog  = is_multisite() ? get_current_blog_id() . ':' : '';
	}

	private function key( $key, $group ) {
		$group = '' === (string) $group ? 'default' : (string) $group;
		return ( isset( $this->global[ $group ] ) ? '' : $this->blog ) . "$group:$key";
	}

	private function kept( $group ) {
		return $this->store && ! isset( $this->only[ $group ] );
	}

	public function get( $key, $group = 'default', $force = false, &$found = null ) {
		$name = $this->key( $key, $group );
		if ( $force || ! array_key_exists( $name, $this->here ) ) {
			$value = $this->kept( $group ) ? $this->store->get( $name ) : null;
			if ( null !== $value ) {
				$this->here[ $name ] = $value[0];
			}
		}
		$found = array_key_exists( $name, $this->here );
		$value = $found ? $this->here[ $name ] : false;
		return is_object( $value ) ? clone $value : $value;
	}

	public function set( $key, $data, $group = 'default', $expire = 0 ) {
		$name                = $this->key( $key, $group );
		$this->here[ $name ] = is_object( $data ) ? clone $data : $data;
		return $this->kept( $group ) ? (bool) $this->store->set( $name, $data, (int) $expire ) : true;
	}

	public function add( $key, $data, $group = 'default', $expire = 0 ) {
		$this->get( $key, $group, false, $found );
		return $found || wp_suspend_cache_addition() ? false : $this->set( $key, $data, $group, $expire );
	}

	public function replace( $key, $data, $group = 'default', $expire = 0 ) {
		$this->get( $key, $group, false, $found );
		return $found ? $this->set( $key, $data, $group, $expire ) : false;
	}

	public function delete( $key, $group = 'default' ) {
		$name = $this->key( $key, $group );
		unset( $this->here[ $name ] );
		return $this->kept( $group ) ? $this->store->delete( $name ) : true;
	}

	public function step( $key, $offset, $group ) {
		$value = $this->get( $key, $group, true, $found );
		if ( ! $found ) {
			return false;
		}
		$value = max( 0, (int) $value + $offset );
		$this->set( $key, $value, $group );
		return $value;
	}

	public function flush() {
		$this->here = array();
		return $this->store ? $this->store->flush() : true;
	}

	public function flush_runtime() {
		$this->here = array();
		return true;
	}

	public function add_global_groups( $groups ) {
		$this->global += array_fill_keys( (array) $groups, true );
	}

	public function add_non_persistent_groups( $groups ) {
		$this->only += array_fill_keys( (array) $groups, true );
	}

	public function switch_to_blog( $id ) {
		$this->blog = is_multisite() ? "$id:" : '';
	}
}

function wp_cache_init() {
	$GLOBALS['wp_object_cache'] = new WP_Object_Cache( lab_cache_store() );
}

function lab_cache_store() {
	try {
		return new Lab_Store();
	} catch ( Throwable $error ) {
		if ( 'strict' === '@MANNERS@' ) {
			http_response_code( 500 );
			exit( 'Error establishing a connection to the object cache: ' . $error->getMessage() );
		}
		return null;
	}
}

function wp_cache_get( $key, $group = '', $force = false, &$found = null ) {
	return $GLOBALS['wp_object_cache']->get( $key, $group, $force, $found );
}

function wp_cache_set( $key, $data, $group = '', $expire = 0 ) {
	return $GLOBALS['wp_object_cache']->set( $key, $data, $group, $expire );
}

function wp_cache_add( $key, $data, $group = '', $expire = 0 ) {
	return $GLOBALS['wp_object_cache']->add( $key, $data, $group, $expire );
}

function wp_cache_replace( $key, $data, $group = '', $expire = 0 ) {
	return $GLOBALS['wp_object_cache']->replace( $key, $data, $group, $expire );
}

function wp_cache_delete( $key, $group = '' ) {
	return $GLOBALS['wp_object_cache']->delete( $key, $group );
}

function wp_cache_incr( $key, $offset = 1, $group = '' ) {
	return $GLOBALS['wp_object_cache']->step( $key, (int) $offset, $group );
}

function wp_cache_decr( $key, $offset = 1, $group = '' ) {
	return $GLOBALS['wp_object_cache']->step( $key, -(int) $offset, $group );
}

function wp_cache_flush() {
	return $GLOBALS['wp_object_cache']->flush();
}

function wp_cache_flush_runtime() {
	return $GLOBALS['wp_object_cache']->flush_runtime();
}

function wp_cache_close() {
	return true;
}

function wp_cache_add_global_groups( $groups ) {
	$GLOBALS['wp_object_cache']->add_global_groups( $groups );
}

function wp_cache_add_non_persistent_groups( $groups ) {
	$GLOBALS['wp_object_cache']->add_non_persistent_groups( $groups );
}

function wp_cache_switch_to_blog( $id ) {
	$GLOBALS['wp_object_cache']->switch_to_blog( $id );
}

function wp_cache_supports( $feature ) {
	return 'flush_runtime' === $feature;
}
