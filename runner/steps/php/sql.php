<?php
// Before programs that write SQL. Names of tables and columns come from the site's database and from its
// wp-config.php: each stands in a statement by way of this function, and values by way of Sitecrew_Database::quoted().
function sitecrew_name( $name ) {
	return '`' . str_replace( '`', '``', $name ) . '`';
}

/** The definition of a trigger, routine or event for whoever makes it anew; its body is not touched. */
function sitecrew_without_definer( $create ) {
	return preg_replace( '~^CREATE\s+DEFINER ?= ?(["`])(?:(?!\1).|\1\1)*\1@(["`])(?:(?!\2).|\2\2)*\2~s', 'CREATE', $create );
}
