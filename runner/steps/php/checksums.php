<?php
// The files of WordPress and its plugins against the lists that wordpress.org published. Changes nothing.
// Input: {"core": bool, "plugins": bool, "ignore": [pattern], "limit": findings told for each}.
// Says a line for each: {"subject", "version", "state": verified, unverifiable or unasked, "why", "count",
// "findings": [[what, file]]}, and {"end": true} when it came to its end.

/** Files below a folder, relative to it. Folders that are links are named, not entered. */
function sitecrew_files( $folder, $below = '' ) {
	$found = array();
	$list  = @scandir( $below ? "$folder/$below" : $folder );
	foreach ( $list ? $list : array() as $name ) {
		if ( '.' === $name || '..' === $name ) {
			continue;
		}
		$path = $below ? "$below/$name" : $name;
		if ( is_link( "$folder/$path" ) || ! is_dir( "$folder/$path" ) ) {
			$found[] = $path;
		} else {
			$found = array_merge( $found, sitecrew_files( $folder, $path ) );
		}
	}
	return $found;
}

/** Whether a path leads out of a folder by way of links. */
function sitecrew_leads_out( $path, $folder ) {
	$real = realpath( $path );
	return false !== $real && 0 !== strpos( "$real/", rtrim( (string) realpath( $folder ), '/' ) . '/' );
}

/** What a list says about files is a stranger's word: nothing outside the folder is looked at. */
function sitecrew_sane( $name ) {
	return is_string( $name ) && '' !== $name && '/' !== $name[0] && ! preg_match( '~(^|/)\.\.?(/|$)|[\x00-\x1f\\\\]~', $name );
}

/** The answer of wordpress.org: its body, 404, or null when it gave none. */
function sitecrew_ask( $url ) {
	$answer = wp_remote_get( $url, array( 'timeout' => 20 ) );
	$status = is_wp_error( $answer ) ? 0 : (int) wp_remote_retrieve_response_code( $answer );
	$body   = 200 === $status ? json_decode( wp_remote_retrieve_body( $answer ), true ) : null;
	return is_array( $body ) ? $body : ( 404 === $status ? 404 : null );
}

/** One list against one folder. */
class Sitecrew_Comparison {
	public $subject, $version, $folder, $shown;
	private $findings = array();

	public function __construct( $subject, $version, $folder, $shown ) {
		$this->subject = $subject;
		$this->version = (string) $version;
		$this->folder  = rtrim( $folder, '/' );
		$this->shown   = $shown;
	}

	/** @param array $sums  File => one or several sums, any of which is right.
	 *  @param array $there Files that are there, which must all be in the list. */
	public function compare( $sums, $there, $may_be_missing ) {
		foreach ( $sums as $name => $right ) {
			if ( ! sitecrew_sane( $name ) ) {
				continue;
			}
			$path = "{$this->folder}/$name";
			if ( ! file_exists( $path ) ) {
				if ( ! call_user_func( $may_be_missing, $name ) ) {
					$this->find( is_link( $path ) ? 'a broken link' : 'missing', $name );
				}
			} elseif ( sitecrew_leads_out( $path, ABSPATH ) && sitecrew_leads_out( $path, $this->folder ) ) {
				$this->find( 'a link that leads out of the site', $name );
			} elseif ( ! is_readable( $path ) || is_dir( $path ) ) {
				$this->find( 'cannot be read', $name );
			} elseif ( ! in_array( md5_file( $path ), array_map( 'strtolower', (array) $right ), true ) ) {
				$this->find( 'changed', $name );
			}
		}
		foreach ( array_diff( $there, array_map( 'strval', array_keys( $sums ) ) ) as $name ) {
			$this->find( 'added', $name );
		}
	}

	private function find( $what, $name ) {
		$shown = $this->shown . $name;
		foreach ( $GLOBALS['sitecrew']['ignore'] as $pattern ) {
			$regex = '~^' . strtr( preg_quote( $pattern, '~' ), array( '\*' => '.*', '\?' => '.' ) ) . '$~s';
			if ( preg_match( $regex, $shown ) ) {
				return;
			}
		}
		$this->findings[] = array( $what, $shown );
	}

	public function say( $state, $why = '' ) {
		sitecrew_say(
			array(
				'subject'  => $this->subject,
				'version'  => $this->version,
				'state'    => $state,
				'why'      => $why,
				'count'    => count( $this->findings ),
				'findings' => array_map( 'sitecrew_told', array_slice( $this->findings, 0, $GLOBALS['sitecrew']['limit'] ) ),
			)
		);
	}
}

/** JSON holds UTF-8 only, and a file may be named with any bytes. */
function sitecrew_told( $finding ) {
	return array( $finding[0], preg_match( '//u', $finding[1] ) ? $finding[1] : preg_replace( '~[^\x20-\x7e]~', '?', $finding[1] ) );
}

function sitecrew_verify_core() {
	$locale = isset( $GLOBALS['wp_local_package'] ) ? $GLOBALS['wp_local_package'] : 'en_US';
	$core   = new Sitecrew_Comparison( 'core', $GLOBALS['wp_version'], ABSPATH, '' );
	$query  = http_build_query( array( 'version' => $GLOBALS['wp_version'], 'locale' => $locale ), '', '&' );
	$answer = sitecrew_ask( "https://api.wordpress.org/core/checksums/1.0/?$query" );
	if ( null === $answer ) {
		$core->say( 'unasked', 'wordpress.org could not be asked' );
		return;
	}
	if ( 404 === $answer || empty( $answer['checksums'] ) || ! is_array( $answer['checksums'] ) ) {
		$core->say( 'unverifiable', "wordpress.org has no list for this build ($locale)" );
		return;
	}
	$sums = array();
	foreach ( $answer['checksums'] as $name => $sum ) {
		if ( 0 !== strpos( $name, 'wp-content/' ) ) {
			$sums[ $name ] = $sum;
		}
	}
	$there = array();
	foreach ( array( 'wp-admin', WPINC ) as $folder ) {
		foreach ( sitecrew_files( ABSPATH . $folder ) as $name ) {
			$there[] = "$folder/$name";
		}
	}
	foreach ( (array) @scandir( ABSPATH ) as $name ) {
		if ( preg_match( '~^wp-.*\.php$~', $name ) && 'wp-config.php' !== $name ) {
			$there[] = $name;
		}
	}
	$core->compare(
		$sums,
		$there,
		function ( $name ) {
			return in_array( $name, array( 'readme.html', 'license.txt', 'wp-config-sample.php' ), true );
		}
	);
	$core->say( 'verified' );
}

function sitecrew_verify_plugin( $file, $plugin ) {
	$slug   = dirname( $file );
	$single = '.' === $slug;
	$folder = $single ? WP_PLUGIN_DIR : WP_PLUGIN_DIR . "/$slug";
	$shown  = ltrim( str_replace( rtrim( ABSPATH, '/' ), '', $folder ), '/' ) . '/';
	$check  = new Sitecrew_Comparison( $single ? basename( $file, '.php' ) : $slug, $plugin['Version'], $folder, $shown );
	$vendor = isset( $plugin['UpdateURI'] ) ? $plugin['UpdateURI'] : '';
	if ( $single || ( '' !== $vendor && ! preg_match( '~(^|//|\.)(wordpress|w)\.org(/|$)~', $vendor ) ) ) {
		$check->say( 'unverifiable', $single ? 'it is a single file' : 'it does not come from wordpress.org' );
		return;
	}
	if ( sitecrew_leads_out( $folder, WP_CONTENT_DIR ) && sitecrew_leads_out( $folder, WP_PLUGIN_DIR ) ) {
		$check->say( 'unverifiable', 'its folder is a link that leads out of the site' );
		return;
	}
	$answer = sitecrew_ask( 'https://downloads.wordpress.org/plugin-checksums/' . rawurlencode( $slug ) . '/' . rawurlencode( $plugin['Version'] ) . '.json' );
	if ( null === $answer ) {
		$check->say( 'unasked', 'wordpress.org could not be asked' );
		return;
	}
	if ( 404 === $answer || empty( $answer['files'] ) || ! is_array( $answer['files'] ) ) {
		$check->say( 'unverifiable', 'wordpress.org has no list for this version (a premium or private one?)' );
		return;
	}
	$sums = array();
	foreach ( $answer['files'] as $name => $sum ) {
		if ( ! preg_match( '~^readme\.(txt|md)$~i', $name ) && isset( $sum['md5'] ) ) {
			$sums[ $name ] = $sum['md5'];
		}
	}
	$there = preg_grep( '~^readme\.(txt|md)$~i', sitecrew_files( $folder ), PREG_GREP_INVERT );
	$check->compare( $sums, $there, '__return_false' );
	$check->say( 'verified' );
}

if ( $GLOBALS['sitecrew']['core'] ) {
	sitecrew_verify_core();
}
if ( $GLOBALS['sitecrew']['plugins'] ) {
	foreach ( get_plugins() as $sitecrew_file => $sitecrew_plugin ) {
		sitecrew_verify_plugin( $sitecrew_file, $sitecrew_plugin );
	}
}
sitecrew_say( array( 'end' => true ) );
