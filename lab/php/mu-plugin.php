<?php
/**
 * Plugin Name: No internet here
 * Description: Leads requests for wordpress.org to the stand-in; nothing else leaves this machine.
 */

defined( 'ABSPATH' ) || exit;

add_filter(
	'pre_http_request',
	function ( $answer, $arguments, $url ) {
		$moved = preg_replace( '#^https?://(?:(?:api|downloads|www)\.)?wordpress\.org(?=/)#', '@WPORG@', $url );
		if ( $moved !== $url ) {
			$arguments['reject_unsafe_urls'] = false;
			return wp_remote_request( $moved, $arguments );
		}
		if ( preg_match( '#^https?://(127\.\d+\.\d+\.\d+|localhost)[:/]#', $url . '/' ) ) {
			return $answer;
		}
		return new WP_Error( 'http_request_failed', 'there is no internet here: ' . $url );
	},
	10,
	3
);
