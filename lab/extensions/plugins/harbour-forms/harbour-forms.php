<?php
/**
 * Plugin Name: Harbour Forms
 * Description: A contact form that keeps what visitors write in a table of its own.
 * Version: @VERSION@
 * Author: Harbour Works
 */

defined( 'ABSPATH' ) || exit;

define( 'HARBOUR_FORMS_VERSION', '@VERSION@' );

register_activation_hook( __FILE__, 'harbour_forms_install' );

function harbour_forms_install() {
	global $wpdb;
	$wpdb->query(
		"CREATE TABLE IF NOT EXISTS {$wpdb->prefix}harbour_entries (
			id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
			received datetime NOT NULL,
			sender varchar(190) NOT NULL,
			message text NOT NULL
		) {$wpdb->get_charset_collate()}"
	);
	update_option( 'harbour_forms_version', HARBOUR_FORMS_VERSION );
}

add_action(
	'init',
	function () {
		if ( ! isset( $_POST['harbour_sender'], $_POST['harbour_message'] ) ) {
			return;
		}
		global $wpdb;
		$wpdb->insert(
			$wpdb->prefix . 'harbour_entries',
			array(
				'received' => current_time( 'mysql', true ),
				'sender'   => sanitize_text_field( wp_unslash( $_POST['harbour_sender'] ) ),
				'message'  => sanitize_textarea_field( wp_unslash( $_POST['harbour_message'] ) ),
			)
		);
	}
);

add_shortcode(
	'harbour_form',
	function () {
		return '<form class="harbour-form" method="post">'
			. '<p><label>Your e-mail <input type="email" name="harbour_sender" required></label></p>'
			. '<p><label>Message <textarea name="harbour_message" rows="3" required></textarea></label></p>'
			. '<p><button>Send</button></p></form>';
	}
);
