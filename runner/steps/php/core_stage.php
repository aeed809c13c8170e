<?php
// Downloads the planned version of WordPress, checks it, and prepares it next to the site for the exchange by renames.
// Input: {"from", "to"}; the restore point's folder is SITECREW_KEPT in the environment. Nothing on the site changes,
// except that themes and plugins that are new with this version are added where WordPress would add them.
// Prints refused or fetched. Exit status 0 if it is ready or already installed.

/** Prepares the planned version from its package. */
class Sitecrew_Stage {
	private $planned, $kept, $fresh, $manifest, $likeness, $gone = array();

	public function __construct( $planned ) {
		$this->planned = $planned;
		$this->kept    = getenv( 'SITECREW_KEPT' );

		$this->likeness = new Sitecrew_Likeness( $this->kept );
	}

	/** Prepares it; returns why it cannot, or an empty text. */
	public function make() {
		$why = sitecrew_core_obstacle( $this->planned );
		if ( '' === $why ) {
			$why = $this->lock();
		}
		foreach ( array( 'unpack', 'flaw', 'difference', 'incompatible', 'lay_out', 'bundle' ) as $part ) {
			if ( '' === $why ) {
				$why = $this->$part();
			}
		}
		return $why;
	}

	/** Takes WordPress's own lock, so that no other update runs at the same time. */
	private function lock() {
		if ( ! WP_Upgrader::create_lock( 'core_updater', 15 * MINUTE_IN_SECONDS ) ) {
			return 'another update of WordPress is running (core_updater.lock)';
		}
		return sitecrew_mark( 'lock', (string) get_option( 'core_updater.lock' ) ) ? '' : 'cannot write to the restore point';
	}

	/** Downloads the package that WordPress would choose, and unpacks it outside the site. */
	private function unpack() {
		global $wp_filesystem;
		$offer    = sitecrew_core_offer( $this->planned );
		$packages = isset( $offer->packages ) ? (object) $offer->packages : (object) array();
		$new      = sitecrew_field( $offer, 'new_bundled' );
		$choice   = $this->bundles() && '' !== sitecrew_field( $packages, 'new_bundled' ) && version_compare( $GLOBALS['wp_version'], $new, '<' ) ? 'new_bundled' : 'no_content';
		$package  = sitecrew_field( $packages, $choice );
		$package  = '' === $package ? sitecrew_field( $packages, 'full' ) : $package;
		$package  = '' === $package ? sitecrew_field( $offer, 'download' ) : $package;
		$upgrader = new Core_Upgrader( new Automatic_Upgrader_Skin() );
		$upgrader->init();
		$upgrader->upgrade_strings();
		$zip = $upgrader->download_package( $package, true );
		if ( is_wp_error( $zip ) && $zip->get_error_data( 'softfail-filename' ) ) {
			$zip = $zip->get_error_data( 'softfail-filename' ); // There is no signature to check.
		}
		if ( is_wp_error( $zip ) ) {
			return sitecrew_reason( $zip );
		}
		if ( ! WP_Filesystem() || 'direct' !== $wp_filesystem->method ) {
			return 'WordPress could not open the file system for writing';
		}
		$why    = $this->broken( $zip );
		$result = '' === $why ? unzip_file( $zip, "{$this->kept}/package" ) : new WP_Error( 'sitecrew', $why );
		@unlink( $zip );
		$this->fresh = "{$this->kept}/package/wordpress/";
		return is_wp_error( $result ) ? sitecrew_reason( $result ) : '';
	}

	private function broken( $zip ) {
		if ( ! class_exists( 'ZipArchive' ) ) {
			return '';
		}
		$archive = new ZipArchive();
		if ( true !== $archive->open( $zip, ZipArchive::CHECKCONS ) ) {
			return 'the package is not a complete zip archive';
		}
		$need = 0;
		for ( $i = 0; $i < $archive->numFiles; $i++ ) {
			$entry = $archive->statIndex( $i );
			$need += $entry['size'];
		}
		$archive->close();
		$free = function_exists( 'disk_free_space' ) ? @disk_free_space( $this->kept ) : false;
		return false !== $free && $free < 1.5 * $need ? 'not enough disk space for it' : '';
	}

	/** Why the package is not the planned one, or cannot run here. None of its code is run. */
	private function flaw() {
		global $wpdb;
		foreach ( array( 'wp-admin', WPINC, 'wp-settings.php', 'wp-load.php', 'index.php', 'wp-admin/includes/update-core.php' ) as $name ) {
			if ( ! file_exists( $this->fresh . $name ) ) {
				return "the package does not contain $name";
			}
		}
		$found = sitecrew_core_version( $this->fresh );
		if ( $found !== $this->planned ) {
			return "the version of the package is $found, not {$this->planned}";
		}
		$code = (string) file_get_contents( $this->fresh . WPINC . '/version.php' );
		$need = function ( $what ) use ( $code ) {
			return preg_match( '/\$required_' . $what . '_version\s{0,20}=\s{0,20}\'([^\']{1,80})\'/', $code, $match ) ? $match[1] : '0';
		};
		if ( version_compare( PHP_VERSION, $need( 'php' ), '<' ) ) {
			return 'needs PHP ' . $need( 'php' ) . '; the site has ' . PHP_VERSION;
		}
		$other = file_exists( WP_CONTENT_DIR . '/db.php' ) && empty( $wpdb->is_mysql );
		if ( ! $other && version_compare( $wpdb->db_version(), $need( 'mysql' ), '<' ) ) {
			return 'needs MySQL ' . $need( 'mysql' ) . '; the site has ' . $wpdb->db_version();
		}
		return '';
	}

	/** The first file that differs from wordpress.org's checksums; prints a note if there are none. */
	private function difference() {
		$locale         = isset( $GLOBALS['wp_local_package'] ) ? $GLOBALS['wp_local_package'] : 'en_US';
		$offer          = sitecrew_core_offer( $this->planned );
		$this->manifest = (array) get_core_checksums( $GLOBALS['wp_version'], $locale );
		$sums           = get_core_checksums( $this->planned, sitecrew_field( $offer, 'locale' ) );
		if ( ! is_array( $sums ) || ! $sums ) {
			sitecrew_core_say( 'fetched', 'the package is not verifiable: wordpress.org has no checksums for it' );
			return '';
		}
		foreach ( $sums as $file => $sum ) {
			if ( 0 === strpos( $file, 'wp-content/' ) ) {
				continue;
			}
			if ( ! is_file( $this->fresh . $file ) ) {
				return "the package does not contain $file";
			}
			if ( md5_file( $this->fresh . $file ) !== $sum ) {
				return "$file in the package does not match its checksum on wordpress.org";
			}
		}
		sitecrew_core_say( 'fetched' );
		return '';
	}

	/** The plugins that WordPress would deactivate as incompatible: the crew must decide about them. */
	private function incompatible() {
		$off  = array();
		$note = function ( $new, $old ) use ( &$off ) {
			$named = function ( $list ) {
				$list = (array) $list;
				return isset( $list[0] ) ? $list : array_keys( $list );
			};
			$off   = array_merge( $off, array_diff( $named( $old ), $named( $new ) ) );
			return $old;
		};
		$keep = function ( $new, $old ) {
			return $old;
		};
		$held = array(
			'pre_update_option_active_plugins'                    => $note,
			'pre_update_site_option_active_sitewide_plugins'      => $note,
			'pre_update_option_wp_force_deactivated_plugins'      => $keep,
			'pre_update_site_option_wp_force_deactivated_plugins' => $keep,
		);
		foreach ( $held as $hook => $function ) {
			add_filter( $hook, $function, PHP_INT_MAX, 2 );
		}
		if ( ! function_exists( 'update_core' ) ) {
			require $this->fresh . 'wp-admin/includes/update-core.php'; // It also lists the files that it drops and adds.
		}
		foreach ( array( '_upgrade_440_force_deactivate_incompatible_plugins', '_upgrade_core_deactivate_incompatible_plugins' ) as $function ) {
			if ( function_exists( $function ) ) {
				$function();
			}
		}
		foreach ( $held as $hook => $function ) {
			remove_filter( $hook, $function, PHP_INT_MAX );
		}
		return $off ? "WordPress {$this->planned} would deactivate " . implode( ', ', $off ) . ', which is incompatible with it: update or remove it first' : '';
	}

	/** Prepares the new folders and root files, with the site's own files among them, and what a rollback needs. */
	private function lay_out() {
		$old        = isset( $GLOBALS['_old_requests_files'] ) ? array_values( $GLOBALS['_old_requests_files'] ) : array();
		$this->gone = array_fill_keys( array_merge( (array) $GLOBALS['_old_files'], $old ), true );
		foreach ( array( 'new/files', 'old/files' ) as $folder ) {
			if ( ! wp_mkdir_p( "{$this->kept}/$folder" ) ) {
				return 'cannot write to the restore point';
			}
		}
		foreach ( array( WPINC, 'wp-admin' ) as $folder ) {
			$this->carry_own( $folder );
			if ( ! rename( $this->fresh . $folder, "{$this->kept}/new/$folder" ) ) {
				return "$folder could not be prepared";
			}
		}
		$added   = array();
		$dropped = array();
		foreach ( $this->root_files( $this->fresh ) as $name ) {
			if ( ! rename( $this->fresh . $name, "{$this->kept}/new/files/$name" ) ) {
				return "$name could not be prepared";
			}
			if ( ! file_exists( ABSPATH . $name ) ) {
				$added[] = $name;
			} elseif ( ! $this->copied( ABSPATH . $name, "{$this->kept}/old/files/$name" ) ) {
				return "$name could not be copied to the restore point";
			}
		}
		foreach ( $this->root_files( ABSPATH ) as $name ) {
			$known = isset( $this->manifest[ $name ] ) && md5_file( ABSPATH . $name ) === $this->manifest[ $name ];
			if ( file_exists( "{$this->kept}/new/files/$name" ) || ! ( $known || isset( $this->gone[ $name ] ) ) ) {
				continue;
			}
			if ( ! $this->copied( ABSPATH . $name, "{$this->kept}/old/files/$name" ) ) {
				return "$name could not be copied to the restore point";
			}
			$dropped[] = $name;
		}
		$why = $this->own();
		if ( '' !== $why ) {
			return $why;
		}
		return sitecrew_mark( 'added', $this->lines( $added ) ) && sitecrew_mark( 'dropped', $this->lines( $dropped ) ) ? '' : 'cannot write to the restore point';
	}

	/** Gives the new files and the kept ones the owner, group, mode and ACL of the current ones. */
	private function own() {
		$why = '';
		foreach ( array( WPINC, 'wp-admin' ) as $folder ) {
			$why = $why ?: $this->likeness->tree( "{$this->kept}/new/$folder", ABSPATH . $folder );
		}
		$why = $why ?: $this->likeness->below( "{$this->kept}/new/files", untrailingslashit( ABSPATH ) );
		return $why ?: $this->likeness->below( "{$this->kept}/old/files", untrailingslashit( ABSPATH ) );
	}

	private function lines( $names ) {
		return $names ? implode( "\n", $names ) . "\n" : '';
	}

	/** The files next to the folders, without the site's configuration and files that are never part of WordPress. */
	private function root_files( $folder ) {
		$found = array();
		foreach ( scandir( $folder ) as $name ) {
			if ( is_file( $folder . $name ) && '.' !== $name[0] && ! in_array( $name, array( 'wp-config.php', 'robots.txt' ), true ) ) {
				$found[] = $name;
			}
		}
		return $found;
	}

	/** Copies the site's own files in WordPress's folders, like wp-admin/.htaccess, but no old files of WordPress. */
	private function carry_own( $folder ) {
		$flags = FilesystemIterator::SKIP_DOTS | FilesystemIterator::CURRENT_AS_PATHNAME;
		foreach ( new RecursiveIteratorIterator( new RecursiveDirectoryIterator( ABSPATH . $folder, $flags ) ) as $path ) {
			$name = substr( $path, strlen( ABSPATH ) );
			if ( isset( $this->manifest[ $name ] ) || file_exists( $this->fresh . $name ) || $this->is_gone( $name ) ) {
				continue;
			}
			wp_mkdir_p( dirname( $this->fresh . $name ) );
			if ( is_link( $path ) ) {
				symlink( readlink( $path ), $this->fresh . $name );
			} else {
				$this->copied( $path, $this->fresh . $name );
			}
		}
	}

	private function is_gone( $name ) {
		for ( ; '.' !== $name && '' !== $name; $name = dirname( $name ) ) {
			if ( isset( $this->gone[ $name ] ) ) {
				return true;
			}
		}
		return false;
	}

	private function copied( $from, $to ) {
		return copy( $from, $to ) && touch( $to, filemtime( $from ) );
	}

	private function bundles() {
		return ! defined( 'CORE_UPGRADE_SKIP_NEW_BUNDLED' ) || ! CORE_UPGRADE_SKIP_NEW_BUNDLED;
	}

	/** Adds themes and plugins that are new with this version, as WordPress itself would. */
	private function bundle() {
		$added = array();
		$new   = $this->bundles() && isset( $GLOBALS['_new_bundled_files'] ) ? $GLOBALS['_new_bundled_files'] : array();
		foreach ( $new as $name => $since ) {
			list( $family, $path ) = explode( '/', $name, 2 );
			$places                = array(
				'plugins' => WP_PLUGIN_DIR,
				'themes'  => get_theme_root(),
			);
			$from = $this->fresh . 'wp-content/' . rtrim( $name, '/' );
			if ( ! isset( $places[ $family ] ) || ! file_exists( $from ) || version_compare( $since, $GLOBALS['wp_version'], '<=' ) ) {
				continue;
			}
			$to = $places[ $family ] . '/' . rtrim( $path, '/' );
			if ( file_exists( $to ) ) {
				continue;
			}
			$why = $this->likeness->newcomer( $from, $places[ $family ] );
			if ( '' !== $why ) {
				return $why;
			}
			$added[ $from ] = $to;
		}
		return $added && ! sitecrew_mark( 'bundled', $this->lines( $added ) ) ? 'cannot write to the restore point' : $this->add( $added );
	}

	/** Moves or copies them: the folder of plugins or themes may be on another file system. */
	private function add( $added ) {
		foreach ( $added as $from => $to ) {
			if ( @rename( $from, $to ) ) {
				continue;
			}
			if ( is_dir( $from ) ) {
				wp_mkdir_p( $to );
				copy_dir( $from, $to );
			} else {
				copy( $from, $to );
			}
			$this->likeness->tree( $to, $from );
		}
		return '';
	}
}

if ( sitecrew_core_version() === $GLOBALS['sitecrew']['to'] ) {
	sitecrew_core_say( 'done' );
	exit( 0 );
}
$sitecrew_stage = new Sitecrew_Stage( $GLOBALS['sitecrew']['to'] );
$sitecrew_why   = $sitecrew_stage->make();
if ( '' !== $sitecrew_why ) {
	sitecrew_core_say( 'refused', $sitecrew_why );
	exit( 1 );
}
sitecrew_keep_quiet();
sitecrew_mark( 'ready' );
exit( 0 );
