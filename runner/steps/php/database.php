<?php
// The database's part of a restore point. Plain PHP with mysqli, which every PHP that runs WordPress has: it works
// while WordPress does not start, and needs neither a client nor proc_open. The syntax is that of PHP 5.6.
// Input: {"mark", "do", "roots": folders where wp-config.php may be, "host", "rule", "later"}; SITECREW_POINT is the
// folder of the restore point, SITECREW_STAGE how far "undo" goes: schema, tables or all.
// do = save: dumps the site's tables. mark: notes what the change has touched. count: says what an undo would lose.
// undo: puts back. Exit status 0 done, 4 nothing to do, 5 refused by the rule, 3 not possible, 1 no space is left.

function sitecrew_say( $data ) {
	echo "\n", $GLOBALS['sitecrew']['mark'], ' ', json_encode( $data, JSON_PARTIAL_OUTPUT_ON_ERROR ), "\n";
}

/** A reason why the database cannot be kept or put back; the code is the exit status. */
class Sitecrew_Trouble extends Exception {}

/** What wp-config.php defines, without the line that starts WordPress. Returns the prefix of the tables. */
function sitecrew_read_config( $sitecrew_file ) {
	$sitecrew_code = '';
	$sitecrew_held = null;
	foreach ( token_get_all( file_get_contents( $sitecrew_file ) ) as $sitecrew_token ) {
		list( $sitecrew_id, $sitecrew_text ) = is_array( $sitecrew_token ) ? $sitecrew_token : array( 0, $sitecrew_token );
		if ( T_FILE === $sitecrew_id ) {
			$sitecrew_text = var_export( $sitecrew_file, true );
		} elseif ( T_DIR === $sitecrew_id ) {
			$sitecrew_text = var_export( dirname( $sitecrew_file ), true );
		} elseif ( null === $sitecrew_held && in_array( $sitecrew_id, array( T_REQUIRE, T_REQUIRE_ONCE, T_INCLUDE, T_INCLUDE_ONCE ), true ) ) {
			$sitecrew_held = '';
		}
		if ( null === $sitecrew_held ) {
			$sitecrew_code .= $sitecrew_text;
			continue;
		}
		$sitecrew_held .= $sitecrew_text;
		if ( ';' === $sitecrew_text || T_CLOSE_TAG === $sitecrew_id ) {
			$sitecrew_code .= false === strpos( $sitecrew_held, 'wp-settings.php' ) ? $sitecrew_held : ';' . ( ';' === $sitecrew_text ? '' : '?>' );
			$sitecrew_held  = null;
		}
	}
	ob_start();
	eval( '?>' . $sitecrew_code . $sitecrew_held );
	ob_end_clean();
	if ( ! defined( 'DB_NAME' ) || ! defined( 'DB_USER' ) || ! defined( 'DB_PASSWORD' ) ) {
		throw new Sitecrew_Trouble( 'wp-config.php does not say how to reach the database', 3 );
	}
	return isset( $table_prefix ) ? $table_prefix : ( isset( $GLOBALS['table_prefix'] ) ? $GLOBALS['table_prefix'] : 'wp_' );
}

function sitecrew_find_config( $roots ) {
	foreach ( $roots as $root ) {
		$above = dirname( $root );
		if ( is_readable( "$root/wp-config.php" ) ) {
			return "$root/wp-config.php";
		}
		if ( is_readable( "$above/wp-config.php" ) && ! is_file( "$above/wp-settings.php" ) ) {
			return "$above/wp-config.php";
		}
	}
	throw new Sitecrew_Trouble( 'wp-config.php was not found', 3 );
}

/** One connection, and the tables of this site in its database. */
class Sitecrew_Database {
	public $link, $prefix;

	public function __construct( $prefix ) {
		$this->prefix = $prefix;
		mysqli_report( MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT );
		$this->link = mysqli_init();
		list( $host, $port, $socket ) = self::address( defined( 'DB_HOST' ) ? DB_HOST : 'localhost' );
		$flags = defined( 'MYSQL_CLIENT_FLAGS' ) ? MYSQL_CLIENT_FLAGS : 0;
		$this->link->real_connect( $host, DB_USER, DB_PASSWORD, DB_NAME, $port, $socket, $flags );
		try {
			$this->link->set_charset( 'utf8mb4' );
		} catch ( Exception $old ) {
			$this->link->set_charset( 'utf8' );
		}
		$this->run( "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0" );
		$this->run( 'SET SESSION net_write_timeout = 600, net_read_timeout = 600, wait_timeout = 3600, lock_wait_timeout = 30' );
	}

	/** As WordPress takes DB_HOST apart. */
	private static function address( $given ) {
		$port   = null;
		$socket = null;
		$cut    = strpos( $given, ':/' );
		if ( false !== $cut ) {
			$socket = substr( $given, $cut + 1 );
			$given  = substr( $given, 0, $cut );
		}
		$many = substr_count( $given, ':' ) > 1;
		preg_match( $many ? '~^\[?([0-9a-f:]+)(?:\]:(\d+))?~i' : '~^([^:/]*)(?::(\d+))?~', $given, $found );
		if ( ! empty( $found[2] ) ) {
			$port = (int) $found[2];
		}
		return array( empty( $found[1] ) ? null : $found[1], $port, $socket );
	}

	public function run( $sql ) {
		return $this->link->query( $sql );
	}

	public function all( $sql ) {
		$rows = array();
		foreach ( $this->run( $sql ) as $row ) {
			$rows[] = $row;
		}
		return $rows;
	}

	public function one( $sql ) {
		$row = $this->run( $sql )->fetch_row();
		return $row ? $row[0] : null;
	}

	public function quoted( $text ) {
		return "'" . $this->link->real_escape_string( $text ) . "'";
	}

	/** The tables of this installation; another one's in the same database may begin with the same letters. */
	public function tables() {
		$found = array();
		foreach ( $this->all( "SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'" ) as $row ) {
			$found[ current( $row ) ] = true;
		}
		$others = array();
		foreach ( array_keys( $found ) as $name ) {
			$other = preg_match( '~^(.+)users$~', $name, $match ) ? $match[1] : '';
			if ( strlen( $other ) > strlen( $this->prefix ) && isset( $found[ "{$other}options" ], $found[ "{$other}posts" ] ) ) {
				$others[] = $other;
			}
		}
		$mine = array();
		foreach ( array_keys( $found ) as $name ) {
			$is_mine = 0 === strpos( $name, $this->prefix );
			foreach ( $others as $other ) {
				$is_mine = $is_mine && 0 !== strpos( $name, $other );
			}
			if ( $is_mine ) {
				$mine[] = $name;
			}
		}
		return $mine;
	}

	/** The name without the prefix and without the number of a network's site. */
	public function word( $table ) {
		return preg_replace( '~^\d+_~', '', substr( $table, strlen( $this->prefix ) ) );
	}

	public function definition( $table ) {
		$row = $this->run( "SHOW CREATE TABLE `$table`" )->fetch_row();
		return $row[1];
	}

	/** Everything about a table but its rows. */
	public function describe( $table ) {
		$create  = $this->definition( $table );
		$columns = array();
		$keys    = array();
		foreach ( $this->all( "SHOW COLUMNS FROM `$table`" ) as $column ) {
			if ( 'PRI' === $column['Key'] ) {
				$keys[ $column['Field'] ] = (bool) preg_match( '~int~i', $column['Type'] );
			}
			if ( ! preg_match( '~\b(virtual|stored|persistent)\b~i', $column['Extra'] ) ) {
				$columns[ $column['Field'] ] = self::way( $column['Type'] );
			}
		}
		$key = 1 === count( $keys ) && current( $keys ) ? key( $keys ) : null;
		return array(
			'create'     => $create,
			'definition' => sitecrew_without_counter( $create ),
			'columns'    => $columns,
			'key'        => $key,
			'max'        => $key ? $this->one( "SELECT MAX(`$key`) FROM `$table`" ) : null,
			'triggers'   => $this->triggers( $table ),
		);
	}

	private static function way( $type ) {
		if ( preg_match( '~^(tiny|small|medium|big)?int|^(decimal|numeric|float|double|year)|^bit~i', $type ) ) {
			return 0 === stripos( $type, 'bit' ) ? 'bit' : 'number';
		}
		return preg_match( '~blob|binary|geometry|point|linestring|polygon~i', $type ) ? 'binary' : 'text';
	}

	private function triggers( $table ) {
		$found = array();
		foreach ( $this->all( 'SHOW TRIGGERS WHERE `Table` = ' . $this->quoted( $table ) ) as $row ) {
			$create  = $this->run( "SHOW CREATE TRIGGER `{$row['Trigger']}`" )->fetch_row();
			$found[] = preg_replace( '~\sDEFINER\s*=\s*`[^`]*`@`[^`]*`~', '', $create[2], 1 );
		}
		return $found;
	}

	/** Calls back with each row as SQL values. Returns the count of rows and a sum that their order does not change. */
	public function rows( $table, $columns, $call = null ) {
		$select = array();
		foreach ( $columns as $name => $way ) {
			$select[] = 'bit' === $way ? "`$name` + 0" : "`$name`";
		}
		$ways  = array_values( $columns );
		$count = 0;
		$sums  = array( 0, 0 );
		foreach ( $this->link->query( 'SELECT ' . implode( ', ', $select ) . " FROM `$table`", MYSQLI_USE_RESULT ) as $row ) {
			$values = array();
			foreach ( array_values( $row ) as $n => $value ) {
				if ( null === $value ) {
					$values[] = 'NULL';
				} elseif ( 'text' === $ways[ $n ] || '' === $value ) {
					$values[] = "'" . $this->link->real_escape_string( $value ) . "'";
				} else {
					$values[] = 'binary' === $ways[ $n ] ? '0x' . bin2hex( $value ) : $value;
				}
			}
			$line = '(' . implode( ',', $values ) . ')';
			$hash = md5( $line );
			$sums = array(
				( $sums[0] + hexdec( substr( $hash, 0, 7 ) ) ) & 0x3fffffff,
				( $sums[1] + hexdec( substr( $hash, 7, 7 ) ) ) & 0x3fffffff,
			);
			++$count;
			if ( $call ) {
				call_user_func( $call, $line );
			}
		}
		return array( $count, "{$sums[0]}-{$sums[1]}" );
	}
}

function sitecrew_without_counter( $create ) {
	return preg_replace( '~(\n\)[^\n]*?) AUTO_INCREMENT=\d+~', '$1', $create );
}

/** Options that differ from one minute to the next, whatever is changed; they are never put back. */
function sitecrew_is_volatile( $name ) {
	return (bool) preg_match( '~^(cron|rewrite_rules|recovery_.*|_(site_)?transient_.*|.*[._-]locks?|.*_lock_.*|.*session.*|action_scheduler_.*|auto_update.*|core_updater.*)$~', $name );
}

/** Tables of options: of the site or its network, with the columns that name a row and hold its value. */
function sitecrew_options_shape( $word ) {
	if ( 'options' === $word ) {
		return array( 'name' => 'option_name', 'match' => array( 'option_name' ), 'values' => array( 'option_value', 'autoload' ) );
	}
	if ( 'sitemeta' === $word ) {
		return array( 'name' => 'meta_key', 'match' => array( 'site_id', 'meta_key' ), 'values' => array( 'meta_value' ) );
	}
	return null;
}

/** Name and value of each option, as a map of hashes. */
function sitecrew_options( $db, $table, $shape ) {
	$found = array();
	$match = implode( ", '/', ", $shape['match'] );
	$value = implode( ", '/', ", $shape['values'] );
	foreach ( $db->all( "SELECT CONCAT($match) AS named, {$shape['name']} AS name, MD5(CONCAT_WS('/', $value)) AS hash FROM `$table`" ) as $row ) {
		if ( ! sitecrew_is_volatile( $row['name'] ) ) {
			$found[ $row['named'] ] = $row['hash'];
		}
	}
	return $found;
}

/** The folder that holds a dump and what is known of it. */
class Sitecrew_Point {
	public $folder, $info;

	public function __construct( $folder ) {
		$this->folder = $folder;
		$this->info   = is_file( "$folder/database.json" ) ? json_decode( file_get_contents( "$folder/database.json" ), true ) : null;
	}

	private static function call( $name ) {
		return ( function_exists( 'gzopen' ) ? 'gz' : 'f' ) . $name;
	}

	/** All tables of the site, as they are at one instant. */
	public function save( $db, $why_needed = '' ) {
		if ( $this->info ) {
			return;
		}
		if ( ! is_dir( $this->folder ) && ! mkdir( $this->folder, 0700, true ) ) {
			throw new Sitecrew_Trouble( 'its folder could not be made on the host', 3 );
		}
		$tables = $db->tables();
		$size   = (float) $db->one( 'SELECT SUM(data_length) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE ' . $db->quoted( addcslashes( $db->prefix, '_%\\' ) . '%' ) );
		$free   = function_exists( 'disk_free_space' ) ? @disk_free_space( $this->folder ) : false;
		if ( false !== $free && $free < $size / 2 + ( 32 << 20 ) ) {
			throw new Sitecrew_Trouble( sprintf( 'No space left for a copy of the database: it has %d MB, and %d MB are free', $size >> 20, $free >> 20 ), 1 );
		}
		umask( 077 );
		$name = self::call( 'open' ) === 'gzopen' ? 'database.sql.gz' : 'database.sql';
		$part = "{$this->folder}/$name.part";
		$file = call_user_func( self::call( 'open' ), $part, 'gzopen' === self::call( 'open' ) ? 'wb1' : 'wb' );
		$put  = function ( $text ) use ( $file ) {
			if ( call_user_func( self::call( 'write' ), $file, $text ) !== strlen( $text ) ) {
				throw new Sitecrew_Trouble( 'No space left on the host for a copy of the database', 1 );
			}
		};
		$info = array( 'file' => $name, 'taken' => time(), 'prefix' => $db->prefix, 'tables' => array(), 'options' => array() );
		$put( "-- Restore point of " . DB_NAME . ", tables {$db->prefix}*\nSET NAMES utf8mb4;\nSET sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0;\n" );
		$db->run( 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ' );
		$db->run( 'START TRANSACTION WITH CONSISTENT SNAPSHOT' );
		foreach ( $tables as $table ) {
			$db->run( 'SAVEPOINT sitecrew' ); // What follows locks the table's definition; rolling back frees it.
			$info['tables'][ $table ] = $this->save_table( $db, $table, $put );
			$shape                    = sitecrew_options_shape( $db->word( $table ) );
			if ( $shape ) {
				$info['options'][ $table ] = sitecrew_options( $db, $table, $shape );
			}
			$db->run( 'ROLLBACK TO SAVEPOINT sitecrew' );
		}
		$db->run( 'COMMIT' );
		$put( "-- Dump completed\n" );
		if ( ! call_user_func( self::call( 'close' ), $file ) ) {
			throw new Sitecrew_Trouble( 'No space left on the host for a copy of the database', 1 );
		}
		$last = '';
		foreach ( $this->lines( $part ) as $line ) {
			$last = $line;
		}
		if ( "-- Dump completed\n" !== $last ) {
			throw new Sitecrew_Trouble( 'No space left on the host for a copy of the database: it is not whole', 1 );
		}
		$info['bytes'] = filesize( $part );
		$this->note( 'database.json', $info );
		rename( $part, "{$this->folder}/$name" );
		$this->info = $info;
	}

	private function save_table( $db, $table, $put ) {
		$about   = $db->describe( $table );
		$names   = '`' . implode( '`,`', array_keys( $about['columns'] ) ) . '`';
		$pending = '';
		$put( "-- Table $table\nDROP TABLE IF EXISTS `$table`;\n{$about['create']};\n" );
		list( $about['rows'], $about['sum'] ) = $db->rows(
			$table,
			$about['columns'],
			function ( $line ) use ( &$pending, $put, $table, $names ) {
				$pending .= ( '' === $pending ? "INSERT INTO `$table` ($names) VALUES " : ',' ) . $line;
				if ( strlen( $pending ) > 400000 ) {
					$put( "$pending;\n" );
					$pending = '';
				}
			}
		);
		if ( '' !== $pending ) {
			$put( "$pending;\n" );
		}
		return $about;
	}

	public function note( $name, $data ) {
		if ( false === file_put_contents( "{$this->folder}/$name.part", json_encode( $data, JSON_PARTIAL_OUTPUT_ON_ERROR ) ) || ! rename( "{$this->folder}/$name.part", "{$this->folder}/$name" ) ) {
			throw new Sitecrew_Trouble( 'No space left on the host for a copy of the database', 1 );
		}
	}

	public function lines( $path ) {
		$file = call_user_func( self::call( 'open' ), $path, 'rb' );
		while ( false !== ( $line = call_user_func( self::call( 'gets' ), $file ) ) ) {
			yield $line;
		}
		call_user_func( self::call( 'close' ), $file );
	}

	/** Fills new tables with the rows of the kept ones: kept name => new name. Each is compared with what was kept. */
	public function fill( $db, $wanted ) {
		foreach ( $wanted as $table => $scratch ) {
			$create = preg_replace( '~,\n\s+CONSTRAINT `[^`]+` FOREIGN KEY [^\n]*?(?=,?\n)~', '', $this->info['tables'][ $table ]['create'] );
			$db->run( "DROP TABLE IF EXISTS `$scratch`" );
			$db->run( preg_replace( '~^CREATE TABLE `[^`]+`~', "CREATE TABLE `$scratch`", $create ) );
		}
		$table = '';
		foreach ( $this->lines( "{$this->folder}/{$this->info['file']}" ) as $line ) {
			if ( 0 === strpos( $line, '-- Table ' ) ) {
				$table = rtrim( substr( $line, 9 ), "\n" );
			} elseif ( isset( $wanted[ $table ] ) && 0 === strpos( $line, "INSERT INTO `$table`" ) ) {
				$db->run( "INSERT INTO `{$wanted[ $table ]}`" . substr( rtrim( $line, ";\n" ), strlen( "INSERT INTO `$table`" ) ) );
			}
		}
		foreach ( $wanted as $table => $scratch ) {
			$about = $this->info['tables'][ $table ];
			if ( $db->rows( $scratch, $about['columns'] ) !== array( $about['rows'], $about['sum'] ) ) {
				throw new Sitecrew_Trouble( "the copy of the table $table is not what it was when it was made", 3 );
			}
		}
	}
}

/** What is different now from a restore point, what putting it back would lose, and the way back. */
class Sitecrew_Undo {
	private $db, $point, $limit, $now;
	public $replace = array(), $drop = array(), $options = array(), $lost = array();

	const OWN = '~^(posts|postmeta|comments|commentmeta|users|usermeta|terms|termmeta|term_taxonomy|term_relationships|links|blogs|blogmeta|blog_versions|site|signups|registration_log|wc_orders|wc_orders_meta|wc_order_addresses|wc_order_operational_data|woocommerce_order_items|woocommerce_order_itemmeta)$~';
	const ENTRIES = '~(^|_)(entry|entries|submits?|submissions?|leads?|items_meta|cf7_vdata|cf7_vdata_entry|db7_forms|frm_items)$~';
	const VISITORS = '~(^|_)(orders?|bookings?|appointments?|reservations?|tickets?|donations?|subscribers?|subscriptions?|members?|memberships?|customers?|payments?|transactions?|votes?|reviews?|ratings?|messages?|registrations?|attendees?|enquir(y|ies)|inquir(y|ies)|requests?|invoices?|contacts?)$~';

	/** With a limit, only what the change itself was seen to touch: for an undo that comes days later. */
	public function __construct( $db, $point, $later ) {
		$this->db    = $db;
		$this->point = $point;
		$path        = "{$point->folder}/after.json";
		$this->limit = $later && is_file( $path ) ? json_decode( file_get_contents( $path ), true ) : null;
		$this->now   = $db->tables();
	}

	/** What the change has touched so far: tables whose definition is another one, and options. */
	public function touched() {
		$this->compare( 'schema' );
		return array( 'tables' => array_merge( $this->replace, $this->drop ), 'options' => $this->options );
	}

	public function compare( $stage ) {
		$kept = $this->point->info['tables'];
		foreach ( $this->now as $table ) {
			if ( ! isset( $kept[ $table ] ) && $this->within( $table ) ) {
				$this->drop[] = $table;
			}
		}
		foreach ( $kept as $table => $about ) {
			if ( ! in_array( $table, $this->now, true ) || sitecrew_without_counter( $this->db->definition( $table ) ) !== $about['definition'] ) {
				if ( $this->within( $table ) || 'all' === $stage ) {
					$this->replace[] = $table;
				}
				continue;
			}
			$word  = $this->db->word( $table );
			$shape = sitecrew_options_shape( $word );
			if ( $shape ) {
				$this->compare_options( $table, $shape );
			} elseif ( 'all' === $stage || ( 'tables' === $stage && ! preg_match( self::OWN, $word ) ) ) {
				if ( $this->db->rows( $table, $about['columns'] ) !== array( $about['rows'], $about['sum'] ) ) {
					$this->replace[] = $table;
				}
			}
		}
	}

	private function within( $table ) {
		return null === $this->limit || in_array( $table, $this->limit['tables'], true );
	}

	private function compare_options( $table, $shape ) {
		$then = $this->point->info['options'][ $table ];
		$now  = sitecrew_options( $this->db, $table, $shape );
		$diff = array_keys( array_diff_assoc( $then, $now ) + array_diff_assoc( $now, $then ) );
		if ( null !== $this->limit ) {
			$touched = isset( $this->limit['options'][ $table ] ) ? $this->limit['options'][ $table ] : array();
			$diff    = array_values( array_intersect( $diff, $touched ) );
		}
		if ( $diff ) {
			$this->options[ $table ] = $diff;
		}
	}

	public function is_empty() {
		return ! $this->replace && ! $this->drop && ! $this->options;
	}

	/** Counts what visitors and editors have written since into tables that would be replaced. */
	public function count_lost() {
		$this->lost = array();
		foreach ( array_intersect( $this->replace, $this->now ) as $table ) {
			$about = $this->point->info['tables'][ $table ];
			$key   = $about['key'];
			$word  = $this->db->word( $table );
			if ( ! $key || ! $this->has( $table, $key ) ) {
				if ( preg_match( self::ENTRIES, $word ) || preg_match( self::VISITORS, $word ) ) {
					$more = (int) $this->db->one( "SELECT COUNT(*) FROM `$table`" ) - $about['rows'];
					$this->lose( preg_match( self::ENTRIES, $word ) ? 'form entries' : 'entries', max( 0, $more ) );
				}
				continue;
			}
			$newer = "`$key` > " . (int) $about['max'];
			if ( 'posts' === $word ) {
				$this->count_posts( $table, $newer );
			} elseif ( 'comments' === $word ) {
				$this->lose( 'comments', $this->db->one( "SELECT COUNT(*) FROM `$table` WHERE $newer AND comment_type NOT IN ('order_note', 'action_log') AND comment_approved NOT IN ('spam', 'trash')" ) );
			} elseif ( 'users' === $word ) {
				$this->lose( 'users', $this->db->one( "SELECT COUNT(*) FROM `$table` WHERE $newer" ) );
			} elseif ( 'wc_orders' === $word ) {
				$this->lose( 'orders', $this->db->one( "SELECT COUNT(*) FROM `$table` WHERE $newer" ) );
			} elseif ( preg_match( self::ENTRIES, $word ) ) {
				$this->lose( 'form entries', $this->db->one( "SELECT COUNT(*) FROM `$table` WHERE $newer" ) );
			} elseif ( preg_match( self::VISITORS, $word ) ) {
				$this->lose( 'entries', $this->db->one( "SELECT COUNT(*) FROM `$table` WHERE $newer" ) );
			}
		}
	}

	private function has( $table, $column ) {
		return (bool) $this->db->all( "SHOW COLUMNS FROM `$table` WHERE Field = " . $this->db->quoted( $column ) );
	}

	private function count_posts( $table, $newer ) {
		$edited = 'post_modified_gmt > ' . $this->db->quoted( gmdate( 'Y-m-d H:i:s', $this->point->info['taken'] ) );
		$sql    = "SELECT post_type, COUNT(*) AS n FROM `$table` WHERE ( $newer OR $edited ) AND post_status <> 'auto-draft'
			AND post_type NOT IN ('revision', 'customize_changeset', 'oembed_cache', 'scheduled-action') GROUP BY post_type";
		foreach ( $this->db->all( $sql ) as $row ) {
			$forms = preg_match( '~^(flamingo_inbound|nf_sub|feedback|.*_(entry|submission))$~', $row['post_type'] );
			$this->lose( 0 === strpos( $row['post_type'], 'shop_order' ) ? 'orders' : ( $forms ? 'form entries' : 'posts' ), $row['n'] );
		}
	}

	private function lose( $what, $count ) {
		if ( $count > 0 ) {
			$this->lost[ $what ] = (int) $count + ( isset( $this->lost[ $what ] ) ? $this->lost[ $what ] : 0 );
		}
	}

	public function told( $state ) {
		$count = 0;
		foreach ( $this->options as $names ) {
			$count += count( $names );
		}
		return array( 'database' => $state, 'stage' => getenv( 'SITECREW_STAGE' ), 'tables' => array_values( $this->replace ), 'dropped' => $this->drop, 'options' => $count, 'lost' => (object) $this->lost );
	}

	public function put_back() {
		$wanted = array();
		$stem   = 'sitecrew_' . substr( md5( $this->point->folder ), 0, 8 );
		foreach ( array_merge( $this->replace, array_keys( $this->options ) ) as $n => $table ) {
			$wanted[ $table ] = "{$stem}_$n";
		}
		try {
			$this->point->fill( $this->db, $wanted );
			foreach ( $this->replace as $n => $table ) {
				$this->exchange( $table, $wanted[ $table ], "{$stem}_a$n" );
			}
			foreach ( $this->options as $table => $names ) {
				$this->put_options_back( $table, $wanted[ $table ], $names );
			}
			foreach ( $this->drop as $table ) {
				$this->db->run( "DROP TABLE IF EXISTS `$table`" );
			}
		} finally {
			foreach ( $wanted as $scratch ) {
				$this->db->run( "DROP TABLE IF EXISTS `$scratch`" );
			}
		}
		foreach ( $this->replace as $table ) {
			$count = (int) $this->db->one( "SELECT COUNT(*) FROM `$table`" );
			if ( $count < $this->point->info['tables'][ $table ]['rows'] ) {
				throw new Sitecrew_Trouble( "the table $table was put back and lacks rows", 3 );
			}
		}
	}

	/** By one rename, unless foreign keys would go on pointing at the old table. */
	private function exchange( $table, $scratch, $aside ) {
		$about = $this->point->info['tables'][ $table ];
		$there = in_array( $table, $this->now, true );
		$bound = $this->db->one( 'SELECT COUNT(*) FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL AND ' . $this->db->quoted( $table ) . ' IN (table_name, referenced_table_name)' );
		if ( $bound || false !== strpos( $about['create'], ' FOREIGN KEY ' ) ) {
			$names = '`' . implode( '`,`', array_keys( $about['columns'] ) ) . '`';
			$this->db->run( "DROP TABLE IF EXISTS `$table`" );
			$this->db->run( $about['create'] );
			$this->db->run( "INSERT INTO `$table` ($names) SELECT $names FROM `$scratch`" );
		} else {
			$this->db->run( "DROP TABLE IF EXISTS `$aside`" );
			$this->db->run( ( $there ? "RENAME TABLE `$table` TO `$aside`, " : 'RENAME TABLE ' ) . "`$scratch` TO `$table`" );
			$this->db->run( "DROP TABLE IF EXISTS `$aside`" );
		}
		foreach ( $about['triggers'] as $create ) {
			$this->db->run( $create );
		}
	}

	private function put_options_back( $table, $scratch, $names ) {
		$shape   = sitecrew_options_shape( $this->db->word( $table ) );
		$match   = implode( ", '/', ", $shape['match'] );
		$columns = implode( ', ', array_merge( $shape['match'], $shape['values'] ) ); // Without numbers that may be another row's now.
		$updates = array();
		foreach ( $shape['values'] as $column ) {
			$updates[] = "$column = VALUES($column)";
		}
		foreach ( array_chunk( $names, 200 ) as $some ) {
			$list = implode( ',', array_map( array( $this->db, 'quoted' ), $some ) );
			$this->db->run( 'START TRANSACTION' );
			$this->db->run( "DELETE FROM `$table` WHERE CONCAT($match) IN ($list)" );
			$this->db->run( "INSERT INTO `$table` ($columns) SELECT $columns FROM `$scratch` WHERE CONCAT($match) IN ($list) ON DUPLICATE KEY UPDATE " . implode( ', ', $updates ) );
			$this->db->run( 'COMMIT' );
		}
	}
}

function sitecrew_main( $given ) {
	foreach ( array( 'mysqli' => 'mysqli_init', 'tokenizer' => 'token_get_all' ) as $extension => $function ) {
		if ( ! function_exists( $function ) ) {
			throw new Sitecrew_Trouble( "PHP on this host's command line lacks $extension", 3 );
		}
	}
	$_SERVER += array( 'HTTP_HOST' => $given['host'], 'SERVER_NAME' => $given['host'], 'REQUEST_METHOD' => 'GET', 'REQUEST_URI' => '/' );
	$db    = new Sitecrew_Database( sitecrew_read_config( sitecrew_find_config( $given['roots'] ) ) );
	$point = new Sitecrew_Point( getenv( 'SITECREW_POINT' ) );
	if ( 'save' === $given['do'] ) {
		$point->save( $db );
		sitecrew_say( array( 'database' => 'saved', 'bytes' => $point->info['bytes'], 'tables' => count( $point->info['tables'] ) ) );
		return 0;
	}
	if ( ! $point->info || $point->info['prefix'] !== $db->prefix ) {
		throw new Sitecrew_Trouble( 'there is no copy of it from before the change', 3 );
	}
	$undo = new Sitecrew_Undo( $db, $point, $given['later'] );
	if ( 'mark' === $given['do'] ) {
		$point->note( 'after.json', $undo->touched() );
		return 0;
	}
	$undo->compare( getenv( 'SITECREW_STAGE' ) );
	$undo->count_lost();
	if ( $undo->is_empty() || 'count' === $given['do'] ) {
		sitecrew_say( $undo->told( $undo->is_empty() ? 'unchanged' : 'counted' ) );
		return $undo->is_empty() ? 4 : 0;
	}
	if ( 'ask' === $given['rule'] || ( 'when-nothing-lost' === $given['rule'] && $undo->lost ) ) {
		sitecrew_say( $undo->told( 'refused' ) );
		return 5;
	}
	$present = new Sitecrew_Point( "{$point->folder}/present" );
	$present->save( $db );
	$undo->count_lost();
	if ( 'when-nothing-lost' === $given['rule'] && $undo->lost ) {
		sitecrew_say( $undo->told( 'refused' ) );
		return 5;
	}
	$undo->put_back();
	sitecrew_say( $undo->told( 'put back' ) );
	return 0;
}

try {
	exit( sitecrew_main( $GLOBALS['sitecrew'] ) );
} catch ( Sitecrew_Trouble $error ) {
	sitecrew_say( array( 'database' => 'impossible', 'why' => $error->getMessage() ) );
	exit( $error->getCode() );
} catch ( mysqli_sql_exception $error ) {
	// The text of a failed statement may hold what visitors wrote: only its number and its first words are told.
	sitecrew_say( array( 'database' => 'impossible', 'why' => sprintf( 'the database says (%d) %s', $error->getCode(), substr( preg_replace( "~'[^']*'~", "'...'", $error->getMessage() ), 0, 160 ) ) ) );
	exit( 3 );
} catch ( Exception $error ) {
	sitecrew_say( array( 'database' => 'impossible', 'why' => get_class( $error ) . ' in wp-config.php or in our program' ) );
	exit( 3 );
} catch ( Throwable $error ) {
	sitecrew_say( array( 'database' => 'impossible', 'why' => 'wp-config.php or our program stopped: ' . substr( $error->getMessage(), 0, 160 ) ) );
	exit( 3 );
}
