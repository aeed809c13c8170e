<?php
// What of a database cannot be dumped: views over tables that are gone, tables without their files. Plain PHP.
// Input: {"mark", "do", "roots", "server"}. do = find: prints arguments for `wp db export`, one a line, and says what
// they leave out and why. views: prints, as the end of the dump, the views that the client cannot dump since
// the account that made them is gone. Exit status 0; where this cannot be told it prints nothing.

/** Why the database refuses a statement; empty where it does not. */
function sitecrew_refused( $db, $sql, $codes = null ) {
	try {
		foreach ( $db->all( $sql ) as $row ) {
			continue;
		}
	} catch ( mysqli_sql_exception $error ) {
		if ( null === $codes || in_array( $error->getCode(), $codes, true ) ) {
			return sprintf( '(%d) %s', $error->getCode(), substr( $error->getMessage(), 0, 160 ) );
		}
	}
	return '';
}

function sitecrew_bad_objects( $db ) {
	$gone  = array( 1146, 1812, 1814, 1932 ); // A table that is there by its name only.
	$found = array();
	foreach ( $db->all( 'SHOW FULL TABLES' ) as $row ) {
		list( $name, $type ) = array_values( $row );
		$view = 'VIEW' === $type;
		$why  = $view ? sitecrew_refused( $db, 'SHOW FIELDS FROM ' . sitecrew_name( $name ) ) : '';
		$why  = $why ?: sitecrew_refused( $db, ( $view ? 'SHOW CREATE VIEW ' : 'SHOW CREATE TABLE ' ) . sitecrew_name( $name ), $view ? null : $gone );
		if ( 0 === strpos( $why, '(1449)' ) && '' !== sitecrew_view( $db, $name ) ) {
			$why = 'gone';
		}
		if ( '' !== $why && ! preg_match( '~[\x00-\x1f\x7f,]~', $name ) ) {
			$found[] = array( 'object' => $view ? 'view' : 'table', 'name' => $name, 'why' => $why );
		}
	}
	return $found;
}

/** A view's definition for whoever makes it anew; empty where it cannot be read. */
function sitecrew_view( $db, $name ) {
	try {
		$row = $db->run( 'SHOW CREATE VIEW ' . sitecrew_name( $name ) )->fetch_row();
	} catch ( mysqli_sql_exception $error ) {
		return '';
	}
	return preg_replace( '~ DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`~', '', $row[1], 1 );
}

function sitecrew_bad_triggers( $db ) {
	$found = array();
	$bad   = false;
	foreach ( $db->all( 'SELECT TRIGGER_NAME AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE()' ) as $row ) {
		$why     = sitecrew_refused( $db, 'SHOW CREATE TRIGGER ' . sitecrew_name( $row['name'] ) );
		$bad     = $bad || '' !== $why;
		$found[] = array( 'object' => 'trigger', 'name' => $row['name'], 'why' => $why ?: 'left out with the other triggers' );
	}
	return $bad ? $found : array();
}

function sitecrew_objects( $given ) {
	$_SERVER  = $given['server'] + $_SERVER;
	$db       = new Sitecrew_Database( sitecrew_read_config( sitecrew_find_config( $given['roots'] ) ) );
	$objects  = sitecrew_bad_objects( $db );
	if ( 'views' === $given['do'] ) {
		foreach ( $objects as $object ) {
			if ( 'gone' === $object['why'] ) {
				echo "\n-- View without its definer\n", 'DROP VIEW IF EXISTS ' . sitecrew_name( $object['name'] ), ";\n", sitecrew_view( $db, $object['name'] ), ";\n-- Dump completed\n";
			}
		}
		return;
	}
	$triggers = sitecrew_bad_triggers( $db );
	foreach ( array_merge( $objects, $triggers ) as $object ) {
		if ( 'gone' === $object['why'] ) {
			continue;
		}
		sitecrew_say( $object );
	}
	if ( $objects ) {
		echo '--exclude_tables=', implode( ',', array_column( $objects, 'name' ) ), "\n";
	}
	if ( $triggers ) {
		echo "--skip-triggers\n";
	}
}

ini_set( 'display_errors', '0' );
try {
	if ( function_exists( 'mysqli_init' ) && function_exists( 'token_get_all' ) ) {
		sitecrew_objects( $GLOBALS['sitecrew'] );
	}
} catch ( Throwable $error ) {
	exit( 0 ); // The dump itself says what is wrong.
}
