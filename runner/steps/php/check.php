<?php
// Checks whether the site works, as far as its own host can tell. If this runs at all, WordPress has booted; then it
// requests some pages. All of them worked before the change, except those with an unusual status in "usual".
// Input: {"home": url, "usual": {kind: status}}.
// Exit status 1 if a page, wp-admin or REST is broken. Requests without an answer are ignored: many hosts cannot
// reach themselves.
function sitecrew_flaw( $kind, $code, $body ) {
	$usual = (array) ( isset( $GLOBALS['sitecrew']['usual'] ) ? $GLOBALS['sitecrew']['usual'] : array() );
	if ( isset( $usual[ $kind ] ) && ( $code === (int) $usual[ $kind ] || ( $code < 500 && (int) $usual[ $kind ] < 500 ) ) ) {
		return '';
	}
	if ( $code >= 500 ) {
		return "answers $code";
	}
	if ( 'page' === $kind && 200 === $code && '' === trim( $body ) ) {
		return 'is empty';
	}
	if ( 'page' === $kind && preg_match( '~<body[^>]{0,200}\bid=["\']?error-page\b~', $body ) ) {
		return 'shows the WordPress error page';
	}
	if ( 'rest' === $kind && 200 === $code && ! is_array( json_decode( preg_replace( '~^\xEF\xBB\xBF~', '', $body ), true ) ) ) {
		return 'is not JSON';
	}
	return '';
}

$sitecrew_bad  = '';
$sitecrew_urls = array(
	'page'  => home_url( '/' ),
	'none'  => home_url( '/sitecrew-' . strtolower( wp_generate_password( 12, false ) ) . '/' ),
	'admin' => admin_url( 'admin-ajax.php?action=sitecrew_look' ),
	'rest'  => add_query_arg( 'rest_route', '/', home_url( '/' ) ),
);
foreach ( $sitecrew_urls as $sitecrew_kind => $sitecrew_url ) {
	$sitecrew_answer = wp_remote_get(
		add_query_arg( 'sitecrew', wp_generate_password( 12, false ), $sitecrew_url ),
		array(
			'timeout' => 15,
			'headers' => array( 'Cache-Control' => 'no-cache' ),
		)
	);
	if ( is_wp_error( $sitecrew_answer ) ) {
		continue;
	}
	$sitecrew_flaw = sitecrew_flaw( $sitecrew_kind, (int) wp_remote_retrieve_response_code( $sitecrew_answer ), wp_remote_retrieve_body( $sitecrew_answer ) );
	if ( '' !== $sitecrew_flaw ) {
		$sitecrew_bad = "$sitecrew_url $sitecrew_flaw";
	}
}
sitecrew_say( array( 'check' => '' === $sitecrew_bad ? 'well' : $sitecrew_bad ) );
exit( '' === $sitecrew_bad ? 0 : 1 );
