<?php
// wp-cli asks wordpress.org itself, past WordPress, for checksums and core downloads: lead that away too.

WP_CLI::add_hook(
	'http_request_options',
	function ( $options ) {
		$class = class_exists( 'WpOrg\Requests\Hooks' ) ? 'WpOrg\Requests\Hooks' : 'Requests_Hooks';
		$hooks = $options['hooks'] ?? new $class();
		$hooks->register(
			'requests.before_request',
			function ( &$url ) {
				$url = preg_replace( '#^https?://(?:(?:api|downloads|www)\.)?wordpress\.org(?=/)#', '@WPORG@', $url );
			}
		);
		$options['hooks'] = $hooks;
		return $options;
	}
);
