<?php
// Prints the facts of a site.
// Input: {"check": query for updates now, "url": the inventory's address, "locales": additional languages to query,
// "dates": query release dates of offered versions, "composer": check whether Composer's packages can be changed}.

/** The folders that an update needs and this user cannot write to. */
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

/** Error logs of the site's PHP that this user can read, or could if they appeared. */
function sitecrew_logs() {
	$debug  = defined( 'WP_DEBUG_LOG' ) ? WP_DEBUG_LOG : false;
	$found  = array( (string) ini_get( 'error_log' ), is_string( $debug ) && ! in_array( strtolower( $debug ), array( '', '1', 'true' ), true ) ? $debug : WP_CONTENT_DIR . '/debug.log' );
	$found  = array_merge( $found, sitecrew_pool_logs(), array( ABSPATH . 'error_log', ABSPATH . 'wp-admin/error_log', ABSPATH . 'php_errorlog' ) );
	foreach ( array( '.user.ini', 'php.ini' ) as $name ) {
		if ( preg_match( '~^[ \t]{0,40}error_log[ \t]{0,40}=[ \t]{0,40}["\']?([^\s"\';]+)~m', (string) @file_get_contents( ABSPATH . $name, false, null, 0, 100000 ), $log ) ) {
			$found[] = $log[1];
		}
	}
	$logs = array();
	foreach ( array_unique( $found ) as $log ) {
		if ( '' !== $log && '/' === $log[0] && 0 !== strpos( $log, '/dev/' ) && ( is_file( $log ) ? is_readable( $log ) : ! file_exists( $log ) && is_readable( dirname( $log ) ) ) ) {
			$there  = is_file( $log );
			$logs[] = array(
				'path'  => $log,
				'inode' => $there ? (int) fileinode( $log ) : 0,
				'size'  => $there ? (int) filesize( $log ) : 0,
			);
		}
	}
	return array_slice( $logs, 0, 8 );
}

/** Why WordPress's own folders and files cannot be exchanged by renames; empty if they can. */
function sitecrew_core_fixed() {
	$root = stat( ABSPATH );
	foreach ( array( 'wp-admin', WPINC, 'index.php', 'wp-load.php', 'wp-settings.php', 'wp-login.php' ) as $name ) {
		$there = @stat( ABSPATH . $name );
		if ( is_link( ABSPATH . $name ) ) {
			return "$name is a link";
		}
		if ( $root && $there && $root['dev'] !== $there['dev'] ) {
			return "$name is on another file system";
		}
	}
	return '';
}

/** The paths that an update of WordPress replaces. */
function sitecrew_core_paths() {
	$paths = array( ABSPATH . 'wp-admin', ABSPATH . WPINC );
	foreach ( array_merge( (array) glob( ABSPATH . 'wp-*.php' ), array( ABSPATH . 'index.php', ABSPATH . 'xmlrpc.php', ABSPATH . 'readme.html', ABSPATH . 'license.txt' ) ) as $file ) {
		if ( 'wp-config.php' !== basename( $file ) && file_exists( $file ) ) {
			$paths[] = $file;
		}
	}
	return $paths;
}

/** Why new files of WordPress could not get the owner and ACL of the old ones; empty if they can. */
function sitecrew_core_ownership() {
	$why = sitecrew_foreign_in( sitecrew_core_paths() );
	return '' === $why ? sitecrew_acl_obstacle( array( ABSPATH, ABSPATH . 'wp-admin', ABSPATH . 'wp-load.php' ) ) : $why;
}

/** Links in WordPress's own folders that point outside, and file systems mounted in them. */
function sitecrew_core_inside() {
	$found = array( 'core_links' => 0, 'core_mount' => '', 'core_stubborn' => '' );
	if ( $GLOBALS['sitecrew']['check'] ) {
		$found['core_stubborn'] = sitecrew_tree( sitecrew_core_paths(), ABSPATH )['stubborn'];
	}
	foreach ( $GLOBALS['sitecrew']['check'] ? array( 'wp-admin', WPINC ) : array() as $name ) {
		$inside               = sitecrew_inside( ABSPATH . $name );
		$found['core_links'] += $inside['links'];
		if ( '' !== $inside['mount'] ) {
			$found['core_mount'] = "$name/{$inside['mount']}";
		}
	}
	return $found;
}

/** The sites of a network: their addresses, database versions, and what is active on any of them. */
function sitecrew_network( $url ) {
	global $wpdb;
	$open  = array( 'archived' => 0, 'spam' => 0, 'deleted' => 0 );
	$found = array( 'sites' => array(), 'size' => 0, 'here' => '', 'active' => array(), 'themes' => array(), 'where' => array() );
	if ( ! is_multisite() ) {
		return $found;
	}
	$found['size'] = (int) get_sites( $open + array( 'count' => true ) );
	$found['here'] = 'unknown';
	$plain         = function ( $address ) {
		return strtolower( rtrim( preg_replace( '~^https?://(www\.)?~i', '', (string) $address ), '/' ) );
	};
	foreach ( get_sites( $open + array( 'number' => 1000, 'orderby' => 'id' ) ) as $site ) {
		$table = $wpdb->get_blog_prefix( $site->blog_id ) . 'options';
		$names = "'siteurl', 'home', 'db_version', 'active_plugins', 'stylesheet', 'template'";
		$rows  = $wpdb->get_results( "SELECT option_name, option_value FROM " . sitecrew_name( $table ) . " WHERE option_name IN ( $names )", OBJECT_K );
		$value = function ( $name ) use ( $rows ) {
			return isset( $rows[ $name ] ) ? $rows[ $name ]->option_value : '';
		};

		$found['sites'][] = array(
			'id'               => (int) $site->blog_id,
			'url'              => $value( 'siteurl' ),
			'database_version' => (int) $value( 'db_version' ),
			'home'             => $value( 'home' ),
		);
		$active           = array_filter( (array) maybe_unserialize( $value( 'active_plugins' ) ), 'is_string' );
		$found['active'] += array_fill_keys( $active, true );
		$found['themes'] += array( $value( 'stylesheet' ) => true, $value( 'template' ) => true );
		foreach ( is_main_site( $site->blog_id ) ? array() : array_unique( array_merge( $active, array( $value( 'stylesheet' ), $value( 'template' ) ) ) ) as $item ) {
			if ( ! isset( $found['where'][ $item ] ) || count( $found['where'][ $item ] ) < 12 ) {
				$found['where'][ $item ][] = (int) $site->blog_id;
			}
		}
		if ( in_array( $plain( $url ), array( $plain( $value( 'siteurl' ) ), $plain( $value( 'home' ) ) ), true ) ) {
			$found['here'] = is_main_site( $site->blog_id ) ? '' : $value( 'siteurl' );
		}
	}
	return $found;
}

$sitecrew_locales            = $GLOBALS['sitecrew']['locales'];
$GLOBALS['sitecrew_network'] = sitecrew_network( $GLOBALS['sitecrew']['url'] );
$GLOBALS['sitecrew_more']    = array();
sitecrew_ask_for( $sitecrew_locales );
$sitecrew_check = $GLOBALS['sitecrew']['check'];
$sitecrew_web   = $sitecrew_check ? sitecrew_web_php() : '';
$sitecrew_apart = sitecrew_caches_apart( sitecrew_cli_lacks( $sitecrew_web ) );
$sitecrew_free  = function_exists( 'disk_free_space' ) ? @disk_free_space( ABSPATH ) : false;
$sitecrew_flag  = ABSPATH . '.maintenance';
$sitecrew_core    = $sitecrew_check && sitecrew_check_core();
$sitecrew_plugins = $sitecrew_check && sitecrew_refresh( 'update_plugins', 'wp_update_plugins' );
$sitecrew_themes  = $sitecrew_check && sitecrew_refresh( 'update_themes', 'wp_update_themes' );
if ( $sitecrew_check && $sitecrew_locales ) {
	$sitecrew_more            = sitecrew_core_languages( array_diff( $sitecrew_locales, array( 'en_US' ) ) );
	$sitecrew_core            = $sitecrew_core && null !== $sitecrew_more;
	$GLOBALS['sitecrew_more'] = array_merge( (array) $sitecrew_more, sitecrew_take_more( array_diff( $sitecrew_locales, get_available_languages() ) ) );
}
sitecrew_say(
	array(
		'core_checked'      => $sitecrew_core,
		'plugins_checked'   => $sitecrew_plugins,
		'themes_checked'    => $sitecrew_themes,
		'wordpress'         => $GLOBALS['wp_version'],
		'php'               => PHP_VERSION,
		'web_php'           => $sitecrew_web,
		'code_age'          => sitecrew_code_age( $sitecrew_web ),
		'cli_lacks'         => sitecrew_cli_lacks( $sitecrew_web ),
		'caches_apart'      => $sitecrew_apart,
		'home'              => (string) get_option( 'home' ),
		'siteurl'           => (string) get_option( 'siteurl' ),
		'stored'            => $GLOBALS['wpdb']->get_col( "SELECT option_value FROM " . sitecrew_name( $GLOBALS['wpdb']->options ) . " WHERE option_name IN ('home', 'siteurl')" ),
		'constants'         => sitecrew_addresses(),
		'multisite'         => is_multisite(),
		'locale'            => get_locale(),
		'mysql'             => file_exists( WP_CONTENT_DIR . '/db.php' ) && empty( $GLOBALS['wpdb']->is_mysql ) ? '' : (string) $GLOBALS['wpdb']->db_version(),
		'core_fixed'        => sitecrew_core_fixed(),
		'core_ownership'    => sitecrew_core_ownership(),
	) + sitecrew_core_inside() + sitecrew_composer_facts( $GLOBALS['sitecrew']['composer'] ) + array(
		'root'              => ABSPATH,
		'project'           => sitecrew_deployment()['project'],
		'core_composer'     => isset( sitecrew_deployment()['packages']['core'] ) ? sitecrew_deployment()['packages']['core'] : '',
		'release'           => sitecrew_deployment()['release'],
		'checkout'          => sitecrew_whole_checkout(),
		'linked'            => $sitecrew_check ? sitecrew_linked() : array(),
		'core_in_release'   => sitecrew_in_release( ABSPATH ),
		'content'           => WP_CONTENT_DIR,
		'languages_folder'  => WP_LANG_DIR,
		'plugins_folder'    => WP_PLUGIN_DIR,
		'themes_folder'     => get_theme_root(),
		'plugins'           => sitecrew_dated( 'plugins', sitecrew_plugins() ),
		'themes'            => sitecrew_dated( 'themes', sitecrew_themes() ),
		'core_offers'       => sitecrew_core_offers(),
		'translations'      => sitecrew_translations(),
		'languages_writable' => wp_is_writable( is_dir( WP_LANG_DIR ) ? WP_LANG_DIR : WP_CONTENT_DIR ),
		'network'           => $GLOBALS['sitecrew_network']['sites'],
		'network_size'      => $GLOBALS['sitecrew_network']['size'],
		'sub_site'          => $GLOBALS['sitecrew_network']['here'],
		'database_host'     => defined( 'DB_HOST' ) ? (string) DB_HOST : '',
		'database_name'     => defined( 'DB_NAME' ) ? (string) DB_NAME : '',
		'database_prefix'   => isset( $GLOBALS['table_prefix'] ) ? (string) $GLOBALS['table_prefix'] : '',
		'database_version'  => (int) get_option( 'db_version' ),
		'database_wanted'   => (int) $GLOBALS['wp_db_version'],
		'file_mods_allowed' => wp_is_file_mod_allowed( 'capability_update_core' ),
		'file_method'       => get_filesystem_method(),
		'unwritable'        => sitecrew_unwritable(),
		'blocked'           => sitecrew_blocked(),
		'disk_free'         => false === $sitecrew_free ? null : (int) $sitecrew_free,
		'logs'              => sitecrew_logs(),
		'caches'            => array_keys( sitecrew_caches( (bool) $sitecrew_apart ) ),
		'auto_updates'      => sitecrew_auto_updates(),
		'maintenance'       => file_exists( $sitecrew_flag ) && time() - filemtime( $sitecrew_flag ) < 600,
	)
);
