<?php
// Included before facts.php: plugins, themes and WordPress itself, each with its offered update.
function sitecrew_extension( $slug, $title, $version, $file, $folder, $active, $offer ) {
	$readme = glob( "$folder/[Rr][Ee][Aa][Dd][Mm][Ee].*" );
	$uri    = '';
	if ( '' !== $file && 'style.css' !== basename( $file ) ) {
		$data = get_file_data( '.php' === substr( $file, -4 ) ? WP_PLUGIN_DIR . "/$file" : "$folder/style.css", array( 'uri' => 'Update URI' ) );
		$uri  = sitecrew_without_keys( $data['uri'] );
	}
	$read   = $GLOBALS['sitecrew']['check'] && $offer && WP_PLUGIN_DIR !== $folder;
	$inside = $read ? sitecrew_inside( $folder ) + sitecrew_tree( array( $folder ), dirname( $folder ) ) : array( 'links' => 0, 'mount' => '' );
	return $inside + array(
		'slug'               => $slug,
		'title'              => wp_strip_all_tags( html_entity_decode( $title, ENT_QUOTES, 'UTF-8' ) ),
		'version'            => (string) $version,
		'file'               => $file,
		'folder'             => $folder,
		'link'               => is_link( $folder ) ? (string) readlink( $folder ) : '',
		'active'             => $active,
		'sub_sites'          => isset( $GLOBALS['sitecrew_network']['where'][ $file ] ) ? $GLOBALS['sitecrew_network']['where'][ $file ] : array(),
		'writable'           => wp_is_writable( $folder ) && ( ! $offer || sitecrew_all_writable( $folder ) ),
		'ownership'          => $offer && ! is_link( $folder ) && WP_PLUGIN_DIR !== $folder ? sitecrew_ownership( $folder ) : '',
		'door'               => sitecrew_needs_door( $folder ),
		'offered'            => $offer ? sitecrew_field( $offer, 'new_version' ) : null,
		'package'            => $offer ? sitecrew_without_keys( sitecrew_field( $offer, 'package' ) ) : null,
		'requires_php'       => $offer ? sitecrew_field( $offer, 'requires_php' ) : '',
		'requires_wordpress' => $offer ? sitecrew_field( $offer, 'requires' ) : '',
		'requires_plugins'   => $offer ? sitecrew_needed( $offer ) : array(),
		'hidden'             => $offer && ! empty( $offer->sitecrew_hidden ),
		'update_uri'         => $uri,
		'composer'           => WP_PLUGIN_DIR === $folder ? '' : sitecrew_composer( '.php' === substr( $file, -4 ) ? 'plugins' : 'themes', $folder ),
		'in_release'         => sitecrew_in_release( $folder ),
		'checkout'           => WP_PLUGIN_DIR === $folder ? '' : sitecrew_checkout( $folder ),
		'readme'             => (bool) $readme,
		'foreign'            => '' === $uri && ! $readme && $offer && (bool) preg_match( '~^https://downloads\.wordpress\.org/~', sitecrew_field( $offer, 'package' ) ),
	);
}

/** Why a new folder could not get the owner and ACL of this one; empty if it can. */
function sitecrew_ownership( $folder ) {
	$why = sitecrew_foreign_in( array( $folder ) );
	return '' === $why ? sitecrew_acl_obstacle( array( $folder ) ) : $why;
}

/** Mount points, including bind mounts of the same file system. */
function sitecrew_mounts() {
	static $found = null;
	if ( null === $found ) {
		$found = array();
		foreach ( (array) @file( '/proc/self/mountinfo' ) as $line ) {
			$words   = explode( ' ', (string) $line );
			$found[] = isset( $words[4] ) ? stripcslashes( $words[4] ) : '';
		}
	}
	return $found;
}

/** The count of links in a folder that point outside it, and the first mount point in it. */
function sitecrew_inside( $folder ) {
	$real  = (string) realpath( $folder );
	$stat  = @stat( $folder );
	$found = array( 'links' => 0, 'mount' => '' );
	foreach ( sitecrew_mounts() as $mount ) {
		if ( '' !== $real && 0 === strpos( $mount, "$real/" ) ) {
			$found['mount'] = substr( $mount, strlen( $real ) + 1 );
		}
	}
	$next = is_link( $folder ) ? array() : array( '' );
	while ( $next ) {
		$below = array_pop( $next );
		foreach ( array_diff( (array) @scandir( $folder . $below ), array( '.', '..', false ) ) as $name ) {
			$path = "$folder$below/$name";
			if ( is_link( $path ) ) {
				$to = realpath( $path );

				$found['links'] += false === $to || 0 !== strpos( "$to/", "$real/" ) ? 1 : 0;
			} elseif ( is_dir( $path ) ) {
				$there = @lstat( $path );
				$next[] = "$below/$name";
				if ( $there && $stat && $there['dev'] !== $stat['dev'] ) {
					$found['mount'] = substr( "$below/$name", 1 );
				}
			}
		}
	}
	return $found;
}

/** Whether every folder in it is writable. If root once ran an update, a new one would fail half way. */
function sitecrew_all_writable( $folder ) {
	$below = WP_PLUGIN_DIR === $folder ? array() : (array) glob( "$folder/*", GLOB_ONLYDIR );
	while ( $below ) {
		$next = array_pop( $below );
		if ( is_link( $next ) ) {
			continue;
		}
		if ( ! wp_is_writable( $next ) ) {
			return false;
		}
		$below = array_merge( $below, (array) glob( "$next/*", GLOB_ONLYDIR ) );
	}
	return true;
}

/** The drop-in of a plugin in wp-content, if it is of another version than the plugin's own copy; empty for none. */
function sitecrew_stale_drop_in( $folder ) {
	$headers = array( 'name' => 'Plugin Name', 'version' => 'Version' );
	foreach ( array( 'object-cache.php', 'advanced-cache.php', 'db.php' ) as $name ) {
		$there = WP_CONTENT_DIR . "/$name";
		if ( is_link( $there ) || ! is_readable( $there ) ) {
			continue;
		}
		$ours = get_file_data( $there, $headers );
		foreach ( array( $name, "*/$name", "*/*/$name" ) as $pattern ) {
			foreach ( array_slice( (array) glob( "$folder/$pattern" ), 0, 10 ) as $file ) {
				$brought = is_readable( $file ) ? get_file_data( $file, $headers ) : array( 'name' => '', 'version' => '' );
				if ( '' !== $ours['name'] && $brought['name'] === $ours['name'] && '' !== $brought['version'] && $brought['version'] !== $ours['version'] ) {
					return $name;
				}
			}
		}
	}
	return '';
}

function sitecrew_plugins() {
	$found  = array();
	$offers = sitecrew_offers( 'update_plugins' );
	$listed = sitecrew_unfiltered( 'update_plugins' );
	$waiting = sitecrew_waiting();
	foreach ( get_plugins() as $file => $plugin ) {
		$single = false === strpos( $file, '/' );
		$slug   = $single ? basename( $file, '.php' ) : dirname( $file );
		$slug   = isset( $found[ $slug ] ) ? substr( $file, 0, -4 ) : $slug;
		$offer  = isset( $offers[ $file ] ) ? $offers[ $file ] : null;
		$folder = $single ? WP_PLUGIN_DIR : WP_PLUGIN_DIR . '/' . dirname( $file );
		$active = is_plugin_active( $file ) || isset( $GLOBALS['sitecrew_network']['active'][ $file ] );

		$found[ $slug ]            = sitecrew_extension( $slug, $plugin['Name'], $plugin['Version'], $file, $folder, $active, $offer );
		$found[ $slug ]['network'] = is_plugin_active_for_network( $file );

		$found[ $slug ]['drop_in']   = $active && ! $single ? sitecrew_stale_drop_in( $folder ) : '';
		$found[ $slug ]['waits']     = isset( $waiting[ dirname( $file ) ] ) ? $waiting[ dirname( $file ) ] : '';
		$found[ $slug ]['elsewhere'] = $active && ! is_plugin_active( $file );
		$found[ $slug ]['unlisted']  = ! isset( $listed->response[ $file ] ) && ! isset( $listed->no_update[ $file ] );
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
		$in    = in_array( $slug, $active, true ) || isset( $GLOBALS['sitecrew_network']['themes'][ $slug ] );

		// Themes on wordpress.org often have no readme: only plugins without one are taken for private.
		$found[] = array( 'foreign' => false ) + sitecrew_extension( $slug, (string) $theme->get( 'Name' ), $theme->get( 'Version' ), $slug, $theme->get_stylesheet_directory(), $in, $offer );
	}
	return $found;
}

/** The release date of each offered version on wordpress.org, queried one by one within a time limit. */
function sitecrew_dated( $family, $found ) {
	static $end = null;
	$end = null === $end ? microtime( true ) + 10 : $end;
	require_once ABSPATH . 'wp-admin/includes/plugin-install.php';
	require_once ABSPATH . 'wp-admin/includes/theme.php';
	foreach ( $found as $number => $one ) {
		$there = preg_match( '~^https://downloads\.wordpress\.org/~', (string) $one['package'] );
		if ( ! $GLOBALS['sitecrew']['dates'] || ! $there || microtime( true ) > $end ) {
			continue;
		}
		$fields = array( 'last_updated' => true, 'sections' => false, 'versions' => false );
		$ask    = array( 'slug' => $one['slug'], 'fields' => $fields );
		$info   = 'plugins' === $family ? plugins_api( 'plugin_information', $ask ) : themes_api( 'theme_information', $ask );
		if ( is_object( $info ) && isset( $info->version, $info->last_updated ) && $one['offered'] === $info->version ) {
			$found[ $number ]['released'] = sitecrew_moment( (string) $info->last_updated );
		}
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
			'requires_mysql' => sitecrew_field( $offer, 'mysql_version' ),
		);
	}
	return array_values( $found );
}
