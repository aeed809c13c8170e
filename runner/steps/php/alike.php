<?php
// Gives what was copied all that the copied one has. Environment: SITECREW_NEW, SITECREW_MODEL, and in SITECREW_KEPT
// a folder of this user on the file system of the site; with SITECREW_BELOW both are folders, and what is in the one is
// like what has its name in the other. Says why it cannot; then exit status 1.
$likeness = new Sitecrew_Likeness( getenv( 'SITECREW_KEPT' ) );
$new      = getenv( 'SITECREW_NEW' );
$model    = getenv( 'SITECREW_MODEL' );
$why      = getenv( 'SITECREW_BELOW' ) ? $likeness->below( $new, $model ) : $likeness->tree( $new, $model );
echo '' === $why ? '' : "$why\n";
exit( '' === $why ? 0 : 1 );
