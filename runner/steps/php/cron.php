<?php
// The scheduled events of a site. Input: {"hooks": [name], "due": bool, "overdue": seconds, "updates": bool}.
// Without arguments, it lists those of every site of a network: {"events": [[site, url, hook, count]], "overdue":
// [[site, url, hook, seconds]], "late": count, "sites": count}, and prints a line `visit SITE HOOK URL` for the shell.
// With the arguments SITE, URL and HOOK, it runs that hook on this site, and prints {"hook", "site", "state"}.

/** The events of one site, without filters: [seconds since 1970, hook, arguments, schedule]. */
function sitecrew_events( $id ) {
	global $wpdb;
	$table  = $wpdb->get_blog_prefix( $id ) . 'options';
	$stored = maybe_unserialize( $wpdb->get_var( "SELECT option_value FROM " . sitecrew_name( $table ) . " WHERE option_name = 'cron'" ) );
	$found  = array();
	foreach ( is_array( $stored ) ? $stored : array() as $when => $hooks ) {
		foreach ( is_array( $hooks ) ? $hooks : array() as $hook => $events ) {
			foreach ( is_array( $events ) ? $events : array() as $event ) {
				$found[] = array( (int) $when, (string) $hook, isset( $event['args'] ) ? $event['args'] : array(), isset( $event['schedule'] ) ? $event['schedule'] : false );
			}
		}
	}
	return $found;
}

function sitecrew_wanted_event( $event, $hook ) {
	return $event[1] === $hook && ( ! $GLOBALS['sitecrew']['due'] || $event[0] <= time() );
}

/** The sites of the network by id; without a network, the site has the id 1. */
function sitecrew_cron_sites() {
	global $wpdb;
	if ( ! is_multisite() ) {
		return array( get_current_blog_id() => (string) get_option( 'siteurl' ) );
	}
	$found = array();
	foreach ( get_sites( array( 'archived' => 0, 'spam' => 0, 'deleted' => 0, 'number' => 0, 'orderby' => 'id', 'fields' => 'ids' ) ) as $id ) {
		$table        = $wpdb->get_blog_prefix( $id ) . 'options';
		$found[ $id ] = (string) $wpdb->get_var( "SELECT option_value FROM " . sitecrew_name( $table ) . " WHERE option_name = 'siteurl'" );
	}
	return $found;
}

function sitecrew_look() {
	$hooks   = $GLOBALS['sitecrew']['hooks'];
	$events  = array();
	$overdue = array();
	$sites   = sitecrew_cron_sites();
	foreach ( $sites as $id => $url ) {
		$counts = array();
		$late   = array();
		foreach ( sitecrew_events( $id ) as $event ) {
			if ( in_array( $event[1], $hooks, true ) ) {
				$counts[ $event[1] ] = ( isset( $counts[ $event[1] ] ) ? $counts[ $event[1] ] : 0 ) + (int) sitecrew_wanted_event( $event, $event[1] );
			}
			$behind = time() - $event[0];
			if ( $behind > $GLOBALS['sitecrew']['overdue'] ) {
				$late[ $event[1] ] = max( $behind, isset( $late[ $event[1] ] ) ? $late[ $event[1] ] : 0 );
			}
		}
		foreach ( $late as $hook => $behind ) {
			$overdue[] = array( $id, $url, $hook, $behind );
		}
		foreach ( $hooks as $hook ) { // In the order of the playbook.
			if ( isset( $counts[ $hook ] ) ) {
				$events[] = array( $id, $url, $hook, $counts[ $hook ] );
			}
		}
	}
	sitecrew_say(
		array(
			'events'  => $events,
			'overdue' => array_slice( $overdue, 0, 100 ),
			'late'    => count( $overdue ),
			'sites'   => count( $sites ),
		)
	);
	foreach ( $events as $event ) {
		if ( $event[3] && ! preg_match( '~\s~', $event[1] . $event[2] ) ) {
			fwrite( STDOUT, "\n{$GLOBALS['sitecrew']['mark']} visit {$event[0]} {$event[2]} {$event[1]}\n" );
		}
	}
}

function sitecrew_run_hook( $id, $url, $hook ) {
	$say = function ( $state, $why = '' ) use ( $id, $url, $hook ) {
		sitecrew_say( array( 'hook' => $hook, 'site' => $id, 'url' => $url, 'state' => $state, 'why' => $why ) );
	};
	// For an unknown address, WordPress silently uses the main site.
	if ( get_current_blog_id() !== $id || get_option( 'siteurl' ) !== $url ) {
		$say( 'refused', 'WordPress started as ' . get_option( 'siteurl' ) );
		return 1;
	}
	if ( $GLOBALS['sitecrew']['updates'] ) {
		remove_filter( 'automatic_updater_disabled', $GLOBALS['sitecrew_not_now'], PHP_INT_MAX );
	}
	if ( ! has_action( $hook ) ) {
		$say( 'refused', 'no code is registered for it' );
		return 1;
	}
	defined( 'DOING_CRON' ) || define( 'DOING_CRON', true );
	$count = 0;
	foreach ( sitecrew_events( $id ) as $event ) {
		if ( ! sitecrew_wanted_event( $event, $hook ) ) {
			continue;
		}
		list( $when, , $arguments, $schedule ) = $event;
		if ( $schedule ) {
			wp_reschedule_event( $when, $schedule, $hook, $arguments );
		}
		wp_unschedule_event( $when, $hook, $arguments );
		$say( 'begun' );
		do_action_ref_array( $hook, $arguments );
		++$count;
	}
	$say( 'done', "$count" );
	return 0;
}

if ( empty( $args ) ) {
	sitecrew_look();
	exit( 0 );
}
exit( sitecrew_run_hook( (int) $args[0], $args[1], $args[2] ) );
