<?php
// One plugin or theme of an update, and the check of its package.

/** One plugin or theme, its offer and its downloaded package. */
class Sitecrew_Item {
	public $slug, $file, $to, $kind, $active, $offer, $package, $given, $insecure;
	public $open    = true;
	public $settled = false;

	public function __construct( $kind, $planned ) {
		$this->kind = $kind;
		$this->slug = $planned['item'];
		$this->file = $planned['file'];
		$this->to   = $planned['to'];

		$this->active = $planned['active'];
		$this->given  = $planned['package'];

		$this->insecure = $planned['insecure'];
	}

	/** The offer that the controller got from wordpress.org; null if only the site has one. */
	public function decided() {
		if ( '' === $this->given ) {
			return null;
		}
		return (object) array(
			'slug'        => $this->slug,
			$this->kind   => $this->file,
			'new_version' => $this->to,
			'package'     => $this->given,
			'url'         => '',
		);
	}

	public function folder_name() {
		return 'plugin' === $this->kind ? dirname( $this->file ) : $this->file;
	}

	public function folder() {
		return ( 'plugin' === $this->kind ? WP_PLUGIN_DIR : get_theme_root( $this->file ) ) . '/' . $this->folder_name();
	}

	/** The file with the version in its header. */
	public function main() {
		return 'plugin' === $this->kind ? basename( $this->file ) : 'style.css';
	}

	/** The version on disk; empty if it is missing. */
	public function version() {
		clearstatcache();
		$path = $this->folder() . '/' . $this->main();
		$data = is_readable( $path ) ? get_file_data( $path, array( 'version' => 'Version' ) ) : array( 'version' => '' );
		return $data['version'];
	}

	public function say( $state, $why = '' ) {
		sitecrew_say(
			array(
				'item'    => $this->slug,
				'state'   => $state,
				'version' => $this->version(),
				'why'     => $why,
			)
		);
	}

	public function refuse( $why ) {
		$this->open = false;
		$this->say( 'refused', $why );
	}

	public function begin() {
		sitecrew_note( '', $this->slug );
		$this->say( 'begun' );
	}

	/** Restores the old modes, which the upgrader changes if it copies file by file. */
	public function own() {
		$kept  = getenv( 'SITECREW_KEPT' );
		$model = "$kept/{$this->kind}-{$this->folder_name()}";
		if ( $kept && is_dir( $model ) && is_dir( $this->folder() ) ) {
			$likeness = new Sitecrew_Likeness( $kept );
			$likeness->tree( $this->folder(), $model );
		}
	}

	public function settle( $result ) {
		$this->settled = true;
		sitecrew_note( '' );
		$version       = $this->version();
		if ( is_wp_error( $result ) ) { // Even if the version is right: other files may be missing.
			$this->say( 'failed', sitecrew_reason( $result ) );
		} elseif ( $version === $this->to ) {
			$this->say( 'done' );
		} elseif ( ! $result ) {
			$this->say( 'failed', 'WordPress could not open the file system for writing' );
		} else {
			$this->say( 'failed', "WordPress reported success, but the version on disk is $version" );
		}
	}

	/** Why the update cannot start; empty if it can. */
	public function obstacle() {
		foreach ( array( dirname( $this->folder() ), $this->folder() ) as $folder ) {
			if ( ! wp_is_writable( $folder ) ) {
				return 'this login cannot write to ' . $folder;
			}
		}
		$upgrade = WP_CONTENT_DIR . '/upgrade';
		return wp_is_writable( is_dir( $upgrade ) ? $upgrade : WP_CONTENT_DIR ) ? '' : "this login cannot write to $upgrade";
	}

	/** Why the offer is not the planned one; empty if it is. */
	public function moved() {
		$offered = $this->offer ? sitecrew_field( $this->offer, 'new_version' ) : '';
		if ( $offered === $this->to ) {
			$http = ! $this->insecure && preg_match( '~^http://~i', $this->address() );
			return $http ? 'its package is now served over http, which was not planned' : '';
		}
		return '' === $offered ? "{$this->to} is no longer offered" : "the offer changed from {$this->to} to $offered";
	}

	/** The path at which the package is kept for other trials of this run; empty if it is not kept. */
	public function kept() {
		$room = getenv( 'SITECREW_RESTORE' );
		$name = md5( "{$this->kind}/{$this->slug}/{$this->to}" );
		return $room && ( is_dir( "$room/packages" ) || @mkdir( "$room/packages", 0700 ) ) ? "$room/packages/$name.zip" : '';
	}

	public function address() {
		return sitecrew_field( $this->offer, 'package' );
	}

	/** Deletes a download, but not a package that a vendor stores on this host. */
	public function forget( $file ) {
		if ( $file !== $this->address() ) {
			@unlink( $file );
		}
	}

	public function public_address() {
		return 0 === strpos( $this->address(), 'https://downloads.wordpress.org/' );
	}

	/** The URL of wordpress.org's checksums for a package; empty if there are none. */
	public function sums_address() {
		$mine = 'plugin' === $this->kind && $this->public_address();
		return $mine ? "https://downloads.wordpress.org/plugin-checksums/{$this->slug}/{$this->to}.json" : '';
	}

	/** Why the package is not the planned one; empty if it is. None of its code is run. */
	public function flaw() {
		if ( ! class_exists( 'ZipArchive' ) ) {
			return '';
		}
		$zip = new ZipArchive();
		if ( true !== $zip->open( $this->package, ZipArchive::CHECKCONS ) ) {
			return 'the package is not a complete zip archive';
		}
		$header = $zip->getFromName( $this->folder_name() . '/' . $this->main(), 8192 );
		$need   = 0;
		for ( $i = 0; $i < $zip->numFiles; $i++ ) {
			$entry = $zip->statIndex( $i );
			$need += $entry['size'];
			if ( false === $header && preg_match( '~^[^/]+/' . preg_quote( $this->main(), '~' ) . '$~D', $entry['name'] ) ) {
				$header = $zip->getFromIndex( $i, 8192 );
			}
		}
		$zip->close();
		// Space for the unpacked files next to the old ones; those of earlier items are still there.
		static $sum = 0;
		$free       = function_exists( 'disk_free_space' ) ? @disk_free_space( WP_CONTENT_DIR ) : false;
		if ( false !== $free && $free < $sum + 3 * $need ) {
			return 'not enough disk space for it';
		}
		$sum += $need;
		if ( false === $header ) {
			return "the package does not contain {$this->folder_name()}/{$this->main()}";
		}
		$found = preg_match( '/^(?:[ \t]{0,40}<\?php)?[ \t\/*#@]{0,80}Version:(.*)$/mi', str_replace( "\r", "\n", $header ), $match );
		$found = $found ? trim( preg_split( '/\*\/|\?>/', $match[1], 2 )[0] ) : 'missing';
		return $found === $this->to ? '' : "the version of the package is $found, not {$this->to}";
	}

	/** Why the folder's name in the package is wrong; empty if it is the item's. */
	public function other_folder() {
		$zip = new ZipArchive();
		$zip->open( $this->package );
		$found = strstr( (string) $zip->getNameIndex( 0 ), '/', true );
		$zip->close();
		return $this->misplaced( (string) $found );
	}

	/** WordPress installs to a folder named like the package's: another name would create a second copy. */
	public function misplaced( $found ) {
		$wanted = $this->folder_name();
		return $found === $wanted ? '' : "the package contains the folder $found, not $wanted";
	}
}

/** Checks packages against wordpress.org's checksums, within a time limit. */
class Sitecrew_Sums {
	const SECONDS = 30;

	private $verified = 0, $unverifiable = array(), $spent = 0;

	/** Why a package is not the one that wordpress.org published; empty if it is, or if there are no checksums. */
	public function flaw( $item ) {
		$began = microtime( true );
		$list  = $this->ask( $item );
		$other = $list ? $item->other_folder() : '';
		$wrong = $list && ! $other ? $this->wrong( $item, $list ) : '';
		$this->verified += $list && ! $other && ! $wrong ? 1 : 0;
		if ( ! $list ) {
			$this->unverifiable[] = $item->slug;
		}
		$this->spent += microtime( true ) - $began;
		if ( $other ) { // Checksums would not match then, and filters on the site cannot change these packages.
			return $other;
		}
		return $wrong ? "$wrong in the package does not match its checksum on wordpress.org" : '';
	}

	public function tell() {
		if ( $this->verified ) {
			echo "packages that match wordpress.org's checksums: {$this->verified}\n";
		}
		if ( $this->unverifiable ) {
			echo 'packages without checksums on wordpress.org, not verified: ' . implode( ', ', $this->unverifiable ) . "\n";
		}
	}

	private function ask( $item ) {
		$address = $item->sums_address();
		if ( '' === $address || $this->spent > self::SECONDS || ! class_exists( 'ZipArchive' ) ) {
			return array();
		}
		$answer = wp_safe_remote_get( $address, array( 'timeout' => 10 ) );
		$known  = 200 === (int) wp_remote_retrieve_response_code( $answer ) ? json_decode( wp_remote_retrieve_body( $answer ), true ) : null;
		return isset( $known['files'] ) && is_array( $known['files'] ) ? $known['files'] : array();
	}

	/** The first file that differs or is not listed, except the readme, which may change at any time. */
	private function wrong( $item, $list ) {
		$zip = new ZipArchive();
		$zip->open( $item->package );
		for ( $i = 0; $i < $zip->numFiles; $i++ ) {
			$name = $zip->getNameIndex( $i );
			$file = (string) substr( $name, strpos( $name, '/' ) + 1 );
			if ( '/' === substr( $name, -1 ) || preg_match( '~^readme\.(txt|md)$~i', $file ) ) {
				continue;
			}
			$sums = isset( $list[ $file ] ) ? (array) $list[ $file ] : array();
			$way  = isset( $sums['sha256'] ) ? 'sha256' : 'md5';
			$mine = hash_init( $way );
			$data = $zip->getStream( $name );
			if ( ! $data || ! isset( $sums[ $way ] ) || ! hash_update_stream( $mine, $data ) || ! in_array( hash_final( $mine ), (array) $sums[ $way ], true ) ) {
				return $file;
			}
		}
		return '';
	}
}
