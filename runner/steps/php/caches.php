<?php
// The caches of this site that can be emptied by their own interfaces: name => function. Part of facts.php and purge.php.
// A function returns false where it failed.
function sitecrew_caches() {
	$found = array();
	$calls = array(
		'WP Super Cache'   => array( 'wp_cache_clear_cache' ),
		'W3 Total Cache'   => array( 'w3tc_flush_all' ),
		'WP Rocket'        => array( 'rocket_clean_domain', 'rocket_clean_minify' ),
		'WP Fastest Cache' => array( 'wpfc_clear_all_cache', true ),
		'SiteGround'       => array( function_exists( 'sg_cachepress_purge_everything' ) ? 'sg_cachepress_purge_everything' : 'sg_cachepress_purge_cache' ),
		'WP-Optimize'      => array( 'wpo_cache_flush' ),
	);
	foreach ( $calls as $name => $call ) {
		$first = $call[0];
		if ( function_exists( $first ) ) {
			$found[ $name ] = function () use ( $call, $first ) {
				$more = isset( $call[1] ) ? $call[1] : null;
				if ( true === $more ) {
					return $first( true );
				}
				if ( is_string( $more ) && function_exists( $more ) ) {
					$more();
				}
				return $first();
			};
		}
	}
	foreach ( array( 'Cache Enabler' => array( 'Cache_Enabler', 'clear_complete_cache' ), 'Autoptimize' => array( 'autoptimizeCache', 'clearall' ) ) as $name => $method ) {
		if ( class_exists( $method[0] ) && is_callable( $method ) ) {
			$found[ $name ] = $method;
		}
	}
	foreach ( array( 'LiteSpeed Cache' => 'litespeed_purge_all', 'nginx-helper' => 'rt_nginx_helper_purge_all', 'Breeze' => 'breeze_clear_all_cache' ) as $name => $action ) {
		if ( has_action( $action ) ) {
			$found[ $name ] = function () use ( $action ) {
				do_action( $action );
			};
		}
	}
	if ( wp_using_ext_object_cache() ) {
		$found['object cache'] = 'wp_cache_flush'; // Last: what the others keep in it goes with it.
	}
	return $found;
}
