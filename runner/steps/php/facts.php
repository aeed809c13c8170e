<?php
// The facts of a site, in the boot that runs this. Input: {"check": ask for updates now}.

function sitecrew_extension( $slug, $title, $version, $file, $folder, $active, $offer ) {
	return array(
		'slug'               => $slug,
		'title'              => wp_strip_all_tags( html_entity_decode( $title, ENT_QUOTES, 'UTF-8' ) ),
		'version'            => (string) $version,
		'file'               => $file,
		'folder'             => $folder,
		'active'             => $active,
		'writable'           => wp_is_writable( $folder ),
		'offered'            => $offer ? sitecrew_field( $offer, 'new_version' ) : null,
		'package'            => $offer ? sitecrew_without_keys( sitecrew_field( $offer, 'package' ) ) : null,
		'requires_php'       => $offer ? sitecrew_field( $offer, 'requires_php' ) : '',
		'requires_wordpress' => $offer ? sitecrew_field( $offer, 'requires' ) : '',
	);
}

function sitecrew_plugins() {
	$found  = array();
	$offers = sitecrew_offers( 'update_plugins' );
	foreach ( get_plugins() as $file => $plugin ) {
		$single = false === strpos( $file, '/' );
		$slug   = $single ? basename( $file, '.php' ) : dirname( $file );
		$slug   = isset( $found[ $slug ] ) ? substr( $file, 0, -4 ) : $slug;
		$offer  = isset( $offers[ $file ] ) ? $offers[ $file ] : null;
		$folder = $single ? WP_PLUGIN_DIR : WP_PLUGIN_DIR . '/' . dirname( $file );
		$active = is_plugin_active( $file );

		$found[ $slug ] = sitecrew_extension( $slug, $plugin['Name'], $plugin['Version'], $file, $folder, $active, $offer );
	}
	return array_values( $found );
}

function sitecrew_themes() {
	$found  = array();
	$offers = sitecrew_offers( 'update_themes' );
	$active = array( get_stylesheet(), get_template() );
	foreach ( wp_get_themes( array( 'errors' => null ) ) as $slug => $theme ) {
		$slug  = (string) $slug;
		$offer = isset( $offers[ $slug ] ) ? $offers[ $slug ] : null;
		$in    = in_array( $slug, $active, true );

		$found[] = sitecrew_extension( $slug, (string) $theme->get( 'Name' ), $theme->get( 'Version' ), $slug, $theme->get_stylesheet_directory(), $in, $offer );
	}
	return $found;
}

function sitecrew_core_offers() {
	$found = array();
	$known = get_site_transient( 'update_core' );
	foreach ( is_object( $known ) && ! empty( $known->updates ) ? (array) $known->updates : array() as $offer ) {
		$version = sitecrew_field( $offer, 'current' );
		$mine    = get_locale() === sitecrew_field( $offer, 'locale' );
		if ( '' === $version || 'development' === sitecrew_field( $offer, 'response' ) || ( isset( $found[ $version ] ) && ! $mine ) ) {
			continue;
		}
		$found[ $version ] = array(
			'version'      => $version,
			'package'      => sitecrew_without_keys( sitecrew_field( $offer, 'download' ) ),
			'requires_php' => sitecrew_field( $offer, 'php_version' ),
		);
	}
	return array_values( $found );
}

/** The folders that an update writes to and that this user may not write to. */
function sitecrew_unwritable() {
	$folders = array(
		'root'    => ABSPATH,
		'admin'   => ABSPATH . 'wp-admin',
		'plugins' => WP_PLUGIN_DIR,
		'themes'  => get_theme_root(),
		'upgrade' => is_dir( WP_CONTENT_DIR . '/upgrade' ) ? WP_CONTENT_DIR . '/upgrade' : WP_CONTENT_DIR,
	);
	$found   = array();
	foreach ( $folders as $name => $folder ) {
		if ( ! wp_is_writable( $folder ) ) {
			$found[] = $name;
		}
	}
	return $found;
}

$sitecrew_check = $GLOBALS['sitecrew']['check'];
$sitecrew_free  = function_exists( 'disk_free_space' ) ? @disk_free_space( ABSPATH ) : false;
$sitecrew_flag  = ABSPATH . '.maintenance';
sitecrew_say(
	array(
		'core_checked'      => $sitecrew_check && sitecrew_check_core(),
		'plugins_checked'   => $sitecrew_check && sitecrew_refresh( 'update_plugins', 'wp_update_plugins' ),
		'themes_checked'    => $sitecrew_check && sitecrew_refresh( 'update_themes', 'wp_update_themes' ),
		'wordpress'         => $GLOBALS['wp_version'],
		'php'               => PHP_VERSION,
		'home'              => (string) get_option( 'home' ),
		'siteurl'           => (string) get_option( 'siteurl' ),
		'multisite'         => is_multisite(),
		'locale'            => get_locale(),
		'root'              => ABSPATH,
		'content'           => WP_CONTENT_DIR,
		'plugins_folder'    => WP_PLUGIN_DIR,
		'themes_folder'     => get_theme_root(),
		'plugins'           => sitecrew_plugins(),
		'themes'            => sitecrew_themes(),
		'core_offers'       => sitecrew_core_offers(),
		'database_version'  => (int) get_option( 'db_version' ),
		'database_wanted'   => (int) $GLOBALS['wp_db_version'],
		'file_mods_allowed' => wp_is_file_mod_allowed( 'capability_update_core' ),
		'file_method'       => get_filesystem_method(),
		'unwritable'        => sitecrew_unwritable(),
		'disk_free'         => false === $sitecrew_free ? null : (int) $sitecrew_free,
		'maintenance'       => file_exists( $sitecrew_flag ) && time() - filemtime( $sitecrew_flag ) < 600,
	)
);
