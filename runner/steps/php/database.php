<?php
// The database's part of a restore point. Plain PHP with mysqli, which every PHP that runs WordPress has: it works
// if WordPress does not start, and needs neither a client nor proc_open. Written for PHP 5.6.
// Input: {"mark", "do", "roots": folders that may contain wp-config.php, "server": for $_SERVER, "tables": name of
// the database and prefix that WordPress uses, "rule", "later"}; SITECREW_POINT is the folder of the restore point,
// SITECREW_STAGE what "undo" restores: options, schema, tables or all.
// do = clear: removes scratch tables that a killed process left. save: dumps the site's tables, and tests the copy if
// some values may not survive it. mark: records what the change touched. count: counts what an undo would lose.
// undo: restores. Exit status 0: done, 4: nothing to do, 5: refused by the rule, 3: not possible, 1: no space left.

function sitecrew_main( $given ) {
	foreach ( array( 'mysqli' => 'mysqli_init', 'tokenizer' => 'token_get_all' ) as $extension => $function ) {
		if ( ! function_exists( $function ) ) {
			throw new Sitecrew_Trouble( "PHP on this host's command line lacks $extension", 3 );
		}
	}
	$_SERVER = $given['server'] + $_SERVER;
	$prefix  = sitecrew_read_config( sitecrew_find_config( $given['roots'] ) );
	if ( $given['tables'] && array( DB_NAME, $prefix ) !== $given['tables'] ) {
		throw new Sitecrew_Trouble( 'wp-config.php names a different database than WordPress uses', 'save' === $given['do'] ? 1 : 3 );
	}
	$db    = new Sitecrew_Database( $prefix );
	$point = new Sitecrew_Point( getenv( 'SITECREW_POINT' ) );
	if ( 'save' === $given['do'] ) {
		$point->save( $db );
		$point->prove( $db );
		sitecrew_say( array( 'database' => 'saved', 'bytes' => $point->info['bytes'], 'tables' => count( $point->info['tables'] ), 'left' => array_keys( $point->info['left'] ) ) );
		return 0;
	}
	$db->clear_scratch();
	if ( 'clear' === $given['do'] ) {
		return 0;
	}
	if ( ! $point->info || ! $point->is_of( $db ) ) {
		throw new Sitecrew_Trouble( 'there is no copy from before the change', 3 );
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
	if ( 'options' === getenv( 'SITECREW_STAGE' ) ) {
		$point->note( 'options-' . time() . '.json', $undo->present_options() );
		$undo->put_back();
		sitecrew_say( $undo->told( 'put back' ) );
		return 0;
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
	// The message of a failed statement may contain what visitors wrote: only its number and first words are printed.
	sitecrew_say( array( 'database' => 'impossible', 'why' => sprintf( 'the database reports (%d) %s', $error->getCode(), substr( preg_replace( "~'[^']*'~", "'...'", $error->getMessage() ), 0, 160 ) ) ) );
	exit( 3 );
} catch ( Exception $error ) {
	sitecrew_say( array( 'database' => 'impossible', 'why' => get_class( $error ) . ' in wp-config.php or in Sitecrew\'s program' ) );
	exit( 3 );
} catch ( Throwable $error ) {
	sitecrew_say( array( 'database' => 'impossible', 'why' => 'wp-config.php or Sitecrew\'s program stopped: ' . substr( $error->getMessage(), 0, 160 ) ) );
	exit( 3 );
}
