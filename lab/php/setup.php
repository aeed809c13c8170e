<?php
// Gives a freshly installed WordPress its first content. Runs once, by `wp eval-file setup.php RECIPE`.

require_once ABSPATH . 'wp-admin/includes/plugin.php';

global $wp_rewrite, $wpdb;

$recipe = json_decode( file_get_contents( $args[0] ), true );

foreach ( array( 'post', 'page' ) as $type ) {
	foreach ( get_posts( array( 'post_type' => $type, 'post_status' => 'any', 'numberposts' => -1 ) ) as $old ) {
		wp_delete_post( $old->ID, true );
	}
}
switch_theme( $recipe['theme'] );
foreach ( $recipe['plugins'] as $slug ) {
	$problem = activate_plugin( "$slug/$slug.php", '', in_array( $slug, $recipe['network_active'], true ) );
	if ( is_wp_error( $problem ) && 'unexpected_output' !== $problem->get_error_code() ) {
		WP_CLI::error( $problem );
	}
}
update_option( 'blogdescription', $recipe['description'] );
update_option( 'timezone_string', $recipe['timezone'] );
$wp_rewrite->set_permalink_structure( '/%postname%/' );

$day = 0;
foreach ( $recipe['pages'] as $title => $content ) {
	$pages[ $title ] = wp_insert_post(
		array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => $title, 'post_content' => $content, 'post_date' => '2026-09-01 09:00:00' )
	);
}
foreach ( $recipe['posts'] as list( $title, $content ) ) {
	wp_insert_post(
		array( 'post_status' => 'publish', 'post_title' => $title, 'post_content' => $content, 'post_date' => sprintf( '2026-10-%02d 09:00:00', ++$day ) )
	);
}
update_option( 'show_on_front', 'page' );
update_option( 'page_on_front', reset( $pages ) );
update_option( 'page_for_posts', $pages['News'] );
flush_rewrite_rules();
// WordPress cleans the address of a new site as if it were a user's name, and so loses the colon of a port.
add_filter( 'sanitize_user', function ( $clean, $raw ) { return $raw; }, 10, 2 );
foreach ( $recipe['subsites'] as list( $slug, $title ) ) {
	$made = wp_insert_site(
		array( 'domain' => DOMAIN_CURRENT_SITE, 'path' => "/$slug/", 'title' => $title, 'user_id' => 1, 'options' => array( 'template' => $recipe['theme'], 'stylesheet' => $recipe['theme'] ) )
	);
	if ( is_wp_error( $made ) ) {
		WP_CLI::error( $made );
	}
}
$wpdb->query( "DELETE FROM $wpdb->options WHERE option_name LIKE '%\\_transient\\_%'" );
// WordPress plans its hooks anew at the first visit: a copy that was kept for a day must not be a day late.
foreach ( is_multisite() ? get_sites( array( 'fields' => 'ids' ) ) : array( 1 ) as $blog ) {
	$wpdb->query( 'DELETE FROM ' . $wpdb->get_blog_prefix( $blog ) . "options WHERE option_name = 'cron'" );
}
