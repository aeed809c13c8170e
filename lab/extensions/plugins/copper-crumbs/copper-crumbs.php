<?php
/**
 * Plugin Name: Copper Crumbs
 * Description: A trail of links above every page, from the front page to where the visitor is.
 * Version: @VERSION@
 * Author: Coppersmith & Daughters
 */

defined( 'ABSPATH' ) || exit;

add_filter(
	'the_content',
	function ( $content ) {
		if ( ! is_singular() || is_front_page() || ! in_the_loop() ) {
			return $content;
		}
		$trail = sprintf(
			'<nav class="copper-crumbs"><a href="%s">%s</a> / %s</nav>',
			esc_url( home_url( '/' ) ),
			esc_html( get_bloginfo( 'name' ) ),
			esc_html( get_the_title() )
		);
		return $trail . $content;
	}
);
