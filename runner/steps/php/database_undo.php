<?php
// Restores the database from a restore point.

/** Compares the database with a restore point, counts what a restore would lose, and restores it. */
class Sitecrew_Undo {
	private $db, $point, $limit, $now;
	public $replace = array(), $drop = array(), $options = array(), $lost = array();

	const OWN = '~^(posts|postmeta|comments|commentmeta|users|usermeta|terms|termmeta|term_taxonomy|term_relationships|links|blogs|blogmeta|blog_versions|site|signups|registration_log|wc_orders|wc_orders_meta|wc_order_addresses|wc_order_operational_data|woocommerce_order_items|woocommerce_order_itemmeta)$~';
	const ENTRIES = '~(^|_)(entry|entries|submits?|submissions?|leads?|items_meta|cf7_vdata|cf7_vdata_entry|db7_forms|frm_items)$~';
	const VISITORS = '~(^|_)(orders?|bookings?|appointments?|reservations?|tickets?|donations?|subscribers?|subscriptions?|members?|memberships?|customers?|payments?|transactions?|votes?|reviews?|ratings?|messages?|registrations?|attendees?|enquir(y|ies)|inquir(y|ies)|requests?|invoices?|contacts?)$~';

	/** With a limit, only what the change itself touched: for an undo days later. */
	public function __construct( $db, $point, $later ) {
		$this->db    = $db;
		$this->point = $point;
		$path        = "{$point->folder}/after.json";
		$this->limit = $later && is_file( $path ) ? json_decode( file_get_contents( $path ), true ) : null;
		$this->now   = array_values( array_diff( $db->tables(), array_keys( isset( $point->info['left'] ) ? $point->info['left'] : array() ) ) );
	}

	/** Lists what the change has touched so far: tables with a different definition, and options. */
	public function touched() {
		$this->compare( 'schema' );
		return array( 'tables' => array_merge( $this->replace, $this->drop ), 'options' => $this->options );
	}

	public function compare( $stage ) {
		$kept = $this->point->info['tables'];
		if ( 'options' === $stage ) {
			foreach ( array_intersect( array_keys( $kept ), $this->now ) as $table ) {
				$shape = sitecrew_options_shape( $this->db->word( $table ) );
				if ( $shape && sitecrew_without_counter( $this->db->definition( $table ) ) === $kept[ $table ]['definition'] ) {
					$this->compare_options( $table, $shape );
				}
			}
			return;
		}
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
				if ( $this->db->rows( $table, $about ) !== array( $about['rows'], $about['sum'] ) ) {
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

	/** The current rows of the options that differ. */
	public function present_options() {
		$found = array();
		foreach ( $this->options as $table => $names ) {
			$shape = sitecrew_options_shape( $this->db->word( $table ) );
			$match = implode( ", '/', ", $shape['match'] );
			foreach ( array_chunk( $names, 200 ) as $some ) {
				$list = implode( ',', array_map( array( $this->db, 'quoted' ), $some ) );
				foreach ( $this->db->all( 'SELECT * FROM ' . sitecrew_name( $table ) . " WHERE CONCAT($match) IN ($list)" ) as $row ) {
					$found[ $table ][] = array_map( 'base64_encode', array_map( 'strval', $row ) );
				}
			}
		}
		return $found;
	}

	public function is_empty() {
		return ! $this->replace && ! $this->drop && ! $this->options;
	}

	/** Counts what visitors and editors have added since to tables that would be replaced. */
	public function count_lost() {
		$this->lost = array();
		foreach ( array_intersect( $this->replace, $this->now ) as $table ) {
			$about = $this->point->info['tables'][ $table ];
			$key   = $about['key'];
			$word  = $this->db->word( $table );
			if ( ! $key || ! $this->has( $table, $key ) ) {
				if ( preg_match( self::ENTRIES, $word ) || preg_match( self::VISITORS, $word ) ) {
					$more = (int) $this->db->one( "SELECT COUNT(*) FROM " . sitecrew_name( $table ) ) - $about['rows'];
					$this->lose( preg_match( self::ENTRIES, $word ) ? 'form entries' : 'entries', max( 0, $more ) );
				}
				continue;
			}
			$newer = sitecrew_name( $key ) . " > " . (int) $about['max'];
			if ( 'posts' === $word ) {
				$this->count_posts( $table, $newer );
			} elseif ( 'comments' === $word ) {
				$this->lose( 'comments', $this->db->one( "SELECT COUNT(*) FROM " . sitecrew_name( $table ) . " WHERE $newer AND comment_type NOT IN ('order_note', 'action_log') AND comment_approved NOT IN ('spam', 'trash')" ) );
			} elseif ( 'users' === $word ) {
				$this->lose( 'users', $this->db->one( "SELECT COUNT(*) FROM " . sitecrew_name( $table ) . " WHERE $newer" ) );
			} elseif ( 'wc_orders' === $word ) {
				$this->lose( 'orders', $this->db->one( "SELECT COUNT(*) FROM " . sitecrew_name( $table ) . " WHERE $newer" ) );
			} elseif ( preg_match( self::ENTRIES, $word ) ) {
				$this->lose( 'form entries', $this->db->one( "SELECT COUNT(*) FROM " . sitecrew_name( $table ) . " WHERE $newer" ) );
			} elseif ( preg_match( self::VISITORS, $word ) ) {
				$this->lose( 'entries', $this->db->one( "SELECT COUNT(*) FROM " . sitecrew_name( $table ) . " WHERE $newer" ) );
			}
		}
	}

	private function has( $table, $column ) {
		return (bool) $this->db->all( "SHOW COLUMNS FROM " . sitecrew_name( $table ) . " WHERE Field = " . $this->db->quoted( $column ) );
	}

	private function count_posts( $table, $newer ) {
		$edited = 'post_modified_gmt > ' . $this->db->quoted( gmdate( 'Y-m-d H:i:s', $this->point->info['taken'] ) );
		$sql    = "SELECT post_type, COUNT(*) AS n FROM " . sitecrew_name( $table ) . " WHERE ( $newer OR $edited ) AND post_status <> 'auto-draft'
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
		$stem   = $this->point->stem();
		foreach ( array_merge( $this->replace, array_keys( $this->options ) ) as $n => $table ) {
			$wanted[ $table ] = "{$stem}_$n";
		}
		$this->db->with_scratch(
			$stem,
			$wanted,
			function () use ( $stem, $wanted ) {
				$this->point->fill( $this->db, $wanted );
				foreach ( $this->replace as $n => $table ) {
					$this->exchange( $table, $wanted[ $table ], "{$stem}_a$n" );
				}
				foreach ( $this->options as $table => $names ) {
					$this->put_options_back( $table, $wanted[ $table ], $names );
				}
				foreach ( $this->drop as $table ) {
					$this->db->run( 'DROP TABLE IF EXISTS ' . sitecrew_name( $table ) );
				}
			}
		);
		foreach ( $this->replace as $table ) {
			$about = $this->point->info['tables'][ $table ];
			$count = (int) $this->db->one( "SELECT COUNT(*) FROM " . sitecrew_name( $table ) . sitecrew_with_past( $about ) );
			if ( $count < $about['rows'] ) {
				throw new Sitecrew_Trouble( "the table $table was restored, but rows are missing", 3 );
			}
		}
	}

	/** Replaces a table by one rename, unless foreign keys would still point to the old one. */
	private function exchange( $table, $scratch, $aside ) {
		$about = $this->point->info['tables'][ $table ];
		$there = in_array( $table, $this->now, true );
		$bound = $this->db->one( 'SELECT COUNT(*) FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL AND ' . $this->db->quoted( $table ) . ' IN (table_name, referenced_table_name)' );
		if ( $bound || false !== strpos( $about['create'], ' FOREIGN KEY ' ) ) {
			$names = implode( ',', array_map( 'sitecrew_name', array_keys( $about['columns'] ) ) );
			$this->db->run( "DROP TABLE IF EXISTS " . sitecrew_name( $table ) );
			$this->db->run( $about['create'] );
			$this->db->run( "INSERT INTO " . sitecrew_name( $table ) . " ($names) SELECT $names FROM " . sitecrew_name( $scratch ) . sitecrew_with_past( $about ) );
		} else {
			$this->db->run( "DROP TABLE IF EXISTS " . sitecrew_name( $aside ) );
			$this->db->run( ( $there ? "RENAME TABLE " . sitecrew_name( $table ) . " TO " . sitecrew_name( $aside ) . ", " : 'RENAME TABLE ' ) . sitecrew_name( $scratch ) . " TO " . sitecrew_name( $table ) );
			$this->db->run( "DROP TABLE IF EXISTS " . sitecrew_name( $aside ) );
		}
		foreach ( $about['triggers'] as $create ) {
			list( $mode, $sql ) = is_array( $create ) ? $create : array( '', $create );
			$this->db->run( "SET SESSION sql_mode = '" . preg_replace( '~[^A-Z_0-9,]~', '', $mode ) . "'" );
			$this->db->run( $sql );
			$this->db->run( "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'" );
		}
	}

	private function put_options_back( $table, $scratch, $names ) {
		$shape   = sitecrew_options_shape( $this->db->word( $table ) );
		$match   = implode( ", '/', ", $shape['match'] );
		$columns = implode( ', ', array_merge( $shape['match'], $shape['values'] ) ); // Without row numbers, which may be taken by other rows now.
		$updates = array();
		foreach ( $shape['values'] as $column ) {
			$updates[] = "$column = VALUES($column)";
		}
		foreach ( array_chunk( $names, 200 ) as $some ) {
			$list = implode( ',', array_map( array( $this->db, 'quoted' ), $some ) );
			$this->db->run( 'START TRANSACTION' );
			$this->db->run( "DELETE FROM " . sitecrew_name( $table ) . " WHERE CONCAT($match) IN ($list)" );
			$this->db->run( "INSERT INTO " . sitecrew_name( $table ) . " ($columns) SELECT $columns FROM " . sitecrew_name( $scratch ) . " WHERE CONCAT($match) IN ($list) ON DUPLICATE KEY UPDATE " . implode( ', ', $updates ) );
			$this->db->run( 'COMMIT' );
		}
	}
}
