<?php
// Gives what was copied all that the copied one has. Environment: SITECREW_NEW, SITECREW_MODEL, and in SITECREW_KEPT
// a folder of this user on the file system of the site. Says why it cannot; then exit status 1.
$likeness = new Sitecrew_Likeness( getenv( 'SITECREW_KEPT' ) );
$why      = $likeness->tree( getenv( 'SITECREW_NEW' ), getenv( 'SITECREW_MODEL' ) );
echo '' === $why ? '' : "$why\n";
exit( '' === $why ? 0 : 1 );
