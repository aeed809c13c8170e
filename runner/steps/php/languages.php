<?php
// Updates translation packs to exactly the planned dates, in one boot.
// Input: {"items": [{"item", "type", "slug", "language", "to", "package"}]}.
// Prints begun, done, refused or failed for each. A pack that cannot be read is rolled back at once.
// Exit status 1 if any item is not at its planned date.
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';

/** WordPress's upgrader, extended to report why a download failed. */
class Sitecrew_Language_Upgrader extends Language_Pack_Upgrader {
	public $why = '';

	public function run( $options ) {
		$result    = parent::run( $options );
		$this->why = is_wp_error( $result ) ? sitecrew_reason( $result ) : '';
		return $result;
	}
}

/** One pack: its files on disk, and a copy of the old ones. */
class Sitecrew_Pack {
	public $item, $type, $slug, $language, $to, $package;
	private $kept = array(), $rights = array(), $folders = array(), $missing = '', $likeness, $beside;

	public function __construct( $planned ) {
		foreach ( array( 'item', 'type', 'slug', 'language', 'to', 'package' ) as $name ) {
			$this->$name = (string) $planned[ $name ];
		}
	}

	public function folder() {
		return WP_LANG_DIR . ( 'core' === $this->type ? '' : "/{$this->type}s" );
	}

	/** Its files; for WordPress, those of all its domains (admin, network, continents). */
	public function files() {
		$names = 'core' === $this->type ? array( '', 'admin-', 'admin-network-', 'continents-cities-' ) : array( "{$this->slug}-" );
		$found = array();
		foreach ( $names as $name ) {
			foreach ( array( '.po', '.mo', '.l10n.php' ) as $end ) {
				$found[] = $this->folder() . "/$name{$this->language}$end";
			}
			$found = array_merge( $found, (array) glob( $this->folder() . "/$name{$this->language}-*.json" ) );
		}
		return array_filter( $found, 'is_file' );
	}

	/** The date of the pack on disk; empty if there is none. */
	public function date() {
		clearstatcache();
		$stem = $this->folder() . '/' . ( 'core' === $this->type ? '' : "{$this->slug}-" ) . $this->language;
		if ( is_file( "$stem.po" ) ) {
			$about = wp_get_pomo_file_data( "$stem.po" );
			return sitecrew_moment( $about['PO-Revision-Date'] );
		}
		if ( is_file( "$stem.l10n.php" ) && function_exists( 'wp_get_l10n_php_file_data' ) && ! $this->flaw() ) {
			$about = wp_get_l10n_php_file_data( "$stem.l10n.php" );
			return sitecrew_moment( $about['PO-Revision-Date'] );
		}
		return is_file( "$stem.mo" ) ? 'undated' : '';
	}

	public function say( $state, $why = '' ) {
		sitecrew_say(
			array(
				'item'    => $this->item,
				'state'   => $state,
				'version' => $this->date(),
				'why'     => $why,
			)
		);
	}

	/** A temporary folder of this user for Sitecrew_Likeness, removed when PHP exits. */
	private static function room() {
		static $room = '';
		if ( '' === $room ) {
			$room = WP_CONTENT_DIR . '/.sitecrew-' . uniqid(); // WordPress empties its own folder for updates.
			@mkdir( $room, 0700 );
			register_shutdown_function( 'sitecrew_remove_room', $room );
		}
		return $room;
	}

	/** If the folder is otherwise empty, WordPress replaces it by the unpacked one, which gets its rights first. */
	public function prepare( $source, $remote, $upgrader, $hook_extra = array() ) {
		if ( is_wp_error( $source ) || ! isset( $hook_extra['language_update'] ) || ! is_dir( $this->folder() ) ) {
			return $source;
		}
		$why = $this->likeness->tree( untrailingslashit( $source ), $this->folder() );
		return '' === $why ? $source : new WP_Error( 'sitecrew_owner', $why );
	}

	/** Copies its files; returns why they could not be restored, or an empty text. */
	public function keep() {
		foreach ( $this->files() as $file ) {
			$this->kept[ $file ] = file_get_contents( $file );
		}
		$this->likeness = new Sitecrew_Likeness( self::room() );
		$this->rights   = $this->likeness->rights( array_combine( $this->files(), $this->files() ) );
		$this->beside   = is_dir( $this->folder() ) ? $this->likeness->beside( $this->folder() ) : '';
		foreach ( array_unique( array( WP_LANG_DIR, $this->folder() ) ) as $folder ) {
			if ( is_dir( $folder ) ) {
				$this->folders += $this->likeness->rights( array( $folder => $folder ) );
			} elseif ( '' === $this->missing ) {
				$this->missing = $folder;
			}
		}
		return sitecrew_foreign_in( $this->files() );
	}

	/** Restores the modes that the upgrader changes; new files get those of their siblings. Returns why it cannot. */
	public function own() {
		clearstatcache();
		$why = $this->likeness->give( $this->folders );
		if ( '' !== $why ) {
			return $why;
		}
		if ( '' !== $this->missing ) {
			return is_dir( $this->missing ) ? $this->likeness->newcomer( $this->missing, dirname( $this->missing ) ) : '';
		}
		$there = array_flip( $this->files() );
		$new   = $this->likeness->rights( array_fill_keys( array_keys( array_diff_key( $there, $this->rights ) ), $this->beside ) );
		return $this->likeness->give( array_intersect_key( $this->rights, $there ) + $new );
	}

	public function take_back() {
		foreach ( array_diff( $this->files(), array_keys( $this->kept ) ) as $file ) {
			unlink( $file );
		}
		foreach ( $this->kept as $file => $data ) {
			file_put_contents( $file, $data, LOCK_EX );
		}
		if ( '' !== $this->missing ) {
			@rmdir( $this->folder() );
			@rmdir( $this->missing );
		}
		$this->own();
	}

	/** Why its files would break the site; empty if they would not. A .l10n.php runs as PHP at every request. */
	public function flaw() {
		foreach ( $this->files() as $file ) {
			if ( '.php' !== substr( $file, -4 ) ) {
				continue;
			}
			try {
				token_get_all( (string) file_get_contents( $file ), defined( 'TOKEN_PARSE' ) ? TOKEN_PARSE : 0 );
			} catch ( ParseError $error ) {
				return basename( $file ) . ' in the pack is not valid PHP';
			}
		}
		return '';
	}

	public function is( $offer ) {
		return sitecrew_field( $offer, 'type' ) === $this->type && sitecrew_field( $offer, 'slug' ) === $this->slug && sitecrew_field( $offer, 'language' ) === $this->language;
	}

	/** The offer for WordPress's upgrader; null if it is no longer offered. */
	public function offer( $known ) {
		foreach ( $known as $offer ) {
			if ( $this->is( $offer ) ) {
				return $offer;
			}
		}
		if ( ! preg_match( '~^https://downloads\.wordpress\.org/translation/[\w./-]+\.zip$~', $this->package ) ) {
			return null;
		}
		return (object) array(
			'type'       => $this->type,
			'slug'       => $this->slug,
			'language'   => $this->language,
			'version'    => '',
			'updated'    => $this->to,
			'package'    => $this->package,
			'autoupdate' => false,
		);
	}
}

function sitecrew_remove_room( $room ) {
	array_map( 'rmdir', (array) glob( "$room/*", GLOB_ONLYDIR ) );
	@rmdir( $room );
}

function sitecrew_change_pack( $pack, $offer ) {
	if ( $pack->date() === $pack->to ) {
		$pack->say( 'done' );
		return true;
	}
	if ( ! $offer || sitecrew_moment( sitecrew_field( $offer, 'updated' ) ) !== $pack->to ) {
		$pack->say( 'refused', $offer ? 'the offer changed to ' . sitecrew_moment( sitecrew_field( $offer, 'updated' ) ) : 'is no longer offered' );
		return false;
	}
	$foreign = $pack->keep();
	if ( $foreign ) {
		$pack->say( 'refused', $foreign );
		return false;
	}
	$pack->say( 'begun' );
	$upgrader = new Sitecrew_Language_Upgrader( new Automatic_Upgrader_Skin() );
	add_filter( 'upgrader_source_selection', array( $pack, 'prepare' ), PHP_INT_MAX, 4 );
	$upgrader->bulk_upgrade( array( $offer ), array( 'clear_update_cache' => false ) );
	remove_filter( 'upgrader_source_selection', array( $pack, 'prepare' ), PHP_INT_MAX );
	$flaw = $pack->own() ?: $pack->flaw();
	if ( ! $flaw && $pack->date() !== $pack->to ) {
		$flaw = $upgrader->why ? $upgrader->why : 'the date of the pack is ' . ( $pack->date() ? $pack->date() : 'missing' ) . ", not {$pack->to}";
	}
	if ( $flaw ) {
		$pack->take_back();
		$pack->say( 'failed', $flaw );
		return false;
	}
	$pack->say( 'done' );
	return true;
}

/** Removes offers that are installed now; other offers stay. */
function sitecrew_forget_offers( $packs ) {
	foreach ( array( 'update_core', 'update_plugins', 'update_themes' ) as $transient ) {
		$value = get_site_transient( $transient );
		if ( ! is_object( $value ) || empty( $value->translations ) ) {
			continue;
		}
		foreach ( $value->translations as $index => $offer ) {
			foreach ( $packs as $pack ) {
				if ( $pack->is( (object) $offer ) && $pack->date() === $pack->to ) {
					unset( $value->translations[ $index ] );
				}
			}
		}
		$value->translations = array_values( $value->translations );
		set_site_transient( $transient, $value );
	}
}

$sitecrew_known = wp_get_translation_updates();
$sitecrew_all   = true;
$sitecrew_packs = array();
foreach ( $GLOBALS['sitecrew']['items'] as $sitecrew_planned ) {
	$sitecrew_pack    = new Sitecrew_Pack( $sitecrew_planned );
	$sitecrew_packs[] = $sitecrew_pack;
	$sitecrew_all     = sitecrew_change_pack( $sitecrew_pack, $sitecrew_pack->offer( $sitecrew_known ) ) && $sitecrew_all;
}
sitecrew_forget_offers( $sitecrew_packs );
exit( $sitecrew_all ? 0 : 1 );
