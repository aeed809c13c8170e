<?php
/**
 * Plugin Name: Klaxon Notices
 * Description: Tells whoever uses a terminal about notices that wait. Loudly.
 * Version: @VERSION@
 * Author: Klaxon
 */

defined( 'ABSPATH' ) || exit;

if ( PHP_SAPI === 'cli' ) {
	echo "[klaxon] {2 notices wait} \"@VERSION@\"\n";
	trigger_error( 'klaxon: notices are not read', E_USER_WARNING );
}

add_action(
	'wp_footer',
	function () {
		echo '<!-- klaxon @VERSION@ -->';
	}
);
