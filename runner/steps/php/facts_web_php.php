<?php
// Included before facts.php: the web server's PHP, as far as its configuration can be read from the command line.

/** The version of the web server's PHP, if it sends it; it can differ from the command line's. */
function sitecrew_web_php() {
	$answer = wp_remote_get( includes_url( 'version.php' ), array( 'timeout' => 3, 'redirection' => 0 ) );
	$powers = implode( ' ', (array) wp_remote_retrieve_header( $answer, 'x-powered-by' ) );
	return preg_match( '~PHP/(\d+\.\d+(?:\.\d+)?)~', $powers, $found ) ? $found[1] : '';
}

/** The first part of a configuration file; empty if it cannot be read. */
function sitecrew_settings_in( $file ) {
	return is_file( $file ) && is_readable( $file ) ? (string) @file_get_contents( $file, false, null, 0, 1000000 ) : '';
}

/** The PHP-FPM pool configurations that may serve this site: those that run as this user, or else the only one. */
function sitecrew_pools() {
	static $mine = null;
	if ( null !== $mine ) {
		return $mine;
	}
	$me    = function_exists( 'posix_geteuid' ) ? posix_getpwuid( posix_geteuid() ) : array( 'name' => getenv( 'LOGNAME' ) );
	$files = array();
	foreach ( array( '/etc/php/*/fpm/pool.d', '/etc/php-fpm.d', '/etc/php*/php-fpm.d', '/opt/*/php*/etc/php-fpm.d' ) as $folder ) {
		$files = array_merge( $files, (array) glob( "$folder/*.conf" ) );
	}
	foreach ( array_slice( (array) glob( '/proc/[0-9]*/cmdline' ), 0, 4000 ) as $process ) {
		if ( preg_match( '~^php-fpm: master process \\((/[^)]+)\\)~', (string) @file_get_contents( $process, false, null, 0, 300 ), $found ) ) {
			$files[] = $found[1];
			preg_match_all( '~^[ \t]{0,40}include[ \t]{0,40}=[ \t]{0,40}(\S+)~m', (string) @file_get_contents( $found[1], false, null, 0, 100000 ), $more );
			foreach ( $more[1] as $pattern ) {
				$files = array_merge( $files, (array) glob( trim( $pattern, '"\'' ) ) );
			}
		}
	}
	$all  = array();
	$mine = array();
	foreach ( array_unique( array_filter( $files ) ) as $file ) {
		foreach ( preg_split( '~^[ \t]{0,40}\[~m', sitecrew_settings_in( $file ) ) as $pool ) {
			if ( preg_match( '~^[ \t]{0,40}user[ \t]{0,40}=[ \t]{0,40}["\']?([^\s"\']+)~m', $pool, $user ) ) {
				$all[] = $pool;
				if ( $me && $user[1] === $me['name'] ) {
					$mine[] = $pool;
				}
			}
		}
	}
	$mine = $mine ? $mine : ( 1 === count( $all ) ? $all : array() );
	return $mine;
}

/** Values of `error_log` in these pools. */
function sitecrew_pool_logs() {
	$logs = array();
	foreach ( sitecrew_pools() as $pool ) {
		if ( preg_match( '~^[ \t]{0,40}php_(?:admin_)?value\[error_log\][ \t]{0,40}=[ \t]{0,40}["\']?([^\s"\';]+)~m', $pool, $log ) ) {
			$logs[] = str_replace( '$pool', (string) strtok( $pool, ']' ), $log[1] );
		}
	}
	return $logs;
}

/**
 * The configuration folder of the web server's PHP, if it is not the command line's, as on Debian; empty if both
 * are the same, null if unknown.
 */
function sitecrew_web_settings_folder( $web_version ) {
	$loaded = (string) php_ini_loaded_file();
	if ( ! preg_match( '~^(/etc/php/)[^/]+/cli/php\.ini$~', $loaded, $found ) ) {
		return '' === $loaded ? null : '';
	}
	$version = preg_match( '~^\d+\.\d+~', '' === $web_version ? PHP_VERSION : $web_version, $short ) ? $short[0] : '';
	foreach ( array( 'fpm', 'apache2', 'cgi' ) as $kind ) {
		if ( is_dir( "$found[1]$version/$kind" ) ) {
			return "$found[1]$version/$kind";
		}
	}
	return null;
}

/** The configuration files of the web server's PHP, in the order of their precedence; empty if unknown. */
function sitecrew_web_texts( $web_version ) {
	$folder = sitecrew_web_settings_folder( $web_version );
	if ( null === $folder ) {
		return array();
	}
	$files = '' === $folder
		? array_merge( array( (string) php_ini_loaded_file() ), array_map( 'trim', explode( ',', (string) php_ini_scanned_files() ) ) )
		: array_merge( array( "$folder/php.ini" ), (array) glob( "$folder/conf.d/*.ini" ) );
	return array_filter( array_map( 'sitecrew_settings_in', $files ) );
}

/** The last value of a setting in these texts, including `php_value[...]` of a pool. */
function sitecrew_set_to( $texts, $name, $default ) {
	$name = preg_quote( $name, '~' );
	foreach ( $texts as $text ) {
		if ( preg_match_all( "~^[ \t]{0,40}(?:php_(?:admin_)?(?:value|flag)\[)?{$name}\]?[ \t]{0,40}=[ \t]{0,40}[\"']?([A-Za-z0-9]{0,20})~m", $text, $found ) ) {
			$default = strtolower( end( $found[1] ) );
		}
	}
	return $default;
}

/**
 * Seconds for which the web server's PHP may run code that was replaced on disk; -1: until it is restarted; null:
 * unknown.
 */
function sitecrew_code_age( $web_version ) {
	$texts = sitecrew_web_texts( $web_version );
	if ( ! $texts ) {
		return null;
	}
	$texts = array_merge( $texts, sitecrew_pools(), array_filter( array( sitecrew_settings_in( ABSPATH . '.user.ini' ) ) ) );
	$no    = array( '0', 'off', 'no', 'false', '' );
	if ( in_array( sitecrew_set_to( $texts, 'opcache.enable', '1' ), $no, true ) ) {
		return 0;
	}
	if ( in_array( sitecrew_set_to( $texts, 'opcache.validate_timestamps', '1' ), $no, true ) ) {
		return -1;
	}
	return min( 86400, max( 0, (int) sitecrew_set_to( $texts, 'opcache.revalidate_freq', '2' ) ) );
}

/** Extensions that the web server's PHP loads and the command line's PHP lacks. */
function sitecrew_cli_lacks( $web_version ) {
	$lacks = array();
	foreach ( sitecrew_web_texts( $web_version ) as $text ) {
		preg_match_all( '~^[ \t]{0,40}extension[ \t]{0,40}=[ \t]{0,40}["\']?(?:[^\s"\']{0,200}/)?([A-Za-z0-9_]{1,40})~m', $text, $found );
		foreach ( $found[1] as $name ) {
			if ( ! extension_loaded( $name ) ) {
				$lacks[ $name ] = true;
			}
		}
	}
	return array_slice( array_keys( $lacks ), 0, 50 );
}
