<?php
// Gives new files the owner, group, mode, setgid and ACL of the files that they replace, or of their siblings if they
// are new. Runs with and without WordPress. Of links, only the owner and group are set.
// ACLs are copied with getfacl and setfacl; without these, only a folder's default ACL is inherited.

/** Owner, group and mode of a path; null if it does not exist. */
function sitecrew_owned( $path ) {
	clearstatcache( true, $path );
	$stat = @lstat( $path );
	return $stat ? array( $stat['uid'], $stat['gid'], $stat['mode'] & 07777 ) : null;
}

/** The user of this process, then its groups. */
function sitecrew_ids() {
	static $ids = null;
	if ( null === $ids && function_exists( 'posix_geteuid' ) ) {
		$ids = array_merge( array( posix_geteuid(), posix_getegid() ), posix_getgroups() );
	} elseif ( null === $ids ) {
		$ids = array_map( 'intval', explode( ' ', (string) getenv( 'SITECREW_IDS' ) ) );
	}
	return $ids;
}

/** The name of a user or, with "gr", of a group; its number if it has none. */
function sitecrew_called( $id, $kind = 'pw' ) {
	$ask   = "posix_get{$kind}" . ( 'pw' === $kind ? 'uid' : 'gid' );
	$known = function_exists( $ask ) ? $ask( $id ) : false;
	return $known ? $known['name'] : (string) $id;
}

/** A path for messages: relative to WordPress's folder, if it is inside. */
function sitecrew_named( $path ) {
	$top = defined( 'ABSPATH' ) ? ABSPATH : '';
	return '' !== $top && 0 === strpos( $path, $top ) ? substr( $path, strlen( $top ) ) : basename( $path );
}

/** Why this user cannot give a file the owner and group of this path; empty if it can. */
function sitecrew_foreign( $path ) {
	$ids  = sitecrew_ids();
	$have = sitecrew_owned( $path );
	if ( ! $have || 0 === $ids[0] || is_link( $path ) ) {
		return '';
	}
	if ( $have[0] !== $ids[0] ) {
		$owner = sitecrew_called( $have[0] );
		$remedy = 0 === $have[0] ? 'change its owner to the login' : "log in as $owner";
		return sitecrew_named( $path ) . " belongs to $owner, and this login cannot create files for that user: $remedy";
	}
	if ( in_array( $have[1], array_slice( $ids, 1 ), true ) || sitecrew_hands_down( $path, $have[1] ) || sitecrew_hands_down( dirname( $path ), $have[1] ) ) {
		return '';
	}
	$group = sitecrew_called( $have[1], 'gr' );
	return sitecrew_named( $path ) . " has the group $group, and this login is not a member: add it to the group";
}

/** Whether new files in this folder get this group. */
function sitecrew_hands_down( $folder, $group ) {
	$stat = @stat( $folder );
	return $stat && is_dir( $folder ) && ( $stat['mode'] & 02000 ) && $stat['gid'] === $group && is_writable( $folder );
}

/** The first reason of `sitecrew_foreign` for these paths and everything below them. */
function sitecrew_foreign_in( $paths ) {
	foreach ( $paths as $path ) {
		$why = sitecrew_foreign( $path );
		if ( '' === $why && is_dir( $path ) && ! is_link( $path ) ) {
			$names = @scandir( $path );
			$below = array();
			foreach ( array_diff( $names ? $names : array(), array( '.', '..' ) ) as $name ) {
				$below[] = "$path/$name";
			}
			$why = sitecrew_foreign_in( $below );
		}
		if ( '' !== $why ) {
			return $why;
		}
	}
	return '';
}

/** Why the ACLs of folders cannot be kept; empty if there are none, or the host has the tools. */
function sitecrew_acl_obstacle( $folders ) {
	$said = sitecrew_command( array_merge( array( 'ls', '-ldn' ), $folders ), '' );
	$some = null !== $said && preg_match( '~^[dlrwxsStT-]{10}\+~m', $said );
	return $some && ! sitecrew_acl_tools() ? 'its files have ACLs, and the host lacks getfacl and setfacl to keep them: install the package acl' : '';
}

function sitecrew_acl_tools() {
	static $there = null;
	if ( null === $there ) {
		$there = null !== sitecrew_command( array( 'getfacl', '--version' ), '' ) && null !== sitecrew_command( array( 'setfacl', '--version' ), '' );
	}
	return $there;
}

/** The output of a command with this input; null if it cannot run or fails. */
function sitecrew_command( $words, $text ) {
	$pipes = array();
	$in    = function_exists( 'proc_open' ) ? tmpfile() : false;
	if ( ! $in || strlen( $text ) !== fwrite( $in, $text ) || ! rewind( $in ) ) {
		return null;
	}
	$ends = array( $in, array( 'pipe', 'w' ), array( 'file', '/dev/null', 'w' ) );
	$run  = @proc_open( implode( ' ', array_map( 'escapeshellarg', $words ) ), $ends, $pipes );
	if ( ! is_resource( $run ) ) {
		return null;
	}
	$said = stream_get_contents( $pipes[1] );
	fclose( $pipes[1] );
	return 0 === proc_close( $run ) ? (string) $said : null;
}

/** Gives paths the rights of their models: path => model. Methods return why they cannot, or an empty text. */
class Sitecrew_Likeness {
	private $room, $seeds = array();

	/** The room is a private folder of this user, on the file system of the site. */
	public function __construct( $room ) {
		$this->room = $room;
	}

	public function __destruct() {
		foreach ( $this->seeds as $seed ) {
			@rmdir( $seed );
		}
	}

	/** A tree gets the rights of the one that it will replace; new files get those of their siblings. */
	public function tree( $path, $model ) {
		return $this->each( $this->models( $path, $model ) );
	}

	/** The entries of a folder get the rights of those that they will replace in another one, or of their siblings. */
	public function below( $path, $folder ) {
		$models = array();
		foreach ( array_diff( scandir( $path ), array( '.', '..' ) ) as $name ) {
			$models += $this->models( "$path/$name", "$folder/$name" );
		}
		return $this->each( $models );
	}

	/** A file or tree gets the rights of its siblings in the folder to which it will be moved. */
	public function newcomer( $path, $folder ) {
		return $this->each( $this->models( $path, null, $folder ) );
	}

	/** Paths get the rights of their models: path => model. */
	public function each( $models ) {
		return $this->give( $this->rights( $models ) );
	}

	/** The rights of the models, for use after they are deleted: path => rights, from path => model. */
	public function rights( $models ) {
		$models = array_filter( $models );
		$acls   = $this->acls( array_unique( array_values( $models ) ) );
		$rights = array();
		foreach ( $models as $path => $model ) {
			$have = sitecrew_owned( $model );
			$acl  = isset( $acls[ $model ] ) ? $acls[ $model ] : '';
			if ( is_dir( $model ) && ( ! is_dir( $path ) || is_link( $path ) ) ) { // The model is a folder, because there was no file to use.
				$have[2] &= 0666;
				$acl      = preg_replace( array( '~^default:.*\n~m', '~^(.*)x$~m' ), array( '', '$1-' ), $acl );
			}
			$rights[ $path ] = array( 'owned' => $have, 'acl' => $acl, 'model' => $model );
		}
		return $rights;
	}

	/** Sets these rights. */
	public function give( $rights ) {
		foreach ( $rights as $path => $right ) {
			if ( ! $this->give_mode( $path, $right['owned'], $right['model'] ) ) {
				$why = sitecrew_foreign( $right['model'] );
				return '' === $why ? basename( $path ) . ' cannot get the owner, group and mode of the file that it replaces' : $why;
			}
		}
		return $this->give_acls( $rights ) ? '' : 'the ACLs of the site could not be copied';
	}

	/** The model for a new file in this folder. */
	public function beside( $folder ) {
		return $this->sibling( $folder, false );
	}

	/** path => model, for a tree and everything below it. The folder is the nearest existing one on the site. */
	private function models( $path, $model, $folder = null ) {
		$kind   = filetype( $path );
		$same   = null !== $model && @filetype( $model ) === $kind;
		$folder = null === $folder ? dirname( $model ) : $folder;
		$found  = array( $path => $same ? $model : $this->sibling( $folder, 'dir' === $kind, $path ) );
		if ( 'dir' !== $kind ) {
			return $found;
		}
		$folder = $same ? $model : $folder;
		foreach ( array_diff( scandir( $path ), array( '.', '..' ) ) as $name ) {
			$found += $this->models( "$path/$name", $same ? "$model/$name" : null, $folder );
		}
		return $found;
	}

	/** The model for most files, or folders, of this folder; if it has none, from the folder above, or the folder. */
	private function sibling( $folder, $is_folder, $itself = '' ) {
		static $known = array();
		$key = "$is_folder $folder" . ( dirname( $itself ) === $folder ? " $itself" : '' );
		if ( isset( $known[ $key ] ) ) {
			return $known[ $key ];
		}
		$kinds = array();
		foreach ( array_diff( (array) @scandir( $folder ), array( '.', '..', '' ) ) as $name ) {
			$path = "$folder/$name";
			if ( $path !== $itself && '.' !== $name[0] && 'wp-config.php' !== $name && ! is_link( $path ) && is_dir( $path ) === $is_folder && '' === sitecrew_foreign( $path ) ) {
				$kinds[ implode( ' ', sitecrew_owned( $path ) ) ][] = $path;
			}
		}
		if ( $kinds ) {
			$counts        = array_map( 'count', $kinds );
			$known[ $key ] = $kinds[ array_search( max( $counts ), $counts, true ) ][0];
		} else {
			$known[ $key ] = $is_folder || dirname( $folder ) === $folder ? $folder : $this->sibling( dirname( $folder ), false );
		}
		return $known[ $key ];
	}

	private function give_mode( $path, $want, $model ) {
		list( $owner, $group, $mode ) = $want;

		$have = sitecrew_owned( $path );
		if ( ! $have || is_link( $path ) ) {
			return $have && ( $group === $have[1] || @lchgrp( $path, $group ) || true );
		}
		if ( $owner !== $have[0] && ! @chown( $path, $owner ) ) {
			return false;
		}
		if ( $group !== $have[1] && ! @chgrp( $path, $group ) && ! $this->inherit( $path, $mode, $group, $model ) ) {
			return false;
		}
		$have = sitecrew_owned( $path ); // A change of owner clears setgid.
		if ( $mode !== $have[2] ) {
			@chmod( $path, $mode );
			$have = sitecrew_owned( $path );
		}
		if ( $mode !== $have[2] && is_dir( $path ) ) { // Only members of the group can set setgid with chmod.
			$this->inherit( $path, $mode, $group, $model );
		}
		return $want === sitecrew_owned( $path );
	}

	/** Creates the path again in a folder that passes on its group, for users who are not in the group. */
	private function inherit( $path, $mode, $group, $model ) {
		$seed = $this->seed( $group, $model );
		if ( ! $seed ) {
			return false;
		}
		$fresh = "$seed/" . uniqid();
		if ( ! is_dir( $path ) ) {
			return copy( $path, $fresh ) && touch( $fresh, filemtime( $path ) ) && rename( $fresh, $path );
		}
		if ( 0 === strpos( "$seed/", "$path/" ) ) {
			return false;
		}
		$mask = umask( 0 );
		$made = mkdir( $fresh, $mode & 01777 );
		umask( $mask );
		if ( $made && $this->empty_into( $path, $fresh ) && @rmdir( $path ) && @rename( $fresh, $path ) ) {
			return true;
		}
		if ( $made && ( is_dir( $path ) || mkdir( $path, $mode & 01777 ) ) && $this->empty_into( $fresh, $path ) ) {
			rmdir( $fresh );
		}
		return false;
	}

	/** Moves the entries of a folder to another one, as far as it can. */
	private function empty_into( $from, $to ) {
		$whole = true;
		foreach ( array_diff( scandir( $from ), array( '.', '..' ) ) as $name ) {
			$whole = @rename( "$from/$name", "$to/$name" ) && $whole;
		}
		return $whole;
	}

	/** A folder in our room that passes on this group: created where the site does so, and moved away at once. */
	private function seed( $group, $model ) {
		if ( isset( $this->seeds[ $group ] ) ) {
			return $this->seeds[ $group ];
		}
		foreach ( array_merge( array( $model, dirname( $model ) ), $this->places() ) as $folder ) {
			$here  = "$folder/.sitecrew-" . uniqid( '', true );
			$there = "{$this->room}/seed-$group";
			if ( ! sitecrew_hands_down( $folder, $group ) || ! @mkdir( $here, 0700 ) ) {
				continue;
			}
			if ( @rename( $here, $there ) && ! is_link( $there ) && sitecrew_owned( $there )[0] === sitecrew_ids()[0] && sitecrew_hands_down( $there, $group ) ) {
				$this->seeds[ $group ] = $there;
				return $there;
			}
			@rmdir( $here );
		}
		return '';
	}

	/** The folders of the site whose files are kept in our room: see `note` in the shell text. */
	private function places() {
		$found = array();
		foreach ( array_diff( (array) @scandir( $this->room ), array( '.', '..', '' ) ) as $name ) {
			if ( 0 === strpos( $name, '.at-' ) ) {
				$found[] = (string) substr( (string) file_get_contents( "{$this->room}/$name" ), 0, -1 );
			}
		}
		return $found;
	}

	/** Sets complete ACLs, so that inherited entries are removed if the model has none. */
	private function give_acls( $rights ) {
		$wanted = '';
		$some   = false;
		$plain  = array();
		foreach ( $rights as $path => $right ) {
			if ( is_link( $path ) || false !== strpos( $path, "\n" ) ) {
				continue;
			}
			$plain[] = $path;
			$some    = $some || '' !== $right['acl'];
			$acl     = '' === $right['acl'] ? $this->base( $right['owned'][2] ) : $right['acl'];
			$wanted .= '# file: ' . $this->quoted( $path ) . "\n" . $this->flags( $right['owned'][2] ) . "$acl\n";
		}
		if ( ! $some && ! $this->acls( $plain ) ) {
			return true;
		}
		return null !== sitecrew_command( array( 'setfacl', '--restore=-' ), $wanted );
	}

	/** Without this line, setfacl clears setuid, setgid and the sticky bit. */
	private function flags( $mode ) {
		$flags = ( $mode & 04000 ? 's' : '-' ) . ( $mode & 02000 ? 's' : '-' ) . ( $mode & 01000 ? 't' : '-' );
		return '---' === $flags ? '' : "# flags: $flags\n";
	}

	/** The ACLs of those paths that have one beyond their mode. */
	private function acls( $paths ) {
		$names = array();
		foreach ( $paths as $path ) {
			if ( ! is_link( $path ) && false === strpos( $path, "\n" ) ) {
				$names[ $this->quoted( $path ) ] = $path;
			}
		}
		$found = array();
		$said  = $names && sitecrew_acl_tools() ? sitecrew_command( array( 'getfacl', '-p', '-n', '-s', '-' ), implode( "\n", $names ) . "\n" ) : '';
		foreach ( explode( "\n\n", (string) $said ) as $block ) {
			list( $name, $acl ) = explode( "\n", "$block\n", 2 );
			$name = substr( $name, 8 );
			if ( isset( $names[ $name ] ) ) {
				$found[ $names[ $name ] ] = rtrim( preg_replace( '~^#.*\n|\t.*$~m', '', "$acl\n" ) ) . "\n";
			}
		}
		return $found;
	}

	private function base( $mode ) {
		$acl = '';
		foreach ( array( 'user' => 6, 'group' => 3, 'other' => 0 ) as $whose => $shift ) {
			$bits = $mode >> $shift;
			$acl .= "$whose::" . ( $bits & 4 ? 'r' : '-' ) . ( $bits & 2 ? 'w' : '-' ) . ( $bits & 1 ? 'x' : '-' ) . "\n";
		}
		return $acl;
	}

	/** A name as these tools write it. */
	private function quoted( $path ) {
		return str_replace( array( '\\', "\r" ), array( '\\134', '\\015' ), $path );
	}
}
