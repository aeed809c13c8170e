<?php
// A restore point: the dump of a site's tables, and scratch tables filled from it.

/** The folder of a dump and its description. */
class Sitecrew_Point {
	public $folder, $info;
	private $odd = array();

	/** The largest table, in bytes of SQL, that is filled to test the copy. */
	const LARGE = 100000000;

	public function __construct( $folder ) {
		$this->folder = $folder;
		$this->info   = is_file( "$folder/database.json" ) ? json_decode( file_get_contents( "$folder/database.json" ), true ) : null;
	}

	/** Whether it is a copy of the database of this connection. */
	public function is_of( $db ) {
		return $this->info['prefix'] === $db->prefix && ( ! isset( $this->info['name'] ) || DB_NAME === $this->info['name'] );
	}

	private static function call( $name ) {
		return ( function_exists( 'gzopen' ) ? 'gz' : 'f' ) . $name;
	}

	/** Dumps all tables of the site in one consistent snapshot. */
	public function save( $db, $why_needed = '' ) {
		if ( $this->info ) {
			return;
		}
		if ( ! is_dir( $this->folder ) && ! mkdir( $this->folder, 0700, true ) ) {
			throw new Sitecrew_Trouble( 'its folder could not be created on the host', 3 );
		}
		$db->clear_scratch();
		$tables = $db->tables();
		$size   = (float) $db->one( 'SELECT SUM(data_length) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE ' . $db->quoted( addcslashes( $db->prefix, '_%\\' ) . '%' ) );
		$free   = function_exists( 'disk_free_space' ) ? @disk_free_space( $this->folder ) : false;
		if ( false !== $free && $free < $size / 2 + ( 32 << 20 ) ) {
			throw new Sitecrew_Trouble( sprintf( 'No space left for a copy of the database: it has %d MB, but only %d MB are free', $size >> 20, $free >> 20 ), 1 );
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
		$info = array( 'file' => $name, 'taken' => time(), 'name' => DB_NAME, 'prefix' => $db->prefix, 'tables' => array(), 'left' => array(), 'options' => array() );
		$put( '-- Restore point of ' . preg_replace( '~[^\w$-]~', '?', DB_NAME . ", tables {$db->prefix}" ) . "*\nSET NAMES utf8mb4;\nSET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0;\n" );
		$db->run( 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ' );
		$db->run( 'START TRANSACTION WITH CONSISTENT SNAPSHOT' );
		foreach ( $tables as $table ) {
			$db->run( 'SAVEPOINT sitecrew' ); // The next statements lock the table's definition; the rollback releases it.
			$shape = sitecrew_options_shape( $db->word( $table ) );
			try {
				$info['tables'][ $table ] = $this->save_table( $db, $table, $put );
				if ( $shape ) {
					$info['options'][ $table ] = sitecrew_options( $db, $table, $shape );
				}
			} catch ( mysqli_sql_exception $error ) {
				if ( $shape || ! sitecrew_is_of_table( $error ) ) {
					throw $error;
				}
				unset( $info['tables'][ $table ] );
				$info['left'][ $table ] = sitecrew_says( $error ); // No update can change it either; an undo does not touch it.
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
			throw new Sitecrew_Trouble( 'No space left on the host for a copy of the database: it is incomplete', 1 );
		}
		$info['bytes'] = filesize( $part );
		$this->note( 'database.json', $info );
		rename( $part, "{$this->folder}/$name" );
		$this->info = $info;
	}

	/**
	 * Tests the copy: fills scratch tables from it and compares them. Only tables with values that a database may
	 * store differently are tested, not those with texts and whole numbers only, or those that are too large.
	 */
	public function prove( $db ) {
		$wanted = array();
		foreach ( array_keys( $this->odd ) as $n => $table ) {
			if ( $this->odd[ $table ] < self::LARGE ) {
				$wanted[ $table ] = "{$this->stem()}_$n";
			}
		}
		try {
			$db->with_scratch(
				$this->stem(),
				$wanted,
				function () use ( $db, $wanted ) {
					$this->fill( $db, $wanted );
				}
			);
		} catch ( Exception $error ) {
			unlink( "{$this->folder}/database.json" ); // So that it is not used as a valid copy.
			throw $error;
		}
	}

	/** The prefix of the scratch tables that are filled from this copy. */
	public function stem() {
		return 'sitecrew_' . substr( md5( $this->folder ), 0, 8 );
	}

	private function save_table( $db, $table, $put ) {
		$rows  = new Sitecrew_Rows( $db, $table, $put );
		$about = $rows->write();
		if ( $rows->odd ) {
			$this->odd[ $table ] = $rows->bytes;
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

	/** Fills new tables with rows from the copy (original name => new name) and compares each with the original. */
	public function fill( $db, $wanted ) {
		foreach ( $wanted as $table => $scratch ) {
			$lines  = explode( "\n", $this->info['tables'][ $table ]['create'] );
			$create = implode( "\n", preg_grep( '~^\s+CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY ~', $lines, PREG_GREP_INVERT ) );
			$create = preg_replace( '~,(?=\n\)[^\n]*$)~D', '', $create, 1 );
			$start  = 'CREATE TABLE ' . sitecrew_name( $table );
			if ( 0 !== strpos( $create, $start ) ) {
				throw new Sitecrew_Trouble( 'cannot parse the definition of a table', 3 );
			}
			$db->run( 'DROP TABLE IF EXISTS ' . sitecrew_name( $scratch ) );
			$db->run( 'CREATE TABLE ' . sitecrew_name( $scratch ) . substr( $create, strlen( $start ) ) );
		}
		$table = '';
		foreach ( $this->lines( "{$this->folder}/{$this->info['file']}" ) as $line ) {
			if ( 0 === strpos( $line, '-- Table ' ) ) {
				$table = rtrim( substr( $line, 9 ), "\n" );
			} elseif ( isset( $wanted[ $table ] ) && preg_match( '~^SET @sitecrew_\d~', $line ) ) {
				$db->run( rtrim( $line, ";\n" ) );
			} elseif ( isset( $wanted[ $table ] ) && 0 === strpos( $line, "INSERT INTO " . sitecrew_name( $table ) ) ) {
				$db->run( "INSERT INTO " . sitecrew_name( $wanted[ $table ] ) . substr( rtrim( $line, ";\n" ), strlen( "INSERT INTO " . sitecrew_name( $table ) ) ) );
			}
		}
		foreach ( $wanted as $table => $scratch ) {
			$about = $this->info['tables'][ $table ];
			if ( $db->rows( $scratch, $about ) !== array( $about['rows'], $about['sum'] ) ) {
				throw new Sitecrew_Trouble( "the copy of the table $table does not match its checksum", 3 );
			}
		}
	}
}
