<?php
/**
 * Plugin Name: Tidewater Hours
 * Description: Opening hours as a shortcode.
 * Version: @VERSION@
 * Author: Tidewater
 */

defined( 'ABSPATH' ) || exit;

add_shortcode(
	'tidewater_hours',
	function () {
		$hours = get_option( 'tidewater_hours', array( 'Monday to Saturday' => '7 to 18' ) );
		$rows  = '';
		foreach ( $hours as $days => $span ) {
			$rows .= '<tr><th>' . esc_html( $days ) . '</th><td>' . esc_html( $span ) . '</td></tr>';
		}
		return '<table class="tidewater-hours">' . $rows . '</table>';
	}
);
