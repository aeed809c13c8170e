ground "$inside" "$target" || stop no-folder
ours || stop "outside $target"
# into FOLDER: enter FOLDER, creating it if needed, or stop with a problem
into() {
  enter "$1"; code=$?
  [ $code != 1 ] || { make "$1"; code=$?; }
  case $code in 0) ;; 2) stop "swapped $1" ;; *) stop "unwritable $1" ;; esac
}
# guard FOLDER: stop if FOLDER is a file or leads out of the site; changes nothing
guard() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  [ -d "$1" ] || stop "file $1"
  [ -L "$1" ] || return 0
  ( cd -P "./$1" && ours ) || stop "leads-out $1"
}
# put NAME LEAF: move the staged file NAME to LEAF in the working folder
put() {
  model=./$2
  if [ -L "$model" ] || [ ! -f "$model" ]; then model=.; fi
  like "$model" "$root/$part/$1" || stop "foreign $2"
  settle "$root/$part/$1" "./$2" || stop "unwritable $2"
}
# replaceable FILE: stop if the new file could not keep the owner of FILE
replaceable() { [ ! -e "$1" ] || [ -L "$1" ] || [ -O "$1" ] || [ "$(id -u)" = 0 ] || stop "foreign $f"; }
[ -d "$part" ] || stop vanished
acls=
if acls .; then acls=yes; fi
