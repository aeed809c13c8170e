<?php
// Gives a copy the owner, group, mode and ACL of its original. Environment: SITECREW_NEW, SITECREW_MODEL, and in
// SITECREW_KEPT a folder of this user on the file system of the site; with SITECREW_BELOW, both are folders, and the
// entries of one get the rights of those with the same names in the other. If it cannot, prints why; exit status 1.
$likeness = new Sitecrew_Likeness( getenv( 'SITECREW_KEPT' ) );
$new      = getenv( 'SITECREW_NEW' );
$model    = getenv( 'SITECREW_MODEL' );
$why      = getenv( 'SITECREW_BELOW' ) ? $likeness->below( $new, $model ) : $likeness->tree( $new, $model );
echo '' === $why ? '' : "$why\n";
exit( '' === $why ? 0 : 1 );
