<?php
// Included before facts_items.php: other tools that install the site's code: Composer, or a deployment
// with a folder for each release. Files are read with a limit, and only the names in them are used.

/** Whether a path is one of the folders, or inside one. */
function sitecrew_is_below( $path, $folders ) {
	foreach ( $folders as $folder ) {
		if ( 0 === strpos( "$path/", rtrim( $folder, '/' ) . '/' ) ) {
			return true;
		}
	}
	return false;
}

/** Links near the top of the site's folder (the working directory) that point outside it; at most twenty. */
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

/** The JSON object in a file; empty if it is not one, or too large to be one of Composer's. */
function sitecrew_json_file( $path ) {
	if ( ! is_file( $path ) || filesize( $path ) > 20000000 ) {
		return array();
	}
	$data = json_decode( (string) file_get_contents( $path ), true );
	return is_array( $data ) ? $data : array();
}

/** The entry of an array that was read from a file, if it is an array too. */
function sitecrew_list( $data, $name ) {
	return isset( $data[ $name ] ) && is_array( $data[ $name ] ) ? $data[ $name ] : array();
}

/** A folder and those above it, as far up as a project's folder may be from WordPress's. */
function sitecrew_upwards( $folder ) {
	$found  = array();
	$folder = (string) realpath( $folder );
	while ( '' !== $folder && '/' !== $folder && count( $found ) < 6 ) {
		$found[] = $folder;
		$folder  = dirname( $folder );
	}
	return $found;
}

/** The package in composer.json that installs WordPress; it may be a metapackage. */
function sitecrew_core_package( $required, $name ) {
	foreach ( array( 'roots/wordpress', 'johnpbloch/wordpress' ) as $usual ) {
		if ( isset( $required[ $usual ] ) ) {
			return $usual;
		}
	}
	return $name;
}

/** The names of a project's packages in its lock file, by part of WordPress and folder. */
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

/** The folder of the release that WordPress runs from: `current` next to `releases` is a link to it. */
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

/** All of these facts, read once. */
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

/** The package that installed a plugin's or theme's folder; empty if Composer did not. */
function sitecrew_composer( $family, $folder ) {
	$deployment = sitecrew_deployment();
	$name       = basename( $folder );
	$inside     = '' !== $deployment['project'] && sitecrew_is_below( (string) realpath( $folder ), array( $deployment['project'] ) );
	return $inside && isset( $deployment['packages'][ $family ][ $name ] ) ? $deployment['packages'][ $family ][ $name ] : '';
}

/** The version control system whose checkout the folder is; empty for none. */
function sitecrew_checkout( $folder ) {
	foreach ( array( 'git', 'svn', 'hg', 'bzr' ) as $system ) {
		if ( file_exists( "$folder/.$system" ) ) {
			return $system;
		}
	}
	return '';
}

/** Whether the next deployment replaces this folder. */
function sitecrew_in_release( $folder ) {
	$release = sitecrew_deployment()['release'];
	return '' !== $release && sitecrew_is_below( (string) realpath( $folder ), array( $release ) );
}

/** The folder of the site, its content or its project, if it is a checkout; empty if none is. */
function sitecrew_whole_checkout() {
	foreach ( array_unique( array( rtrim( ABSPATH, '/' ), WP_CONTENT_DIR, sitecrew_deployment()['project'] ) ) as $folder ) {
		if ( '' !== $folder && '' !== sitecrew_checkout( $folder ) ) {
			return $folder;
		}
	}
	return '';
}
