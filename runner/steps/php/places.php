<?php
// Lists what belongs to a site outside its folder: folders in its constants, and files that its configuration reads.
// Input: {"site": its folder}. Prints a line for each: MARK at content|other PATH.
// Runs when wp-cli would dump the database: the configuration is read, WordPress is not started, nothing is written.

/** The value of a constant, or WordPress's default. */
function sitecrew_constant( $name, $otherwise ) {
	return defined( $name ) ? (string) constant( $name ) : $otherwise;
}

/** Files that wp-config.php reads, and configuration files next to it and to composer.json. */
function sitecrew_settings_files( $known ) {
	$found   = array();
	$wp_cli  = array_map( 'realpath', array_merge( array( $_SERVER['argv'][0] ), (array) WP_CLI::get_config( 'require' ) ) );
	$project = sitecrew_deployment()['project'];
	foreach ( get_included_files() as $file ) {
		if ( '/' === $file[0] && ! in_array( $file, $wp_cli, true ) && ! preg_match( '~/vendor/~', $file ) && ! sitecrew_is_below( $file, $known ) ) {
			$found[] = $file;
		}
	}
	foreach ( array( rtrim( ABSPATH, '/' ), dirname( ABSPATH ), dirname( dirname( ABSPATH ) ), $project ) as $folder ) {
		$names = $project === $folder ? array( 'composer.json', 'composer.lock' ) : array();
		foreach ( array_merge( $names, array( 'wp-config.php', '.env', '.env.local' ) ) as $name ) {
			if ( '' !== $folder && is_file( "$folder/$name" ) ) {
				$found[] = "$folder/$name";
			}
		}
	}
	return $found;
}

function sitecrew_places() {
	$content = sitecrew_constant( 'WP_CONTENT_DIR', ABSPATH . 'wp-content' );
	defined( 'WP_CONTENT_DIR' ) || define( 'WP_CONTENT_DIR', $content );
	$folders = array( $content );
	foreach ( array( 'WP_PLUGIN_DIR' => 'plugins', 'WPMU_PLUGIN_DIR' => 'mu-plugins', 'WP_LANG_DIR' => 'languages' ) as $constant => $name ) {
		$folders[] = sitecrew_constant( $constant, "$content/$name" );
	}
	$folders[] = ABSPATH . sitecrew_constant( 'UPLOADS', '' );
	$folders   = array_filter( $folders, 'is_dir' );
	$known     = array( $GLOBALS['sitecrew']['site'], (string) realpath( $GLOBALS['sitecrew']['site'] ) );
	foreach ( array_merge( $folders, sitecrew_settings_files( array_merge( array( ABSPATH ), $folders ) ) ) as $place ) {
		if ( ! sitecrew_is_below( $place, $known ) && ! preg_match( '~[\r\n]|/\.\.?(/|$)~', $place ) && count( $known ) < 100 ) {
			$known[] = $place;
			echo "\n", $GLOBALS['sitecrew']['mark'], ' at ', $content === $place ? 'content' : 'other', ' ', $place, "\n";
		}
	}
}

WP_CLI::add_hook(
	'before_invoke:db export',
	function () {
		sitecrew_places();
		exit( 0 );
	}
);
