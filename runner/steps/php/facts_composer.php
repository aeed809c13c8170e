<?php
// Included after facts_deployment.php: the WordPress packages that Composer manages, read from its files: what is
// required, locked and installed, and where. Composer itself is not run here.

/** The project's vendor folder. */
function sitecrew_vendor( $project ) {
	$config = sitecrew_list( sitecrew_json_file( "$project/composer.json" ), 'config' );
	$vendor = isset( $config['vendor-dir'] ) && is_string( $config['vendor-dir'] ) ? rtrim( $config['vendor-dir'], '/' ) : 'vendor';
	return '' === $vendor || false !== strpos( "/$vendor/", '/../' ) ? '' : ( '/' === $vendor[0] ? $vendor : "$project/$vendor" );
}

/** A text in an array that was read from a file. */
function sitecrew_entry( $data, $name ) {
	return isset( $data[ $name ] ) && is_string( $data[ $name ] ) ? $data[ $name ] : '';
}

/** The packages of a list, by name. */
function sitecrew_by_name( $packages ) {
	$found = array();
	foreach ( array_slice( $packages, 0, 5000 ) as $package ) {
		$name = is_array( $package ) ? sitecrew_entry( $package, 'name' ) : '';
		if ( preg_match( '~^[a-z0-9_.-]{1,100}/[a-z0-9_.-]{1,200}$~D', $name ) ) {
			$found[ $name ] = $package;
		}
	}
	return $found;
}

/** The part of WordPress that a package is; empty for a library. */
function sitecrew_part( $package ) {
	$parts = array( 'wordpress-core' => 'core', 'wordpress-plugin' => 'plugin', 'wordpress-muplugin' => 'plugin', 'wordpress-theme' => 'theme' );
	$type  = sitecrew_entry( $package, 'type' );
	return isset( $parts[ $type ] ) ? $parts[ $type ] : '';
}

/** Why Composer cannot change a package's folder, or a rollback cannot restore it; empty if they can. */
function sitecrew_package_fixed( $folder ) {
	if ( is_link( $folder ) ) {
		return "its folder is a link to " . readlink( $folder ) . ': update it there';
	}
	if ( ! is_dir( $folder ) ) {
		return "it is not installed: $folder is missing";
	}
	foreach ( array( WP_CONTENT_DIR, WP_PLUGIN_DIR ) as $content ) {
		if ( sitecrew_is_below( (string) realpath( $content ), array( $folder ) ) ) {
			return "its folder $folder contains the site's content, which Composer would delete";
		}
	}
	if ( ! is_writable( dirname( $folder ) ) || ! is_writable( $folder ) || ! sitecrew_all_writable( $folder ) ) {
		return "this login cannot write to $folder";
	}
	$inside = sitecrew_inside( $folder );
	if ( '' !== $inside['mount'] ) {
		return "another file system is mounted in it, at {$inside['mount']}: unmount it for the update";
	}
	return sitecrew_ownership( $folder );
}

/** The file or folder of the project that Composer must write and this login cannot; empty for none. */
function sitecrew_project_fixed( $project, $vendor ) {
	foreach ( array( "$project/composer.json", "$project/composer.lock", $project, $vendor, "$vendor/composer" ) as $path ) {
		if ( ! is_writable( $path ) ) {
			return $path;
		}
	}
	return '';
}

/** All of these facts; with $check, also why packages cannot be changed. */
function sitecrew_composer_facts( $check ) {
	$project = sitecrew_deployment()['project'];
	if ( '' === $project ) {
		return array();
	}
	$file      = sitecrew_json_file( "$project/composer.json" );
	$lock      = sitecrew_json_file( "$project/composer.lock" );
	$vendor    = sitecrew_vendor( $project );
	$there     = sitecrew_json_file( "$vendor/composer/installed.json" );
	$required  = array( sitecrew_list( $file, 'require' ), sitecrew_list( $file, 'require-dev' ) );
	$locked    = sitecrew_by_name( array_merge( sitecrew_list( $lock, 'packages' ), sitecrew_list( $lock, 'packages-dev' ) ) );
	$installed = sitecrew_by_name( sitecrew_list( $there, 'packages' ) );
	$found     = array();
	foreach ( $locked as $name => $package ) {
		$part = sitecrew_part( $package );
		if ( '' === $part || count( $found ) >= 300 ) {
			continue;
		}
		$through = isset( $required[0][ $name ] ) || isset( $required[1][ $name ] ) ? '' : sitecrew_through( $name, $locked, $required[0] );
		$root    = '' === $through ? $name : $through;
		$mine    = isset( $installed[ $name ] ) ? $installed[ $name ] : array();
		$path    = sitecrew_entry( $mine, 'install-path' );
		$folder  = '' === $path ? '' : (string) realpath( dirname( "$vendor/composer/$path" ) );
		$folder  = '' === $folder ? '' : rtrim( $folder, '/' ) . '/' . basename( $path );
		$found[] = array(
			'name'       => $name,
			'part'       => $part,
			'through'    => $through,
			'slug'       => 'core' === $part ? 'core' : basename( '' === $folder ? $name : $folder ),
			'version'    => sitecrew_entry( $package, 'version' ),
			'installed'  => sitecrew_entry( $mine, 'version' ),
			'folder'     => $folder,
			'constraint' => isset( $required[0][ $root ] ) ? sitecrew_entry( $required[0], $root ) : sitecrew_entry( $required[1], $root ),
			'dev'        => ! isset( $required[0][ $root ] ) && isset( $required[1][ $root ] ),
			'fixed'      => $check && '' !== $folder ? sitecrew_package_fixed( $folder ) : '',
		);
	}
	return array(
		'packages'           => $found,
		'vendor'             => $vendor,
		'project_fixed'      => $check ? sitecrew_project_fixed( $project, $vendor ) : '',
		'project_in_release' => sitecrew_in_release( $project ),
	);
}

/** The metapackage in composer.json that requires this package, as `roots/wordpress` does for WordPress. */
function sitecrew_through( $name, $locked, $required ) {
	foreach ( array_keys( $required ) as $root ) {
		if ( isset( $locked[ $root ] ) && isset( sitecrew_list( $locked[ $root ], 'require' )[ $name ] ) && '' === sitecrew_part( $locked[ $root ] ) ) {
			return $root;
		}
	}
	return '';
}
