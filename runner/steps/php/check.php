<?php
// Does the site work, as far as its own host can tell? It has booted if this runs at all; then it looks at itself.
// Input: {"home": url}. Exit status 1 when a page or wp-admin answers with an error. No answer at all says nothing:
// many hosts cannot reach themselves.
$sitecrew_bad = '';
foreach ( array( home_url( '/' ), admin_url( 'admin-ajax.php?action=sitecrew_look' ) ) as $sitecrew_url ) {
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
	$sitecrew_code = (int) wp_remote_retrieve_response_code( $sitecrew_answer );
	$sitecrew_page = false === strpos( $sitecrew_url, 'admin-ajax' );
	if ( $sitecrew_code >= 500 || ( $sitecrew_page && 200 === $sitecrew_code && '' === trim( wp_remote_retrieve_body( $sitecrew_answer ) ) ) ) {
		$sitecrew_bad = "$sitecrew_url answers $sitecrew_code";
	}
}
sitecrew_say( array( 'check' => '' === $sitecrew_bad ? 'well' : $sitecrew_bad ) );
exit( '' === $sitecrew_bad ? 0 : 1 );
