<?php
// Requests a page of a site from its own host, for sites that cannot be reached from outside: first from the web server
// on this machine, with the site's name and a checked certificate; if it refuses, from WordPress itself, run here as the
// web server would run it. Plain PHP, for PHP 7.4. Input: {"mark", "url", "scheme", "host",
// "port", "authority", "target", "folders": that may contain index.php, "signs": texts that identify the site's own
// pages, "file": the file below a static site's folder that must be served, "trusted": an address that was identified
// as the site's before, "ways": "web" and "wordpress", "limit": bytes of a body, "seconds" for the web server}.
// Output: one line of JSON. The site's own output is in base64.

function sitecrew_answer( $mark, $answer ) {
	foreach ( array( 'body', 'head', 'why', 'url' ) as $field ) {
		$answer[ $field ] = base64_encode( isset( $answer[ $field ] ) ? $answer[ $field ] : '' );
	}
	$out = fopen( 'php://stdout', 'w' );
	fwrite( $out, "\n$mark " . json_encode( $answer ) . "\n" );
	fflush( $out );
}

/** The addresses of this machine on which a web server may listen. */
function sitecrew_own_addresses( $host ) {
	$found = array( '127.0.0.1', '::1' );
	$known = array();
	foreach ( function_exists( 'net_get_interfaces' ) ? (array) @net_get_interfaces() : array() as $interface ) {
		foreach ( isset( $interface['unicast'] ) ? (array) $interface['unicast'] : array() as $one ) {
			if ( isset( $one['address'] ) && 0 !== stripos( $one['address'], 'fe80' ) ) {
				$known[] = (string) $one['address'];
			}
		}
	}
	if ( preg_match( '~^127\.[0-9.]+$~D', $host ) || in_array( $host, $known, true ) ) {
		array_unshift( $found, $host );
	}
	return array_slice( array_unique( array_merge( $found, array_slice( $known, 0, 6 ) ) ), 0, 8 );
}

/** One request to one address, with the certificate checked for the name that visitors use. */
function sitecrew_request( $address, $place, $given, $until ) {
	$left    = max( 1, min( 10, $until - microtime( true ) ) );
	$context = stream_context_create(
		array(
			'http' => array(
				'method'           => 'GET',
				'protocol_version' => 1.1,
				'follow_location'  => 0,
				'ignore_errors'    => true,
				'timeout'          => $left,
				'user_agent'       => 'Sitecrew/1 (website care; +look)',
				'header'           => "Host: {$place['authority']}\r\nConnection: close\r\nAccept: text/html,*/*;q=0.8\r\nCache-Control: no-cache",
			),
			'ssl'  => array(
				'peer_name'         => $place['host'],
				'SNI_enabled'       => true,
				'verify_peer'       => true,
				'verify_peer_name'  => true,
				'allow_self_signed' => false,
			),
		)
	);
	$where   = false === strpos( $address, ':' ) ? $address : "[$address]";
	$link    = @fopen( "{$place['scheme']}://$where:{$place['port']}{$place['target']}", 'rb', false, $context );
	if ( ! $link ) {
		return null;
	}
	$body = '';
	while ( ! feof( $link ) && strlen( $body ) <= $given['limit'] ) {
		$piece = fread( $link, 65536 );
		$meta  = stream_get_meta_data( $link );
		if ( false === $piece || $meta['timed_out'] || microtime( true ) > $until ) {
			return null;
		}
		$body .= $piece;
	}
	$meta   = stream_get_meta_data( $link );
	$head   = array_slice( isset( $meta['wrapper_data'] ) ? (array) $meta['wrapper_data'] : array(), 0, 100 );
	$status = 0;
	foreach ( $head as $line ) {
		$status = preg_match( '~^HTTP/\S+ (\d{3})~', $line, $match ) ? (int) $match[1] : $status;
	}
	fclose( $link );
	return array(
		'way'     => 'web',
		'address' => $address,
		'status'  => $status,
		'url'     => "{$place['scheme']}://{$place['authority']}{$place['target']}",
		'head'    => substr( implode( "\n", $head ), 0, 16384 ),
		'body'    => substr( $body, 0, $given['limit'] ),
		'cut'     => strlen( $body ) > $given['limit'],
	);
}

/** The target of a redirect within the site; null if it leads to another site or back to plain http. */
function sitecrew_follow( $place, $answer ) {
	if ( ! in_array( $answer['status'], array( 301, 302, 303, 307, 308 ), true ) || ! preg_match( '~^location:\s*(\S+)~mi', $answer['head'], $match ) ) {
		return null;
	}
	$parts = parse_url( 0 === strpos( $match[1], '//' ) ? "{$place['scheme']}:{$match[1]}" : $match[1] );
	if ( ! $parts || ( ! isset( $parts['host'] ) && 0 !== strpos( $match[1], '/' ) ) ) {
		return null;
	}
	if ( isset( $parts['host'] ) ) {
		$host   = strtolower( $parts['host'] );
		$scheme = isset( $parts['scheme'] ) ? strtolower( $parts['scheme'] ) : $place['scheme'];
		$usual  = 'https' === $scheme ? 443 : 80;
		$port   = isset( $parts['port'] ) ? $parts['port'] : $usual;
		$known  = $port === $place['port'] || ( in_array( $port, array( 80, 443 ), true ) && in_array( $place['port'], array( 80, 443 ), true ) );
		if ( preg_replace( '~^www\.~', '', $host ) !== preg_replace( '~^www\.~', '', $place['host'] ) || ! $known ) {
			return null;
		}
		if ( ! in_array( $scheme, array( 'http', 'https' ), true ) || ( 'https' === $place['scheme'] && 'http' === $scheme ) ) {
			return null;
		}
		$place['scheme']    = $scheme;
		$place['host']      = $host;
		$place['port']      = $port;
		$place['authority'] = $port === $usual ? $host : "$host:$port";
	}
	$place['target'] = ( isset( $parts['path'] ) ? $parts['path'] : '/' ) . ( isset( $parts['query'] ) ? "?{$parts['query']}" : '' );
	return preg_match( '~^[!-\~]+$~D', $place['target'] ) ? $place : null;
}

/** Whether an answer is from this site: a web server also answers for names that it does not know. */
function sitecrew_is_ours( $answer, $given ) {
	if ( '' !== $given['trusted'] ) {
		return $given['trusted'] === $answer['address'];
	}
	if ( '' !== $given['file'] ) {
		$path = $given['folders'][0] . '/' . $given['file'];
		return is_file( $path ) && filesize( $path ) <= $given['limit'] && file_get_contents( $path ) === $answer['body'];
	}
	$said = str_replace( '\\/', '/', $answer['head'] . "\n" . $answer['body'] );
	foreach ( $given['signs'] as $sign ) {
		if ( false !== strpos( $said, $sign ) && false !== stripos( $said, $given['host'] ) ) {
			return true;
		}
	}
	return false;
}

/** The answer of this machine's web server for the site; null if there is none, or it refuses the request. */
function sitecrew_from_web( $given ) {
	$until     = microtime( true ) + $given['seconds'];
	$addresses = '' === $given['trusted'] ? sitecrew_own_addresses( $given['host'] ) : array( $given['trusted'] );
	foreach ( $addresses as $address ) {
		$place = $given;
		for ( $step = 0; $place && $step < 5 && microtime( true ) < $until; $step++ ) {
			$answer = sitecrew_request( $address, $place, $given, $until );
			$place  = $answer ? sitecrew_follow( $place, $answer ) : null;
		}
		if ( $answer && $answer['status'] && ! in_array( $answer['status'], array( 401, 403, 407, 429 ), true ) && sitecrew_is_ours( $answer, $given ) ) {
			return $answer;
		}
	}
	return null;
}

/** The file that a web server would run for the site. */
function sitecrew_index( $folders, $entry ) {
	foreach ( '' === $entry ? array() : $folders as $folder ) {
		if ( is_readable( "$folder/$entry" ) ) {
			return "$folder/$entry";
		}
	}
	if ( '' !== $entry ) {
		return '';
	}
	foreach ( $folders as $folder ) {
		$index = "$folder/index.php";
		if ( is_readable( $index ) && false !== strpos( (string) file_get_contents( $index, false, null, 0, 65536 ), 'wp-blog-header.php' ) ) {
			return $index;
		}
	}
	foreach ( $folders as $folder ) {
		if ( is_readable( "$folder/wp-blog-header.php" ) ) {
			return "$folder/wp-blog-header.php";
		}
	}
	return '';
}

/** Sets the variables that a web server passes to PHP for a request. */
function sitecrew_visit( $given, $index ) {
	$query  = (string) parse_url( 'http://x' . $given['target'], PHP_URL_QUERY );
	$secure = 'https' === $given['scheme'];
	unset( $_SERVER['argv'], $_SERVER['argc'] );
	$_SERVER = array_merge(
		$_SERVER,
		array(
			'REQUEST_METHOD'  => 'GET',
			'REQUEST_URI'     => $given['target'],
			'QUERY_STRING'    => $query,
			'SERVER_PROTOCOL' => 'HTTP/1.1',
			'SERVER_NAME'     => $given['host'],
			'SERVER_ADDR'     => '127.0.0.1',
			'SERVER_PORT'     => (string) $given['port'],
			'SERVER_SOFTWARE' => 'Sitecrew',
			'REMOTE_ADDR'     => '127.0.0.1',
			'HTTP_HOST'       => $given['authority'],
			'HTTP_ACCEPT'     => 'text/html,*/*;q=0.8',
			'HTTP_USER_AGENT' => 'Sitecrew/1 (website care; +look)',
			'SCRIPT_NAME'     => $given['script'],
			'PHP_SELF'        => $given['script'],
			'SCRIPT_FILENAME' => $index,
			'DOCUMENT_ROOT'   => dirname( $index ),
		),
		$secure ? array(
			'HTTPS'                  => 'on',
			'HTTP_X_FORWARDED_PROTO' => 'https',
		) : array()
	);
	parse_str( $query, $_GET );
	$_REQUEST = $_GET;
}

/** Collects the output from now on, and prints the answer when PHP exits, for whatever reason. */
function sitecrew_listen( $given ) {
	$page  = (object) array(
		'body'  => '',
		'cut'   => false,
		'leads'  => '',
		'member' => false,
		'spare' => str_repeat( ' ', 1 << 20 ),
	);
	$level = ob_get_level();
	ob_start(
		function ( $text ) use ( $page, $given ) {
			$room       = $given['limit'] - strlen( $page->body );
			$page->cut  = $page->cut || strlen( $text ) > $room;
			$page->body .= substr( $text, 0, max( 0, $room ) );
			return '';
		},
		65536
	);
	register_shutdown_function(
		function () use ( $page, $given, $level ) {
			$page->spare = '';
			register_shutdown_function(
				function () use ( $page, $given, $level ) {
					for ( $left = 100; $left && ob_get_level() > $level; $left-- ) {
						@ob_end_flush();
					}
					$last  = error_get_last();
					$fatal = $last && ( $last['type'] & ( E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR ) );
					$said  = (int) http_response_code();
					sitecrew_answer(
						$given['mark'],
						array(
							'way'    => 'wordpress',
							'member' => $page->member,
							'status' => $fatal ? 500 : ( $said ? $said : 200 ),
							'url'    => $given['url'],
							'head'   => '' === $page->leads ? '' : "Location: {$page->leads}",
							'body'   => $page->body,
							'cut'    => $page->cut,
							'why'    => $fatal ? substr( $last['message'], 0, 500 ) . " in {$last['file']}" : '',
						)
					);
				}
			);
		}
	);
	return $page;
}

/**
 * Logs in an administrator, who can see every page, in this process only. The session is not stored in the database,
 * and the cookies are not sent anywhere.
 */
function sitecrew_log_in( $page ) {
	class Sitecrew_Session extends WP_Session_Tokens {
		protected function get_sessions() {
			return array();
		}
		protected function get_session( $verifier ) {
			return array(
				'login'      => time(),
				'expiration' => time() + 600,
			);
		}
		protected function update_session( $verifier, $session = null ) {
		}
		protected function destroy_other_sessions( $verifier ) {
		}
		protected function destroy_all_sessions() {
		}
		public static function drop_sessions() {
		}
	}
	$users = get_users( array( 'role' => 'administrator', 'number' => 1, 'orderby' => 'ID', 'fields' => 'ID' ) );
	$user  = $users ? (int) $users[0] : 0;
	if ( ! $user ) {
		return;
	}
	add_filter(
		'session_token_manager',
		function () {
			return 'Sitecrew_Session';
		},
		PHP_INT_MAX
	);
	foreach ( array(
		'auth'        => AUTH_COOKIE,
		'secure_auth' => SECURE_AUTH_COOKIE,
		'logged_in'   => LOGGED_IN_COOKIE,
	) as $scheme => $name ) {
		$_COOKIE[ $name ] = wp_generate_auth_cookie( $user, time() + 600, $scheme, 'sitecrew' );
	}
	$page->member = true;
}

$sitecrew_given = $GLOBALS['sitecrew'];
@set_time_limit( 0 );
$sitecrew_found = in_array( 'web', $sitecrew_given['ways'], true ) ? sitecrew_from_web( $sitecrew_given ) : null;
if ( $sitecrew_found ) {
	sitecrew_answer( $sitecrew_given['mark'], $sitecrew_found );
	exit( 0 );
}
$sitecrew_index = in_array( 'wordpress', $sitecrew_given['ways'], true ) ? sitecrew_index( $sitecrew_given['folders'], $sitecrew_given['entry'] ) : '';
if ( '' === $sitecrew_index ) {
	sitecrew_answer( $sitecrew_given['mark'], array( 'way' => 'none' ) );
	exit( 0 );
}
sitecrew_visit( $sitecrew_given, $sitecrew_index );
chdir( dirname( $sitecrew_index ) );
$sitecrew_page = sitecrew_listen( $sitecrew_given );
// no cache may store this page or answer instead, and no mail is sent about an error that we check for
define( 'DONOTCACHEPAGE', true );
$wp_filter = array(
	'enable_loading_advanced_cache_dropin' => array(
		array(
			array(
				'function'      => function () {
					return false;
				},
				'accepted_args' => 1,
			),
		),
	),
	'wp_fatal_error_handler_enabled'       => array(
		PHP_INT_MAX => array(
			array(
				'function'      => function () {
					return false;
				},
				'accepted_args' => 1,
			),
		),
	),
	'wp_redirect'                          => array(
		PHP_INT_MAX => array(
			array(
				'function'      => function ( $leads ) use ( $sitecrew_page ) {
					$sitecrew_page->leads = preg_replace( '~\s~', '', substr( (string) $leads, 0, 2000 ) );
					return $leads;
				},
				'accepted_args' => 1,
			),
		),
	),
);
if ( $sitecrew_given['member'] ) {
	$wp_filter['plugins_loaded'] = array(
		PHP_INT_MIN => array(
			array(
				'function'      => function () use ( $sitecrew_page ) {
					sitecrew_log_in( $sitecrew_page );
				},
				'accepted_args' => 0,
			),
		),
	);
}
if ( ! defined( 'WP_USE_THEMES' ) && 'wp-blog-header.php' === basename( $sitecrew_index ) ) {
	define( 'WP_USE_THEMES', true );
}
unset( $sitecrew_given, $sitecrew_found );
require $sitecrew_index;
