<?php
// The dump of a backup: a site's whole database as exact SQL on stdout, in one consistent snapshot. Plain PHP, mysqli.
// Input: {"mark", "roots", "server"}. On stderr: the addresses in the database, and what is not in the dump and why.
// Exit status 0; 9 if PHP cannot do it and nothing was written; 1 if it stopped in the middle.

ini_set( 'display_errors', 'stderr' );

function sitecrew_put( $text ) {
	if ( strlen( $text ) !== @fwrite( sitecrew_stream( 'stdout' ), $text ) ) {
		fwrite( sitecrew_stream( 'stderr' ), "could not write the dump\n" );
		exit( 1 );
	}
}

/** Reports an object that is not in the dump: its kind, its name, and why. */
function sitecrew_lacks( $kind, $name, $why ) {
	sitecrew_note( array( 'object' => $kind, 'name' => $name, 'why' => $why ) );
}

/** Writes each object, or reports that it is left out. */
function sitecrew_each( $db, $kind, $names, $write ) {
	foreach ( $names as $name ) {
		if ( preg_match( '~[\x00-\x1f\x7f]~', $name ) ) {
			sitecrew_lacks( $kind, preg_replace( '~[\x00-\x1f\x7f]~', '?', $name ), 'its name contains a control character' );
			continue;
		}
		try {
			$db->run( 'SAVEPOINT sitecrew' ); // The next statements lock the definition; the rollback releases it.
			call_user_func( $write, $name );
		} catch ( mysqli_sql_exception $error ) {
			if ( ! sitecrew_is_of_table( $error ) ) {
				throw $error;
			}
			sitecrew_lacks( $kind, $name, sitecrew_says( $error ) );
		}
		$db->run( 'ROLLBACK TO SAVEPOINT sitecrew' );
	}
}

/** Writes a statement with a body of statements. Names of collations are letters, digits and underscores. */
function sitecrew_put_program( $kind, $name, $create, $mode, $collation, $more = '' ) {
	$end = ';;';
	for ( $n = 0; false !== strpos( $create, $end ); $n++ ) {
		$end = "sitecrew_end_$n";
	}
	$drop = $kind ? "DROP $kind IF EXISTS " . sitecrew_name( $name ) . ";\n" : '';
	$mode = preg_replace( '~[^A-Z_0-9,]~', '', $mode );
	$set  = '' === $collation ? '' : ', collation_connection = ' . preg_replace( '~\W~', '', $collation );
	sitecrew_put( "{$drop}SET sql_mode = '$mode'$set$more;\nDELIMITER $end\n" . sitecrew_without_definer( $create ) . "\n$end\nDELIMITER ;\n" );
	sitecrew_put( "SET NAMES utf8mb4;\nSET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00';\n" );
}

function sitecrew_put_table( $db, $name ) {
	$rows = new Sitecrew_Rows( $db, $name, 'sitecrew_put' );
	try {
		$about = $rows->write();
	} catch ( mysqli_sql_exception $error ) {
		if ( $rows->count && sitecrew_is_of_table( $error ) ) {
			sitecrew_lacks( 'table', $name, "only {$rows->count} rows could be read: " . sitecrew_says( $error ) );
			return;
		}
		throw $error;
	}
	if ( $rows->invalid ) {
		sitecrew_lacks( 'table', $name, "{$rows->invalid} rows contain text that is not valid in its character set; a restore truncates it there" );
	}
	sitecrew_put_triggers( $db, $name );
}

function sitecrew_put_triggers( $db, $table ) {
	$found = $db->all( 'SELECT trigger_name AS name, collation_connection AS collation FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND event_object_table = ' . $db->quoted( $table ) . ' ORDER BY action_timing, event_manipulation, action_order' );
	foreach ( array_column( $found, 'collation', 'name' ) as $name => $collation ) {
		sitecrew_each(
			$db,
			'trigger',
			array( (string) $name ),
			function ( $name ) use ( $db, $collation ) {
				$row = $db->run( 'SHOW CREATE TRIGGER ' . sitecrew_name( $name ) )->fetch_row();
				sitecrew_put_program( 'TRIGGER', $name, $row[2], $row[1], $collation );
			}
		);
	}
}

function sitecrew_put_sequence( $db, $name ) {
	$row   = $db->run( 'SHOW CREATE SEQUENCE ' . sitecrew_name( $name ) )->fetch_row();
	$state = $db->run( 'SELECT next_not_cached_value, cycle_count FROM ' . sitecrew_name( $name ) )->fetch_row();
	sitecrew_put( 'DROP SEQUENCE IF EXISTS ' . sitecrew_name( $name ) . ";\n{$row[1]};\nSET @sitecrew_set = SETVAL(" . sitecrew_name( $name ) . ", {$state[0]}, 0, {$state[1]});\n" );
}

function sitecrew_put_routine( $db, $kind, $name ) {
	$row = $db->run( "SHOW CREATE $kind " . sitecrew_name( $name ) )->fetch_assoc();
	$row = array_change_key_case( $row );
	$sql = $row[ 'create ' . strtolower( $kind ) ];
	if ( null === $sql ) {
		sitecrew_lacks( strtolower( $kind ), $name, 'the database account in wp-config.php cannot read it' );
		return;
	}
	sitecrew_put_program( $kind, $name, $sql, $row['sql_mode'], $row['collation_connection'] );
}

function sitecrew_put_event( $db, $name ) {
	$row  = array_change_key_case( $db->run( 'SHOW CREATE EVENT ' . sitecrew_name( $name ) )->fetch_assoc() );
	$zone = preg_replace( '~[^\w/+:-]~', '', $row['time_zone'] );
	sitecrew_put_program( 'EVENT', $name, $row['create event'], $row['sql_mode'], $row['collation_connection'], ", time_zone = '$zone'" );
}

/** A statement without the database name before its tables, so that it can be restored to any database. */
function sitecrew_unqualified( $sql, $database ) {
	$own = sitecrew_name( $database ) . '.';
	return preg_replace_callback(
		"~'(?:[^'\\\\]|''|\\\\.)*'|\"(?:[^\"\\\\]|\"\"|\\\\.)*\"|`(?:[^`]|``)*`(?:\\.(?=`))?~s",
		function ( $found ) use ( $own ) {
			return $own === $found[0] ? '' : $found[0];
		},
		$sql
	);
}

/** Definitions of the working views, each after those that it reads. */
function sitecrew_views( $db, $names ) {
	$found = array();
	sitecrew_each(
		$db,
		'view',
		$names,
		function ( $name ) use ( $db, &$found ) {
			try {
				$db->all( 'SHOW FIELDS FROM ' . sitecrew_name( $name ) );
			} catch ( mysqli_sql_exception $error ) {
				if ( 1449 !== $error->getCode() ) { // Its creator's account no longer exists, which does not matter for a restore.
					throw $error;
				}
			}
			$row = $db->run( 'SHOW CREATE VIEW ' . sitecrew_name( $name ) )->fetch_row();
			$sql = preg_replace( '~ DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`~', '', $row[1], 1 );

			$found[ $name ] = array( sitecrew_unqualified( $sql, DB_NAME ), $row[3] );
		}
	);
	$ordered = array();
	$visit   = function ( $name ) use ( &$visit, &$found, &$ordered ) {
		list( $sql, $collation ) = $found[ $name ];
		unset( $found[ $name ] );
		foreach ( array_keys( $found ) as $other ) {
			if ( isset( $found[ $other ] ) && false !== strpos( $sql, sitecrew_name( (string) $other ) ) ) {
				$visit( $other );
			}
		}
		$ordered[ $name ] = array( $sql, $collation );
	};
	while ( $found ) {
		$visit( key( $found ) );
	}
	return $ordered;
}

/** Prints the site's addresses in this database and in the configuration. */
function sitecrew_whose( $db ) {
	$host    = (string) preg_replace( '~^www\.~', '', $GLOBALS['sitecrew']['server']['SERVER_NAME'] );
	$said    = array( 'constants' => sitecrew_addresses(), 'stored' => array() );
	$queries = array(
		'SELECT option_value FROM ' . sitecrew_name( "{$db->prefix}options" ) . " WHERE option_name IN ('home', 'siteurl')",
		"SELECT CONCAT('http://', domain, path) FROM " . sitecrew_name( "{$db->prefix}blogs" ) . ' WHERE domain IN (' . $db->quoted( $host ) . ', ' . $db->quoted( "www.$host" ) . ') LIMIT 200',
	);
	foreach ( $queries as $query ) {
		try {
			foreach ( $db->all( $query ) as $row ) {
				$said['stored'][] = (string) current( $row );
			}
		} catch ( mysqli_sql_exception $none ) {
			continue;
		}
	}
	sitecrew_note( array( 'addresses' => $said ) );
}

function sitecrew_dump( $db ) {
	$kinds = array();
	foreach ( $db->all( 'SHOW FULL TABLES' ) as $row ) {
		list( $name, $kind ) = array_values( $row );
		$kinds[ $kind ][]    = $name;
	}
	$kinds += array_fill_keys( array( 'BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE', 'VIEW' ), array() );
	sitecrew_put( '-- Dump of the database ' . preg_replace( '~[^\w$-]~', '?', DB_NAME ) . ', for any client of MariaDB or MySQL' . "\n-- Server version " . preg_replace( '~[^\w.+-]~', '?', $db->one( 'SELECT VERSION()' ) ) . "\n" );
	sitecrew_put( "SET NAMES utf8mb4;\nSET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00', foreign_key_checks = 0, unique_checks = 0;\n/*M!100201 SET check_constraint_checks = 0 */;\n/*M!101101 SET " . Sitecrew_Database::HISTORY . " */;\n" );
	$db->run( 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ' );
	$db->run( 'START TRANSACTION WITH CONSISTENT SNAPSHOT' );
	sitecrew_each( $db, 'sequence', $kinds['SEQUENCE'], function ( $name ) use ( $db ) { sitecrew_put_sequence( $db, $name ); } );
	sitecrew_each( $db, 'table', array_merge( $kinds['BASE TABLE'], $kinds['SYSTEM VERSIONED'] ), function ( $name ) use ( $db ) { sitecrew_put_table( $db, $name ); } );
	foreach ( array( 'FUNCTION', 'PROCEDURE', 'PACKAGE', 'PACKAGE BODY' ) as $kind ) {
		$names = array_column( $db->all( "SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema = DATABASE() AND routine_type = '$kind'" ), 'name' );
		sitecrew_each( $db, strtolower( $kind ), $names, function ( $name ) use ( $db, $kind ) { sitecrew_put_routine( $db, $kind, $name ); } );
	}
	$names = array_column( $db->all( 'SELECT event_name AS name FROM information_schema.events WHERE event_schema = DATABASE()' ), 'name' );
	sitecrew_each( $db, 'event', $names, function ( $name ) use ( $db ) { sitecrew_put_event( $db, $name ); } );
	foreach ( sitecrew_views( $db, $kinds['VIEW'] ) as $name => $view ) {
		list( $sql, $collation ) = $view;
		sitecrew_put( 'DROP VIEW IF EXISTS ' . sitecrew_name( (string) $name ) . ";\nSET collation_connection = " . preg_replace( '~\W~', '', $collation ) . ";\n$sql;\nSET NAMES utf8mb4;\n" );
	}
	$db->run( 'COMMIT' );
	sitecrew_put( "-- Dump completed\n" );
}

try {
	if ( ! function_exists( 'mysqli_init' ) || ! function_exists( 'token_get_all' ) ) {
		exit( 9 );
	}
	$_SERVER = $GLOBALS['sitecrew']['server'] + $_SERVER;
	$sitecrew_prefix = sitecrew_read_config( sitecrew_find_config( $GLOBALS['sitecrew']['roots'] ) );
	$sitecrew_db = new Sitecrew_Database( $sitecrew_prefix );
} catch ( Throwable $error ) {
	exit( 9 ); // The caller tries wp-cli, which reports the error.
}
try {
	sitecrew_whose( $sitecrew_db );
	sitecrew_dump( $sitecrew_db );
} catch ( mysqli_sql_exception $error ) {
	fwrite( sitecrew_stream( 'stderr' ), "\nthe database reports " . sitecrew_says( $error ) . "\n" );
	exit( 1 );
}
