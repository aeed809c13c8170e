<?php
// Plugins or themes to exactly the planned versions, in one boot and with the door open.
// Input: {"kind": "plugin" or "theme", "items": [{"item", "file", "from", "to", "active"}]}.
// Says for each item: fetched or refused, before anything has changed; begun; done or failed, at once; died where
// an earlier boot ended amid it.
// The file $SITECREW_BEGUN holds the item in hand: if it is there when PHP has ended, PHP ended amid that item.
// What it held then stands in $SITECREW_BEGUN.died, and is not begun again. $SITECREW_BEGUN.shut: the door is.
// Exit status 1 when any item is not at its planned version.
require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';

/** WordPress's upgrader without the closed door, that says how each item ended as soon as it has. */
trait Sitecrew_Open_Door {
	public function maintenance_mode( $enable = false ) {}

	public function run( $options ) {
		global $sitecrew_batch;
		$item = $sitecrew_batch->of( $options['hook_extra'] );
		$item->begin();
		if ( $item->active && sitecrew_needs_door( $item->folder() ) ) {
			add_filter( 'upgrader_pre_install', array( $this, 'shut_door' ), PHP_INT_MAX );
		}
		$result = parent::run( $options );
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
}

class Sitecrew_Theme_Upgrader extends Theme_Upgrader {
	use Sitecrew_Open_Door;
}

/** One plugin or theme, its offer and its fetched package. */
class Sitecrew_Item {
	public $slug, $file, $to, $kind, $active, $offer, $package;
	public $open    = true;
	public $settled = false;

	public function __construct( $kind, $planned ) {
		$this->kind = $kind;
		$this->slug = $planned['item'];
		$this->file = $planned['file'];
		$this->to   = $planned['to'];

		$this->active = $planned['active'];
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

	public function begin() {
		sitecrew_note( '', $this->slug );
		$this->say( 'begun' );
	}

	public function settle( $result ) {
		$this->settled = true;
		sitecrew_note( '' );
		$version       = $this->version();
		if ( is_wp_error( $result ) ) { // Also where the version is right: other files may be missing.
			$this->say( 'failed', sitecrew_reason( $result ) );
		} elseif ( $version === $this->to ) {
			$this->say( 'done' );
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

	/** Where the package is kept for the other trials of this run; empty where nothing is. */
	public function kept() {
		$room = getenv( 'SITECREW_RESTORE' );
		$name = md5( "{$this->kind}/{$this->slug}/{$this->to}" );
		return $room && ( is_dir( "$room/packages" ) || @mkdir( "$room/packages", 0700 ) ) ? "$room/packages/$name.zip" : '';
	}

	public function address() {
		return sitecrew_field( $this->offer, 'package' );
	}

	/** Some vendors' packages lie on this host already: these are not ours to delete. */
	public function forget( $file ) {
		if ( $file !== $this->address() ) {
			@unlink( $file );
		}
	}

	public function public_address() {
		return 0 === strpos( $this->address(), 'https://downloads.wordpress.org/' );
	}

	/** Where wordpress.org says what the files of a package are; empty where it does not. */
	public function sums_address() {
		$mine = 'plugin' === $this->kind && $this->public_address();
		return $mine ? "https://downloads.wordpress.org/plugin-checksums/{$this->slug}/{$this->to}.json" : '';
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
		// Unpacked and beside its predecessor; of those before it the unpacked files stay.
		static $sum = 0;
		$free       = function_exists( 'disk_free_space' ) ? @disk_free_space( WP_CONTENT_DIR ) : false;
		if ( false !== $free && $free < $sum + 3 * $need ) {
			return 'the disk is too full for it';
		}
		$sum += $need;
		if ( false === $header ) {
			return "the package does not hold {$this->folder_name()}/{$this->main()}";
		}
		$found = preg_match( '/^(?:[ \t]*<\?php)?[ \t\/*#@]*Version:(.*)$/mi', str_replace( "\r", "\n", $header ), $match );
		$found = $found ? trim( preg_replace( '/\s*(?:\*\/|\?>).*/', '', $match[1] ) ) : 'without a version';
		return $found === $this->to ? '' : "the package says that it is $found, not {$this->to}";
	}
}

/** The packages against what wordpress.org says of their files, as long as the time lasts. */
class Sitecrew_Sums {
	const SECONDS = 30;

	private $verified = 0, $unverifiable = array(), $spent = 0;

	/** Why a package is not the one that wordpress.org published; empty where it is, or where nobody says. */
	public function flaw( $item ) {
		$began = microtime( true );
		$list  = $this->ask( $item );
		$wrong = $list ? $this->wrong( $item, $list ) : '';
		$this->verified += $list && ! $wrong ? 1 : 0;
		if ( ! $list ) {
			$this->unverifiable[] = $item->slug;
		}
		$this->spent += microtime( true ) - $began;
		return $wrong ? "$wrong in the package is not what wordpress.org published" : '';
	}

	public function tell() {
		if ( $this->verified ) {
			echo "packages that are what wordpress.org published, by its checksums: {$this->verified}\n";
		}
		if ( $this->unverifiable ) {
			echo 'packages that are not verifiable, for there are no checksums of them: ' . implode( ', ', $this->unverifiable ) . "\n";
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

	/** The first file that differs or is not listed; the readme may be edited at any time. */
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
			$item->offer = isset( $offers[ $file ] ) ? $offers[ $file ] : null;
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
		remove_all_filters( 'upgrader_pre_download' ); // They had their say when the packages were fetched.
		add_filter( 'upgrader_pre_download', array( $this, 'hand_over' ), 10, 4 );
		add_filter( 'upgrader_source_selection', array( $this, 'same_folder' ), PHP_INT_MAX, 4 );
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
