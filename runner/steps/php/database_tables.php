<?php
// A site's tables, without WordPress: reads wp-config.php, connects, and describes the tables.

function sitecrew_say( $data ) {
	echo "\n", $GLOBALS['sitecrew']['mark'], ' ', json_encode( $data, JSON_PARTIAL_OUTPUT_ON_ERROR ), "\n";
}

/** Why the database cannot be copied or restored; the code is the exit status. */
class Sitecrew_Trouble extends Exception {}

/** Runs wp-config.php without the line that starts WordPress. Returns the prefix of the tables. */
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
		throw new Sitecrew_Trouble( 'wp-config.php does not define DB_NAME, DB_USER and DB_PASSWORD', 3 );
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

	/** The setting with which MariaDB 10.11 accepts past rows of a system-versioned table. */
	const HISTORY = 'system_versioning_insert_history = 1';

	public function __construct( $prefix ) {
		$this->prefix = $prefix;
		$this->connect();
	}

	private function connect() {
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
		$this->run( "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0" );
		$this->run( 'SET SESSION net_write_timeout = 600, net_read_timeout = 600, wait_timeout = 3600, lock_wait_timeout = 30' );
		foreach ( array( 'max_statement_time = 0', 'max_execution_time = 0', 'check_constraint_checks = 0', self::HISTORY ) as $setting ) {
			try {
				$this->run( "SET SESSION $setting" );
			} catch ( mysqli_sql_exception $unknown ) {
				continue; // Only in MariaDB, only in MySQL, or only in newer versions.
			}
		}
	}

	/** Splits DB_HOST as WordPress does. */
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

	/** Calls back with scratch tables, and removes them afterwards, even if the connection is lost. */
	public function with_scratch( $stem, $tables, $call ) {
		$this->one( 'SELECT GET_LOCK(' . $this->quoted( self::lock( $stem ) ) . ', 60)' );
		try {
			call_user_func( $call );
		} finally {
			try {
				$this->run( 'SELECT 1' );
			} catch ( Exception $lost ) {
				$this->connect();
			}
			foreach ( $tables as $scratch ) {
				$this->run( 'DROP TABLE IF EXISTS ' . sitecrew_name( $scratch ) );
			}
			$this->one( 'SELECT RELEASE_LOCK(' . $this->quoted( self::lock( $stem ) ) . ')' );
		}
	}

	/** Removes scratch tables that a killed process left; a running process holds its own lock. */
	public function clear_scratch() {
		$stems = array();
		foreach ( $this->all( "SHOW TABLES LIKE 'sitecrew\\_%'" ) as $row ) {
			$name = (string) current( $row );
			if ( preg_match( '~^(sitecrew_[0-9a-f]{8})_a?\d+$~D', $name, $found ) ) {
				$stems[ $found[1] ][] = $name;
			}
		}
		foreach ( $stems as $stem => $names ) {
			$lock = $this->quoted( self::lock( $stem ) );
			if ( '1' !== (string) $this->one( "SELECT GET_LOCK($lock, 0)" ) ) {
				continue;
			}
			foreach ( $names as $name ) {
				$this->run( 'DROP TABLE IF EXISTS ' . sitecrew_name( $name ) );
			}
			$this->one( "SELECT RELEASE_LOCK($lock)" );
		}
	}

	private static function lock( $stem ) {
		return $stem . '_' . substr( md5( DB_NAME ), 0, 8 );
	}

	/** The tables of this installation. Those of another one in the same database can start with the same prefix. */
	public function tables() {
		$found = array();
		foreach ( $this->all( "SHOW FULL TABLES WHERE Table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')" ) as $row ) {
			$name = current( $row );
			if ( preg_match( '~[\x00-\x1f\x7f]~', $name ) ) {
				throw new Sitecrew_Trouble( 'a table in it has a control character in its name', 3 );
			}
			$found[ $name ] = true;
		}
		$others = array();
		foreach ( array_keys( $found ) as $name ) {
			$other = 'users' === substr( $name, -5 ) ? substr( $name, 0, -5 ) : '';
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

	/** The name without the prefix and the number of a network's site. */
	public function word( $table ) {
		return preg_replace( '~^\d+_~', '', substr( $table, strlen( $this->prefix ) ) );
	}

	public function definition( $table ) {
		$row = $this->run( "SHOW CREATE TABLE " . sitecrew_name( $table ) )->fetch_row();
		return $row[1];
	}

	/** The description of a table, without its rows. */
	public function describe( $table ) {
		$create  = $this->definition( $table );
		$columns = array();
		$keys    = array();
		foreach ( $this->all( "SHOW FULL COLUMNS FROM " . sitecrew_name( $table ) ) as $column ) {
			if ( 'PRI' === $column['Key'] ) {
				$keys[ $column['Field'] ] = (bool) preg_match( '~int~i', $column['Type'] );
			}
			if ( ! preg_match( '~\b(virtual|stored|persistent)\b~i', $column['Extra'] ) ) {
				$columns[ $column['Field'] ] = self::way( $column['Type'], (string) $column['Collation'] );
			}
		}
		$period  = $this->period( $create );
		$columns = $columns + array_fill_keys( $period, 'text' );
		$key     = 1 === count( $keys ) && current( $keys ) ? key( $keys ) : null;
		return array(
			'create'     => $create,
			'definition' => sitecrew_without_counter( $create ),
			'columns'    => $columns,
			'period'     => $period,
			'key'        => $key,
			'max'        => $key ? $this->one( "SELECT MAX(" . sitecrew_name( $key ) . ") FROM " . sitecrew_name( $table ) ) : null,
			'triggers'   => $this->triggers( $table ),
		);
	}

	/** The columns with the period of a row, in a system-versioned table whose past rows can be written. */
	private function period( $create ) {
		$lines = explode( "\n", $create );
		if ( ! preg_grep( '~^\).* WITH SYSTEM VERSIONING~', $lines ) || self::ruled( $lines, ' bigint(20)', 'START' ) ) {
			return array();
		}
		try {
			if ( '1' !== (string) $this->one( 'SELECT @@system_versioning_insert_history' ) ) {
				return array();
			}
		} catch ( mysqli_sql_exception $unknown ) {
			return array();
		}
		$found = array();
		foreach ( array( 'row_start' => 'START', 'row_end' => 'END' ) as $usual => $which ) {
			$line    = self::ruled( $lines, ' timestamp(6)', $which );
			$named   = preg_match( '~^\s+`((?:[^`]|``)+)` ~', $line, $match );
			$found[] = $named ? str_replace( '``', '`', $match[1] ) : $usual;
		}
		return $found;
	}

	/** The line of the column of this type that the database sets itself; empty if there is none. */
	private static function ruled( $lines, $type, $which ) {
		foreach ( $lines as $line ) {
			$end = strpos( $line, " GENERATED ALWAYS AS ROW $which" );
			if ( false !== $end && false !== strpos( substr( $line, 0, $end ), $type ) ) {
				return $line;
			}
		}
		return '';
	}

	/** How a column is read and written exactly: "text" is followed by the charset if it is not UTF-8. */
	private static function way( $type, $collation ) {
		$ways = array(
			'bit'    => '~^(bit|enum|set)\b~i', // As a number: an ENUM can contain a value that is not in its list.
			'float'  => '~^float~i',
			'real'   => '~^double~i',
			'number' => '~^((tiny|small|medium|big)?int|decimal|numeric|year)~i',
			'binary' => '~^\w*(blob|binary|geometry|geometrycollection|geomcollection|vector|point|linestring|polygon)\b~i',
		);
		foreach ( $ways as $way => $types ) {
			if ( preg_match( $types, $type ) ) {
				return $way;
			}
		}
		$charset = strtok( $collation, '_' );
		return in_array( $charset, array( false, 'utf8', 'utf8mb3', 'utf8mb4', 'ascii' ), true ) ? 'text' : "text $charset";
	}

	private function triggers( $table ) {
		$found = array();
		foreach ( $this->all( 'SHOW TRIGGERS WHERE `Table` = ' . $this->quoted( $table ) ) as $row ) {
			$create  = $this->run( "SHOW CREATE TRIGGER " . sitecrew_name( $row['Trigger'] ) )->fetch_row();
			$found[] = array( $create[1], sitecrew_without_definer( $create[2] ) );
		}
		return $found;
	}

	/** A value as SQL. Texts are given as the stored bytes. */
	private function literal( $value, $way ) {
		if ( null === $value ) {
			return 'NULL';
		}
		if ( 'number' === $way || 'bit' === $way ) {
			return $value;
		}
		if ( 'real' === $way || 'float' === $way ) {
			return false === stripos( $value, 'e' ) ? "{$value}e0" : $value;
		}
		$charset = 'binary' === $way ? '' : (string) substr( $way, 5 );
		$plain   = '' === $charset ? '~~u' : ( preg_match( '~^(ucs2|utf16|utf16le|utf32|swe7)$~', $charset ) ? '~^$~D' : '~^[\x01-\x7f]*$~D' );
		if ( '' === $value || ( 'binary' !== $way && preg_match( $plain, $value ) ) ) {
			return "'" . $this->link->real_escape_string( $value ) . "'";
		}
		return ( '' === $charset ? '' : "_$charset " ) . '0x' . bin2hex( $value );
	}

	/**
	 * Calls back with each row, as SQL and as a list of values. Returns the count of rows and a checksum that does not
	 * depend on their order. FLOAT is read as DOUBLE, because its own text is rounded to six digits. There is no
	 * literal for its negative zero, but a negative number that is too small for it becomes one.
	 */
	public function rows( $table, $about, $call = null ) {
		$columns = $about['columns'];
		$past    = sitecrew_with_past( $about );
		$select  = array();
		$as      = array( 'bit' => '%s | 0', 'real' => '%s * 1e0', 'float' => "IF(%1\$s = 0 AND ATAN2(%1\$s, -1) < 0, '-1e-60', %1\$s * 1e0)" ); // A SET in a sum would be a DOUBLE.
		foreach ( $columns as $name => $way ) {
			$select[] = sprintf( isset( $as[ $way ] ) ? $as[ $way ] : '%s', sitecrew_name( $name ) );
		}
		$charset = $this->one( 'SELECT @@character_set_results' );
		$this->run( 'SET character_set_results = NULL' ); // Texts as stored.
		$ways  = array_values( $columns );
		$count = 0;
		$sums  = array( 0, 0 );
		$found = null;
		try {
			$found = $this->link->query( 'SELECT ' . implode( ', ', $select ) . " FROM " . sitecrew_name( $table ) . $past, MYSQLI_USE_RESULT );
			while ( $row = $found->fetch_row() ) {
				$values = array();
				foreach ( $row as $n => $value ) {
					$values[] = $this->literal( $value, $ways[ $n ] );
				}
				$line = '(' . implode( ',', $values ) . ')';
				$hash = md5( $line );
				$sums = array(
					( $sums[0] + hexdec( substr( $hash, 0, 7 ) ) ) & 0x3fffffff,
					( $sums[1] + hexdec( substr( $hash, 7, 7 ) ) ) & 0x3fffffff,
				);
				++$count;
				if ( $call ) {
					call_user_func( $call, $line, $values );
				}
			}
		} finally {
			$found && $found->free();
			$this->run( "SET character_set_results = $charset" );
		}
		return array( $count, "{$sums[0]}-{$sums[1]}" );
	}
}

/** The clause after a table's name that includes its past rows, if they can be written. */
function sitecrew_with_past( $about ) {
	return empty( $about['period'] ) ? '' : ' FOR SYSTEM_TIME ALL';
}

/** Whether an error concerns one table only, not the server or the connection, and is not temporary. */
function sitecrew_is_of_table( $error ) {
	return ! in_array( $error->getCode(), array( 1037, 1040, 1041, 1053, 1135, 1153, 1205, 1213, 1317, 1412, 1969, 2000, 2006, 2008, 2013, 2014, 3024 ), true );
}

/** A database error in few words, without values. */
function sitecrew_says( $error ) {
	return sprintf( '(%d) %s', $error->getCode(), substr( $error->getMessage(), 0, 160 ) );
}

function sitecrew_without_counter( $create ) {
	$last = (int) strrpos( $create, "\n)" );
	return substr( $create, 0, $last ) . preg_replace( '~ AUTO_INCREMENT=\d+~', '', substr( $create, $last ), 1 );
}

/** Options that change all the time; they are never restored. */
function sitecrew_is_volatile( $name ) {
	return (bool) preg_match( '~^(cron|rewrite_rules|recovery_.*|_(site_)?transient_.*|.*[._-]locks?|.*_lock_.*|.*session.*|action_scheduler_.*|auto_update.*|core_updater.*)$~', $name );
}

/** Option tables of the site or its network: the columns that identify a row and those with its value. */
function sitecrew_options_shape( $word ) {
	if ( 'options' === $word ) {
		return array( 'name' => 'option_name', 'match' => array( 'option_name' ), 'values' => array( 'option_value', 'autoload' ) );
	}
	if ( 'sitemeta' === $word ) {
		return array( 'name' => 'meta_key', 'match' => array( 'site_id', 'meta_key' ), 'values' => array( 'meta_value' ) );
	}
	return null;
}

/** The hash of each option's value, by its name. */
function sitecrew_options( $db, $table, $shape ) {
	$found = array();
	$match = implode( ", '/', ", $shape['match'] );
	$value = implode( ", '/', ", $shape['values'] );
	foreach ( $db->all( "SELECT CONCAT($match) AS named, {$shape['name']} AS name, MD5(CONCAT_WS('/', $value)) AS hash FROM " . sitecrew_name( $table ) ) as $row ) {
		if ( ! sitecrew_is_volatile( $row['name'] ) ) {
			$found[ $row['named'] ] = $row['hash'];
		}
	}
	return $found;
}
