<?php
// Updates plugins or themes to exactly the planned versions, in one boot and without maintenance mode.
// Input: {"kind": "plugin" or "theme", "items": [{"item", "file", "from", "to", "active", "package", "insecure"}],
// "swap": shell text that exchanges the paths $1 and $2}. If there is a package, the controller got it from
// wordpress.org, and the site's own offers are ignored.
// Prints for each item: fetched or refused, before anything is changed; begun; done or failed, at once; died if an
// earlier boot ended during its update.
// The file $SITECREW_BEGUN contains the current item: if it exists after PHP has exited, PHP exited during its update.
// Its content is then added to $SITECREW_BEGUN.died, and the item is not started again. $SITECREW_BEGUN.shut exists
// during maintenance mode. Exit status 1 if any item is not at its planned version.
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';

/**
 * WordPress's upgrader without maintenance mode, which reports the result of each item at once.
 *
 * WordPress deletes the old folder, does some work, and moves the new one to its place: in between, visitors do not
 * get stylesheets. Here both are exchanged; everything else is as in WordPress.
 */
trait Sitecrew_Open_Door {
	private $fresh = '', $backup = array();

	public function maintenance_mode( $enable = false ) {}

	/** Sets the new folder, unpacked and with its rights; empty if it cannot be exchanged with the old one. */
	public function stage( $source ) {
		$this->fresh = $source;
	}

	public function move_to_temp_backup_dir( $args ) {
		if ( '' === $this->fresh ) {
			return parent::move_to_temp_backup_dir( $args );
		}
		$this->backup = $args; // The old folder is moved there once it is no longer online.
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

	/** Removes the old folder, and creates an empty one in its place, so that WordPress copies nothing over the new one. */
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

	/** Starts maintenance mode for an item that cannot be exchanged by a rename, once its package is unpacked. */
	public function shut_door( $reply ) {
		sitecrew_note( '.shut', 'shut' );
		parent::maintenance_mode( true );
		return $reply;
	}
}

/** Writes or deletes a file whose name starts with $SITECREW_BEGUN. */
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

	/** Closes items that are already updated, cannot be updated, or are not offered as planned. */
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
				$item->refuse( 'is no longer installed' );
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
				$item->refuse( $asked ? $item->moved() : 'no answer from wordpress.org for the package' );
			}
		}
	}

	private function take_offers( $transient ) {
		$offers = sitecrew_offers( $transient );
		foreach ( $this->items as $file => $item ) {
			$item->offer = $item->decided() ?: ( isset( $offers[ $file ] ) ? $offers[ $file ] : null );
		}
	}

	/** Downloads and checks every package before anything is changed. */
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

	/** Gives an item its package, downloaded now or kept from an earlier trial; returns what is wrong with it. */
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
			return $fetched->get_error_data( 'softfail-filename' ); // There is no signature to check.
		}
		return $fetched;
	}

	/**
	 * The URLs that WordPress will request next, and the seconds for each. If a filter on the site handles downloads,
	 * only those of wordpress.org: a vendor's own download code must run once only.
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
		remove_all_filters( 'upgrader_pre_download' ); // They already ran when the packages were downloaded.
		add_filter( 'upgrader_pre_download', array( $this, 'hand_over' ), 10, 4 );
		add_filter( 'upgrader_source_selection', array( $this, 'same_folder' ), PHP_INT_MAX, 4 );
		add_filter( "site_transient_update_{$this->kind}s", array( $this, 'show_offers' ), PHP_INT_MAX );
		$result = $this->upgrader->bulk_upgrade( array_keys( $open ) );
		foreach ( $open as $file => $item ) {
			if ( ! $item->settled ) { // The upgrader did not start it.
				$item->settle( isset( $result[ $file ] ) ? $result[ $file ] : false );
			}
			if ( $item->package !== $item->kept() ) {
				$item->forget( $item->package );
			}
		}
	}

	/** Shows the upgrader the planned offers. */
	public function show_offers( $value ) {
		$value           = is_object( $value ) ? clone $value : new stdClass();
		$value->response = isset( $value->response ) ? (array) $value->response : array();
		foreach ( $this->open() as $file => $item ) {
			$value->response[ $file ] = 'theme' === $this->kind ? (array) $item->offer : $item->offer;
		}
		return $value;
	}

	/** Gives the upgrader a package; a kept one as a copy, because the upgrader deletes it. */
	public function hand_over( $reply, $package, $upgrader, $hook_extra = array() ) {
		if ( ! isset( $hook_extra[ $this->kind ] ) ) {
			return $reply;
		}
		$item = $this->of( $hook_extra );
		if ( $item->package !== $item->kept() ) {
			return $item->package;
		}
		$copy = wp_tempnam( $item->slug );
		return @copy( $item->package, $copy ) ? $copy : new WP_Error( 'sitecrew_space', "no disk space for $copy" );
	}

	/** Checks the folder's name after all filters on the site, and prepares the exchange. */
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
