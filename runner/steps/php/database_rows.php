<?php
// A table as exact SQL, for restore points and backups. Any client of MariaDB or MySQL can read it.

/** Writes one table: its definition, then its rows. */
class Sitecrew_Rows {
	/** Whether it has values that a database may store differently; bytes of its rows as SQL. */
	public $odd = false, $bytes = 0;
	/** Rows written so far, and how many contain text that is invalid in its charset, which no statement can write. */
	public $count = 0, $invalid = 0;
	/** Engines whose rows are stored in another table or on another server. */
	const OTHERS = '~ ENGINE=(MRG_MyISAM|MERGE|FEDERATED|CONNECT|SPIDER|OQGRAPH|SPHINX)\b~i';

	private $db, $table, $put, $pending = '', $most, $head;

	public function __construct( $db, $table, $put ) {
		$this->db    = $db;
		$this->table = $table;
		$this->put   = $put;
		$this->most  = min( 400000, (int) ( $db->one( 'SELECT @@max_allowed_packet' ) / 4 ) );
	}

	/** Returns the description of the table, with the count and the checksum of its rows. */
	public function write() {
		$about      = $this->db->describe( $this->table );
		$this->odd  = (bool) array_diff( $about['columns'], array( 'text', 'number' ) );
		$this->head = 'INSERT INTO ' . sitecrew_name( $this->table ) . ' (' . implode( ',', array_map( 'sitecrew_name', array_keys( $about['columns'] ) ) ) . ') VALUES ';
		$this->put( "-- Table {$this->table}\nDROP TABLE IF EXISTS " . sitecrew_name( $this->table ) . ";\n{$about['create']};\n" );
		if ( preg_match( self::OTHERS, substr( $about['create'], (int) strrpos( $about['create'], "\n)" ) ) ) ) {
			return $about + array( 'rows' => 0, 'sum' => '' );
		}
		$texts = array_keys( preg_grep( '~^text$~', array_values( $about['columns'] ) ) );
		try {
			list( $about['rows'], $about['sum'] ) = $this->db->rows(
				$this->table,
				$about,
				function ( $line, $values ) use ( $texts ) {
					$this->row( $line, $values, $texts );
				}
			);
		} finally {
			$this->flush();
		}
		return $about;
	}

	private function put( $text ) {
		call_user_func( $this->put, $text );
	}

	private function flush() {
		if ( '' !== $this->pending ) {
			$this->put( "{$this->pending};\n" );
		}
		$this->pending = '';
	}

	private function row( $line, $values, $texts ) {
		++$this->count;
		$this->bytes += strlen( $line );
		foreach ( $texts as $n ) {
			if ( 0 === strpos( $values[ $n ], '0x' ) ) {
				$this->odd = true;
				++$this->invalid;
				break;
			}
		}
		if ( '' !== $this->pending && strlen( $this->pending ) + strlen( $line ) > $this->most ) {
			$this->flush();
		}
		$long = strlen( $line ) > $this->most;
		if ( $long ) {
			$this->odd = true;
			$line      = $this->in_pieces( $values );
		}
		$this->pending .= ( '' === $this->pending ? $this->head : ',' ) . $line;
		if ( $long ) {
			$this->flush();
		}
	}

	/**
	 * A row with its long values in variables, which preceding statements fill, each below the server's limit. If a
	 * server's limit is too low for the value itself, a restore stops there, because it would be NULL.
	 */
	private function in_pieces( $values ) {
		foreach ( $values as $n => $value ) {
			if ( strlen( $value ) < min( 8192, $this->most / 8 ) ) {
				continue;
			}
			$charset = preg_match( '~^(_\w+ )0x~', $value, $found ) ? $found[1] : '';
			$bytes   = "'" === $value[0] ? bin2hex( self::unquoted( $value ) ) : substr( $value, strlen( $charset ) + 2 );
			$charset = "'" === $value[0] ? '_utf8mb4 ' : $charset;
			$this->put( "SET @sitecrew_$n = _binary '';\n" );
			foreach ( str_split( $bytes, 2 * (int) ( $this->most / 4 ) ) as $piece ) {
				$this->put( "SET @sitecrew_$n = CONCAT(@sitecrew_$n, 0x$piece);\n" );
			}
			$this->put( "-- An error here: max_allowed_packet of this server is too low.\nSET @sitecrew_fits = IF(@sitecrew_$n IS NULL, (SELECT 1 UNION SELECT 2), 0);\n" );
			$values[ $n ] = '' === $charset ? "@sitecrew_$n" : 'CONVERT(@sitecrew_' . $n . ' USING ' . trim( $charset, '_ ' ) . ')';
		}
		return '(' . implode( ',', $values ) . ')';
	}

	private static function unquoted( $value ) {
		return strtr( substr( $value, 1, -1 ), array( '\\0' => "\0", '\\n' => "\n", '\\r' => "\r", '\\Z' => "\x1a", "\\'" => "'", '\\"' => '"', '\\\\' => '\\' ) );
	}
}
