<?php
// Plugins or themes to exactly the planned versions, in one boot and with the door open.
// Input: {"kind": "plugin" or "theme", "items": [{"item", "file", "from", "to", "active", "package", "insecure"}],
// "swap": shell text by which the paths $1 and $2 change places}. With a package, the controller knows it from
// wordpress.org: what the site itself knows of updates does not count.
// Says for each item: fetched or refused, before anything has changed; begun; done or failed, at once; died where
// an earlier boot ended amid it.
// The file $SITECREW_BEGUN holds the item in hand: if it is there when PHP has ended, PHP ended amid that item.
// What it held then stands in $SITECREW_BEGUN.died, and is not begun again. $SITECREW_BEGUN.shut: the door is.
// Exit status 1 when any item is not at its planned version.
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';

/**
 * WordPress's upgrader without the closed door, that says how each item ended as soon as it has.
 *
 * WordPress takes the old folder away, looks around, and moves the new one there: a visitor's stylesheet is not
 * found in between. Here the two change places; the rest of WordPress's own way is as ever.
 */
trait Sitecrew_Open_Door {
	private $fresh = '', $backup = array();

	public function maintenance_mode( $enable = false ) {}

	/** The new folder, unpacked and with its rights; empty where it cannot change places with the old one. */
	public function stage( $source ) {
		$this->fresh = $source;
	}

	public function move_to_temp_backup_dir( $args ) {
		if ( '' === $this->fresh ) {
			return parent::move_to_temp_backup_dir( $args );
		}
		$this->backup = $args; // The old one is taken there when it is not online any more.
		return true;
	}

	public function clear_destination( $remote_destination ) {
		if ( '' === $this->fresh ) {
			return parent::clear_destination( $remote_destination );
		}
		if ( ! sitecrew_trade( $this->fresh, untrailingslashit( $remote_destination ) ) ) {
			return new WP_Error( 'sitecrew_folder', "could not rename $remote_destination" );
		}
		$this->put_away( $this->fresh );
		return true;
	}

	/** The old folder goes; an empty one in its place has WordPress copy nothing over the new one. */
	private function put_away( $old ) {
		global $wp_filesystem;
		if ( $this->backup ) {
			parent::move_to_temp_backup_dir( array( 'src' => dirname( $old ) ) + $this->backup );
		}
		if ( is_dir( $old ) ) {
			$wp_filesystem->delete( "$old/", true );
		}
		mkdir( $old );
	}

	public function run( $options ) {
		global $sitecrew_batch;
		$item = $sitecrew_batch->of( $options['hook_extra'] );
		$item->begin();
		$this->stage( '' );
		$this->backup = array();
		if ( $item->active && sitecrew_needs_door( $item->folder() ) ) {
			add_filter( 'upgrader_pre_install', array( $this, 'shut_door' ), PHP_INT_MAX );
		}
		$result = parent::run( $options );
		$item->own();
		if ( remove_filter( 'upgrader_pre_install', array( $this, 'shut_door' ), PHP_INT_MAX ) ) {
			parent::maintenance_mode( false );
			sitecrew_note( '.shut' );
		}
		$item->settle( $result );
		return $result;
	}

	/** For one item that cannot be exchanged by a rename, once its package is unpacked. */
	public function shut_door( $reply ) {
		sitecrew_note( '.shut', 'shut' );
		parent::maintenance_mode( true );
		return $reply;
	}
}

/** Writes a note beside $SITECREW_BEGUN, or takes it away. */
function sitecrew_note( $end, $text = '' ) {
	$file = getenv( 'SITECREW_BEGUN' );
	if ( $file && '' !== $text ) {
		@file_put_contents( $file . $end, "$text\n" );
	} elseif ( $file ) {
		@unlink( $file . $end );
	}
}

class Sitecrew_Plugin_Upgrader extends Plugin_Upgrader {
	use Sitecrew_Open_Door;

	public function delete_old_plugin( $removed, $local_destination, $remote_destination, $plugin ) {
		return '' === $this->fresh ? parent::delete_old_plugin( $removed, $local_destination, $remote_destination, $plugin ) : $removed;
	}
}

class Sitecrew_Theme_Upgrader extends Theme_Upgrader {
	use Sitecrew_Open_Door;

	public function delete_old_theme( $removed, $local_destination, $remote_destination, $theme ) {
		return '' === $this->fresh ? parent::delete_old_theme( $removed, $local_destination, $remote_destination, $theme ) : $removed;
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
		$died = array_filter( explode( "\n", (string) @file_get_contents( getenv( 'SITECREW_BEGUN' ) . '.died' ) ) );
		foreach ( $this->items as $item ) {
			$version = $item->version();
			if ( $version === $item->to ) {
				$item->open = false;
				$item->say( 'done' );
			} elseif ( in_array( $item->slug, $died, true ) ) {
				$item->open = false;
				$item->say( 'died' );
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
			$item->offer = $item->decided() ?: ( isset( $offers[ $file ] ) ? $offers[ $file ] : null );
		}
	}

	/** Every package is on this host and has been looked at before anything changes. */
	public function fetch() {
		$this->upgrader->init();
		$this->upgrader->upgrade_strings();
		$wire = new Sitecrew_Wire();
		$wire->fetch( $this->addresses() );
		$sums = new Sitecrew_Sums();
		foreach ( $this->open() as $file => $item ) {
			$problem = $this->take( $item, $file, $sums );
			if ( $problem ) {
				$item->refuse( $problem );
			} else {
				$item->say( 'fetched' );
			}
		}
		$wire->forget();
		$sums->tell();
	}

	/** Gives an item its package, fetched now or kept by an earlier trial; returns what is wrong with it. */
	private function take( $item, $file, $sums ) {
		$kept = $item->kept();
		if ( $kept && is_file( $kept ) ) {
			$item->package = $kept;
			return $item->flaw();
		}
		$fetched = $this->download( $item, $file );
		if ( is_wp_error( $fetched ) ) {
			return sitecrew_reason( $fetched );
		}
		$item->package = $fetched;
		$problem       = $item->flaw() ?: $sums->flaw( $item );
		if ( ! $problem && $kept && @copy( $fetched, "$kept.part" ) && rename( "$kept.part", $kept ) ) {
			$item->package = $kept;
		}
		if ( $problem || $item->package === $kept ) {
			$item->forget( $fetched );
		}
		return $problem;
	}

	private function download( $item, $file ) {
		$fetched = $this->upgrader->download_package( $item->address(), true, array( $this->kind => $file ) );
		if ( is_wp_error( $fetched ) && $fetched->get_error_data( 'softfail-filename' ) ) {
			if ( 'signature_verification_failed' === $fetched->get_error_code() ) {
				@unlink( $fetched->get_error_data( 'softfail-filename' ) );
				return $fetched;
			}
			return $fetched->get_error_data( 'softfail-filename' ); // No signature to check it by.
		}
		return $fetched;
	}

	/**
	 * What WordPress will ask for in a moment, and the seconds for each. Where something on the site has a say in
	 * downloads, only of what comes from wordpress.org: a vendor's own way to its packages is taken once, by it.
	 */
	private function addresses() {
		$found  = array();
		$others = ! has_filter( 'upgrader_pre_download' );
		foreach ( $this->open() as $item ) {
			$kept = $item->kept();
			if ( $kept && is_file( $kept ) ) {
				continue;
			}
			if ( $item->public_address() ) {
				$found[ $item->address() ]          = 300;
				$found[ $item->address() . '.sig' ] = 15;
				$found[ $item->sums_address() ]     = 15;
			} elseif ( $others && preg_match( '~^https?://~i', $item->address() ) ) {
				$found[ $item->address() ] = 300;
			}
		}
		unset( $found[''] );
		return $found;
	}

	public function install() {
		$open = $this->open();
		if ( ! $open ) {
			return;
		}
		sitecrew_keep_quiet();
		sitecrew_leave_translations();
		remove_all_filters( 'upgrader_pre_download' ); // They had their say when the packages were fetched.
		add_filter( 'upgrader_pre_download', array( $this, 'hand_over' ), 10, 4 );
		add_filter( 'upgrader_source_selection', array( $this, 'same_folder' ), PHP_INT_MAX, 4 );
		add_filter( "site_transient_update_{$this->kind}s", array( $this, 'show_offers' ), PHP_INT_MAX );
		$result = $this->upgrader->bulk_upgrade( array_keys( $open ) );
		foreach ( $open as $file => $item ) {
			if ( ! $item->settled ) { // The upgrader did not even begin with it.
				$item->settle( isset( $result[ $file ] ) ? $result[ $file ] : false );
			}
			if ( $item->package !== $item->kept() ) {
				$item->forget( $item->package );
			}
		}
	}

	/** The upgrader looks up what is offered: it finds what was planned. */
	public function show_offers( $value ) {
		$value           = is_object( $value ) ? clone $value : new stdClass();
		$value->response = isset( $value->response ) ? (array) $value->response : array();
		foreach ( $this->open() as $file => $item ) {
			$value->response[ $file ] = 'theme' === $this->kind ? (array) $item->offer : $item->offer;
		}
		return $value;
	}

	/** The upgrader deletes what it is given. */
	public function hand_over( $reply, $package, $upgrader, $hook_extra = array() ) {
		if ( ! isset( $hook_extra[ $this->kind ] ) ) {
			return $reply;
		}
		$item = $this->of( $hook_extra );
		if ( $item->package !== $item->kept() ) {
			return $item->package;
		}
		$copy = wp_tempnam( $item->slug );
		return @copy( $item->package, $copy ) ? $copy : new WP_Error( 'sitecrew_space', "no space for $copy" );
	}

	/** By now whatever is on the site has had its say in the name. */
	public function same_folder( $source, $remote, $upgrader, $hook_extra = array() ) {
		if ( is_wp_error( $source ) || ! isset( $hook_extra[ $this->kind ] ) ) {
			return $source;
		}
		$other = $this->of( $hook_extra )->misplaced( basename( $source ) );
		if ( $other ) {
			return new WP_Error( 'sitecrew_folder', $other );
		}
		$likeness = new Sitecrew_Likeness( dirname( $source ) );
		$why      = $likeness->tree( untrailingslashit( $source ), $this->of( $hook_extra )->folder() );
		if ( '' !== $why ) {
			return new WP_Error( 'sitecrew_owner', $why );
		}
		$folder = $this->of( $hook_extra )->folder();
		$this->upgrader->stage( is_dir( $folder ) && ! sitecrew_needs_door( $folder ) ? untrailingslashit( $source ) : '' );
		return $source;
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
