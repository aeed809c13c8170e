<?php
/**
 * Plugin Name: Orchard SEO
 * Description: Tells search engines what a page is about.
 * Version: @VERSION@
 * Author: Orchard Row
 */

defined( 'ABSPATH' ) || exit;

register_activation_hook(
	__FILE__,
	function () {
		add_option( 'orchard_seo', array( 'description' => get_bloginfo( 'description' ) ) );
	}
);

add_action(
	'wp_head',
	function () {
		$options = get_option( 'orchard_seo', array() );
		$text    = is_singular() && ! is_front_page() ? get_the_title() : ( $options['description'] ?? '' );
		printf( '<meta name="description" content="%s">' . "\n", esc_attr( $text ) );
		echo '<meta name="generator" content="Orchard SEO @VERSION@">' . "\n";
	}
);
