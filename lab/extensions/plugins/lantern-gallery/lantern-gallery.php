<?php
/**
 * Plugin Name: Lantern Gallery
 * Description: Shows pictures of the uploads folder in a row: [lantern_gallery images="one,two"].
 * Version: @VERSION@
 * Author: Lantern Street
 */

defined( 'ABSPATH' ) || exit;

add_action(
	'wp_enqueue_scripts',
	function () {
		wp_enqueue_style( 'lantern-gallery', plugins_url( 'lantern.css', __FILE__ ), array(), '@VERSION@' );
	}
);

add_shortcode(
	'lantern_gallery',
	function ( $attributes ) {
		$attributes = shortcode_atts( array( 'images' => '' ), $attributes );
		$folder     = wp_get_upload_dir()['baseurl'];
		$figures    = '';
		foreach ( array_filter( array_map( 'sanitize_key', explode( ',', $attributes['images'] ) ) ) as $name ) {
			$figures .= sprintf( '<img src="%s/%s.png" alt="%s" width="240" height="160">', esc_url( $folder ), $name, $name );
		}
		return '<div class="lantern-gallery" data-version="@VERSION@">' . $figures . '</div>';
	}
);
