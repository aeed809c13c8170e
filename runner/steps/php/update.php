<?php
// Plugins or themes to exactly the planned versions, in one boot and with the door open.
// Input: {"kind": "plugin" or "theme", "items": [{"item", "file", "from", "to"}]}.
// Says for each item: fetched or refused, before anything has changed; begun; done or failed, at once.
// Exit status 1 when any item is not at its planned version.
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';

/** WordPress's upgrader without the closed door, that says how each item ended as soon as it has. */
trait Sitecrew_Open_Door {
	public function maintenance_mode( $enable = false ) {}

	public function run( $options ) {
		global $sitecrew_batch;
		$item = $sitecrew_batch->of( $options['hook_extra'] );
		$item->say( 'begun' );
		$result = parent::run( $options );
		$item->settle( $result );
		return $result;
	}
}

class Sitecrew_Plugin_Upgrader extends Plugin_Upgrader {
	use Sitecrew_Open_Door;
}

class Sitecrew_Theme_Upgrader extends Theme_Upgrader {
	use Sitecrew_Open_Door;
}

/** One plugin or theme, its offer and its fetched package. */
class Sitecrew_Item {
	public $slug, $file, $to, $kind, $offer, $package;
	public $open    = true;
	public $settled = false;

	public function __construct( $kind, $planned ) {
		$this->kind = $kind;
		$this->slug = $planned['item'];
		$this->file = $planned['file'];
		$this->to   = $planned['to'];
	}

	public function folder_name() {
		return 'plugin' === $this->kind ? dirname( $this->file ) : $this->file;
	}

	public function folder() {
		return ( 'plugin' === $this->kind ? WP_PLUGIN_DIR : get_theme_root( $this->file ) ) . '/' . $this->folder_name();
	}

	/** The file whose header tells the version. */
	public function main() {
		return 'plugin' === $this->kind ? basename( $this->file ) : 'style.css';
	}

	/** The version on disk now; empty when it is not there. */
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

	public function settle( $result ) {
		$this->settled = true;
		$version       = $this->version();
		if ( $version === $this->to ) {
			$this->say( 'done' );
		} elseif ( is_wp_error( $result ) ) {
			$this->say( 'failed', sitecrew_reason( $result ) );
		} elseif ( ! $result ) {
			$this->say( 'failed', 'WordPress could not open the file system for writing' );
		} else {
			$this->say( 'failed', "WordPress reported success, but the version on disk is $version" );
		}
	}

	/** Why this cannot be begun; empty when it can. */
	public function obstacle() {
		foreach ( array( dirname( $this->folder() ), $this->folder() ) as $folder ) {
			if ( ! wp_is_writable( $folder ) ) {
				return 'this login may not write to ' . $folder;
			}
		}
		$upgrade = WP_CONTENT_DIR . '/upgrade';
		return wp_is_writable( is_dir( $upgrade ) ? $upgrade : WP_CONTENT_DIR ) ? '' : "this login may not write to $upgrade";
	}

	/** Why the offer is not the planned one; empty when it is. */
	public function moved() {
		$offered = $this->offer ? sitecrew_field( $this->offer, 'new_version' ) : '';
		if ( $offered === $this->to ) {
			return '';
		}
		return '' === $offered ? "{$this->to} is not offered any more" : "the offer moved from {$this->to} to $offered";
	}

	/** Why the package is not what was planned; empty when it is. Nothing of it is run. */
	public function flaw() {
		if ( ! class_exists( 'ZipArchive' ) ) {
			return '';
		}
		$zip = new ZipArchive();
		if ( true !== $zip->open( $this->package, ZipArchive::CHECKCONS ) ) {
			return 'the package is not a whole zip archive';
		}
		$header = $zip->getFromName( $this->folder_name() . '/' . $this->main(), 8192 );
		$need   = 0;
		for ( $i = 0; $i < $zip->numFiles; $i++ ) {
			$entry = $zip->statIndex( $i );
			$need += $entry['size'];
			if ( false === $header && preg_match( '~^[^/]+/' . preg_quote( $this->main(), '~' ) . '$~', $entry['name'] ) ) {
				$header = $zip->getFromIndex( $i, 8192 );
			}
		}
		$zip->close();
		$free = function_exists( 'disk_free_space' ) ? @disk_free_space( WP_CONTENT_DIR ) : false;
		if ( false !== $free && $free < 3 * $need ) {
			return 'the disk is too full for it';
		}
		if ( false === $header ) {
			return "the package does not hold {$this->folder_name()}/{$this->main()}";
		}
		$found = preg_match( '/^(?:[ \t]*<\?php)?[ \t\/*#@]*Version:(.*)$/mi', str_replace( "\r", "\n", $header ), $match );
		$found = $found ? trim( preg_replace( '/\s*(?:\*\/|\?>).*/', '', $match[1] ) ) : 'without a version';
		return $found === $this->to ? '' : "the package says that it is $found, not {$this->to}";
	}
}

/** All items of one run of this program. */
class Sitecrew_Batch {
	private $kind, $items, $upgrader;

	public function __construct( $kind, $planned ) {
		$this->kind = $kind;
		foreach ( $planned as $entry ) {
			$this->items[ $entry['file'] ] = new Sitecrew_Item( $kind, $entry );
		}
		$skin           = new Automatic_Upgrader_Skin();
		$this->upgrader = 'plugin' === $kind ? new Sitecrew_Plugin_Upgrader( $skin ) : new Sitecrew_Theme_Upgrader( $skin );
	}

	public function of( $hook_extra ) {
		return $this->items[ $hook_extra[ $this->kind ] ];
	}

	private function open() {
		return array_filter(
			$this->items,
			function ( $item ) {
				return $item->open;
			}
		);
	}

	/** Items that are there already, cannot be begun, or are not offered as planned, drop out. */
	public function check() {
		foreach ( $this->items as $item ) {
			$version = $item->version();
			if ( $version === $item->to ) {
				$item->open = false;
				$item->say( 'done' );
			} elseif ( '' === $version ) {
				$item->refuse( 'is not installed any more' );
			} elseif ( $item->obstacle() ) {
				$item->refuse( $item->obstacle() );
			}
		}
		$transient = "update_{$this->kind}s";
		$this->take_offers( $transient );
		$asked = true;
		foreach ( $this->open() as $item ) {
			if ( $item->moved() ) {
				$asked = sitecrew_refresh( $transient, "wp_update_{$this->kind}s" );
				$this->take_offers( $transient );
				break;
			}
		}
		foreach ( $this->open() as $item ) {
			if ( $item->moved() ) {
				$item->refuse( $asked ? $item->moved() : 'wordpress.org could not be asked for the package' );
			}
		}
	}

	private function take_offers( $transient ) {
		$offers = sitecrew_offers( $transient );
		foreach ( $this->items as $file => $item ) {
			$item->offer = isset( $offers[ $file ] ) ? $offers[ $file ] : null;
		}
	}

	/** Every package is on this host and has been looked at before anything changes. */
	public function fetch() {
		$this->upgrader->init();
		$this->upgrader->upgrade_strings();
		foreach ( $this->open() as $file => $item ) {
			$package = sitecrew_field( $item->offer, 'package' );
			$fetched = $this->upgrader->download_package( $package, true, array( $this->kind => $file ) );
			if ( is_wp_error( $fetched ) && $fetched->get_error_data( 'softfail-filename' ) ) {
				$fetched = $fetched->get_error_data( 'softfail-filename' ); // No signature to check it by.
			}
			if ( is_wp_error( $fetched ) ) {
				$item->refuse( sitecrew_reason( $fetched ) );
				continue;
			}
			$item->package = $fetched;
			$flaw          = $item->flaw();
			if ( $flaw ) {
				@unlink( $fetched );
				$item->refuse( $flaw );
			} else {
				$item->say( 'fetched' );
			}
		}
	}

	public function install() {
		$open = $this->open();
		if ( ! $open ) {
			return;
		}
		sitecrew_keep_quiet();
		remove_all_filters( 'upgrader_pre_download' ); // They had their say when the packages were fetched.
		add_filter( 'upgrader_pre_download', array( $this, 'hand_over' ), 10, 4 );
		add_filter( 'upgrader_source_selection', array( $this, 'same_folder' ), PHP_INT_MAX, 4 );
		$result = $this->upgrader->bulk_upgrade( array_keys( $open ) );
		foreach ( $open as $file => $item ) {
			if ( ! $item->settled ) { // The upgrader did not even begin with it.
				$item->settle( isset( $result[ $file ] ) ? $result[ $file ] : false );
			}
			@unlink( $item->package );
		}
	}

	public function hand_over( $reply, $package, $upgrader, $hook_extra = array() ) {
		return isset( $hook_extra[ $this->kind ] ) ? $this->of( $hook_extra )->package : $reply;
	}

	/** WordPress installs into a folder named like the package's: another name would be a second copy. */
	public function same_folder( $source, $remote, $upgrader, $hook_extra = array() ) {
		if ( is_wp_error( $source ) || ! isset( $hook_extra[ $this->kind ] ) ) {
			return $source;
		}
		$wanted = $this->of( $hook_extra )->folder_name();
		$found  = basename( $source );
		return $found === $wanted ? $source : new WP_Error( 'sitecrew_folder', "the package holds the folder $found, not $wanted" );
	}

	public function complete() {
		foreach ( $this->items as $item ) {
			if ( $item->version() !== $item->to ) {
				return false;
			}
		}
		return true;
	}
}

$GLOBALS['sitecrew_batch'] = new Sitecrew_Batch( $GLOBALS['sitecrew']['kind'], $GLOBALS['sitecrew']['items'] );
$GLOBALS['sitecrew_batch']->check();
$GLOBALS['sitecrew_batch']->fetch();
$GLOBALS['sitecrew_batch']->install();
exit( $GLOBALS['sitecrew_batch']->complete() ? 0 : 1 );
