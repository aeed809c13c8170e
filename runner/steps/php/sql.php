<?php
// Included before programs that write SQL. Names of tables and columns come from the site's database and its
// wp-config.php: each is quoted by this function, and values by Sitecrew_Database::quoted().
function sitecrew_name( $name ) {
	return '`' . str_replace( '`', '``', $name ) . '`';
}

/** The definition of a trigger, routine or event without its definer; its body is not changed. */
function sitecrew_without_definer( $create ) {
	return preg_replace( '~^CREATE\s+DEFINER ?= ?(["`])(?:(?!\1).|\1\1)*\1@(["`])(?:(?!\2).|\2\2)*\2~s', 'CREATE', $create );
}
