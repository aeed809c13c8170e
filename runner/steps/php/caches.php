<?php
// The caches of this site that can be purged by their own interfaces: name => function. Part of facts.php and
// purge.php. A function returns false if it failed.
function sitecrew_caches( $apart ) {
	$found = array();
	$calls = array(
		'WP Super Cache'   => array( 'wp_cache_clear_cache' ),
		'W3 Total Cache'   => array( 'w3tc_flush_all' ),
		'WP Rocket'        => array( 'rocket_clean_domain', 'rocket_clean_minify' ),
		'WP Fastest Cache' => array( 'wpfc_clear_all_cache', true ),
		'SiteGround'       => array( 'sg_cachepress_purge_cache', 'sg_cachepress_purge_everything' ),
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
	if ( isset( $GLOBALS['kinsta_cache']->kinsta_cache_purge ) && is_callable( array( $GLOBALS['kinsta_cache']->kinsta_cache_purge, 'purge_complete_caches' ) ) ) {
		$found['Kinsta'] = array( $GLOBALS['kinsta_cache']->kinsta_cache_purge, 'purge_complete_caches' );
	}
	if ( wp_using_ext_object_cache() && ! $apart ) {
		$found['object cache'] = 'wp_cache_flush'; // Last: other caches may use it.
	}
	return $found;
}

/** Why the object cache cannot be purged from the command line; empty if it can. */
function sitecrew_caches_apart( $lacks ) {
	$code = strtolower( (string) @file_get_contents( WP_CONTENT_DIR . '/object-cache.php', false, null, 0, 1000000 ) );
	foreach ( array_intersect( array( 'redis', 'relay', 'memcached', 'memcache' ), $lacks ) as $name ) {
		if ( preg_match( "~\b$name\b~", $code ) ) {
			return array( "object cache: PHP on the command line lacks $name, which the web server's PHP has" );
		}
	}
	$alone = preg_match( '~\b(apcu?|wincache_ucache|xcache|yac)(_|::)~', $code ) && ! preg_match( '~redis|memcache|relay~', $code );
	return $alone ? array( "object cache: it is stored in the memory of the web server's PHP" ) : array();
}
