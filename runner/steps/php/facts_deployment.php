<?php
// Before facts_items.php: who puts the site's code where it is, where that is not WordPress: Composer, or a deployment
// that makes a folder for each release. Files are read with a limit, and only the names in them are used.

/** Whether a path is one of the folders, or lies in one. */
function sitecrew_is_below( $path, $folders ) {
	foreach ( $folders as $folder ) {
		if ( 0 === strpos( "$path/", rtrim( $folder, '/' ) . '/' ) ) {
			return true;
		}
	}
	return false;
}

/** Links near the top of the site's folder, where this is run, that lead out of it: no more than twenty. */
function sitecrew_linked() {
	$top   = (string) realpath( '.' );
	$found = array();
	$next  = array( '' );
	for ( $left = 20000; $next && $left > 0; ) {
		$below = array_shift( $next );
		foreach ( array_diff( (array) @scandir( "./$below" ), array( '.', '..', '', 'wp-admin', 'wp-includes' ) ) as $name ) {
			$path = '' === $below ? $name : "$below/$name";
			$to   = is_link( $path ) ? realpath( $path ) : false;
			if ( false !== $to && ! sitecrew_is_below( $to, array( $top ) ) ) {
				$found[] = $path;
			} elseif ( ! is_link( $path ) && is_dir( $path ) && substr_count( $path, '/' ) < 3 ) {
				$next[] = $path;
			}
			--$left;
		}
	}
	return array_slice( $found, 0, 20 );
}

/** A JSON object of a file; empty where it is none, or too large to be one of Composer's. */
function sitecrew_json_file( $path ) {
	if ( ! is_file( $path ) || filesize( $path ) > 20000000 ) {
		return array();
	}
	$data = json_decode( (string) file_get_contents( $path ), true );
	return is_array( $data ) ? $data : array();
}

/** The entry of an array that comes from a file, where it is an array too. */
function sitecrew_list( $data, $name ) {
	return isset( $data[ $name ] ) && is_array( $data[ $name ] ) ? $data[ $name ] : array();
}

/** A folder and those above it, as far as a project's own folder may be from WordPress's. */
function sitecrew_upwards( $folder ) {
	$found  = array();
	$folder = (string) realpath( $folder );
	while ( '' !== $folder && '/' !== $folder && count( $found ) < 6 ) {
		$found[] = $folder;
		$folder  = dirname( $folder );
	}
	return $found;
}

/** The package of composer.json that brings WordPress: one that people require may be a package of packages. */
function sitecrew_core_package( $required, $name ) {
	foreach ( array( 'roots/wordpress', 'johnpbloch/wordpress' ) as $usual ) {
		if ( isset( $required[ $usual ] ) ) {
			return $usual;
		}
	}
	return $name;
}

/** The packages of a project with a lock file: names by the type of WordPress's part and its folder. */
function sitecrew_packages( $project ) {
	$lock     = sitecrew_json_file( "$project/composer.lock" );
	$required = sitecrew_list( sitecrew_json_file( "$project/composer.json" ), 'require' );
	$found    = array();
	foreach ( array_merge( sitecrew_list( $lock, 'packages' ), sitecrew_list( $lock, 'packages-dev' ) ) as $package ) {
		$name = is_array( $package ) && isset( $package['name'] ) && is_string( $package['name'] ) ? $package['name'] : '';
		$type = $name && isset( $package['type'] ) && is_string( $package['type'] ) ? $package['type'] : '';
		if ( ! preg_match( '~^wordpress-(core|plugin|theme)$~', $type, $kind ) || ! preg_match( '~^[a-z0-9_.-]{1,100}/[a-z0-9_.-]{1,200}$~D', $name ) ) {
			continue;
		}
		$extra  = sitecrew_list( $package, 'extra' );
		$folder = isset( $extra['installer-name'] ) && is_string( $extra['installer-name'] ) ? $extra['installer-name'] : basename( $name );
		if ( 'core' === $kind[1] ) {
			$found['core'] = sitecrew_core_package( $required, $name );
		} else {
			$found[ "{$kind[1]}s" ][ $folder ] = $name;
		}
	}
	return $found;
}

/** The folder of the release that a deployment made, where WordPress runs from one: `current` beside `releases` leads there. */
function sitecrew_release( $folder ) {
	foreach ( sitecrew_upwards( $folder ) as $release ) {
		$releases = dirname( $release );
		$current  = dirname( $releases ) . '/current';
		if ( 'releases' === basename( $releases ) && is_link( $current ) && sitecrew_is_below( (string) realpath( $current ), array( $releases ) ) ) {
			return $release;
		}
	}
	return '';
}

/** All of it, once for the site. */
function sitecrew_deployment() {
	static $found = null;
	if ( null !== $found ) {
		return $found;
	}
	$found = array( 'project' => '', 'packages' => array(), 'release' => sitecrew_release( ABSPATH ) );
	$found['release'] = '' === $found['release'] ? sitecrew_release( WP_CONTENT_DIR ) : $found['release'];
	foreach ( array_merge( sitecrew_upwards( ABSPATH ), sitecrew_upwards( WP_CONTENT_DIR ) ) as $project ) {
		$packages = is_file( "$project/composer.lock" ) ? sitecrew_packages( $project ) : array();
		if ( $packages ) {
			$found['project']  = $project;
			$found['packages'] = $packages;
			break;
		}
	}
	return $found;
}

/** The package that brought a plugin's or theme's folder; empty where it came otherwise, though Composer is used. */
function sitecrew_composer( $family, $folder ) {
	$deployment = sitecrew_deployment();
	$name       = basename( $folder );
	$inside     = '' !== $deployment['project'] && sitecrew_is_below( (string) realpath( $folder ), array( $deployment['project'] ) );
	return $inside && isset( $deployment['packages'][ $family ][ $name ] ) ? $deployment['packages'][ $family ][ $name ] : '';
}

/** The system of version control that the folder itself is a checkout of. */
function sitecrew_checkout( $folder ) {
	foreach ( array( 'git', 'svn', 'hg', 'bzr' ) as $system ) {
		if ( file_exists( "$folder/.$system" ) ) {
			return $system;
		}
	}
	return '';
}

/** Whether the next deployment replaces what is in this folder. */
function sitecrew_in_release( $folder ) {
	$release = sitecrew_deployment()['release'];
	return '' !== $release && sitecrew_is_below( (string) realpath( $folder ), array( $release ) );
}

/** The folder of the whole site, of its content or its project, that is a checkout itself; empty where none is. */
function sitecrew_whole_checkout() {
	foreach ( array_unique( array( rtrim( ABSPATH, '/' ), WP_CONTENT_DIR, sitecrew_deployment()['project'] ) ) as $folder ) {
		if ( '' !== $folder && '' !== sitecrew_checkout( $folder ) ) {
			return $folder;
		}
	}
	return '';
}
