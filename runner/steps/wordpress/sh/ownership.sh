# rights PATH [TEST...]: prints owner, group, mode and ACL of everything in it that meets the tests of find, as far
# as the host has the tools
rights() (
  path=$1
  shift
  if [ ! -d "$path" ]; then
    stat -c '%u %g %a' "$path"
    getfacl -n -s "$path" 2>/dev/null | sed '/^# file/d'
    exit
  fi
  cd "$path" || exit 1
  find . "$@" -exec stat -c '%n %u %g %a' {} + 2>/dev/null | sort
  find . ! -type l "$@" -exec getfacl -n -s {} + 2>/dev/null | by_name
)
by_name() { awk 'BEGIN { RS = "" } { gsub("\n", " "); print }' | sort; }
# files_in FOLDER OTHER: like rights, for the files of OTHER whose names are in FOLDER
files_in() (
  cd "$1" || exit 1
  set -- "$2"
  for f in ./*; do if [ -f "$f" ]; then set -- "$@" "$f"; fi; done
  cd "$1" || exit 1
  shift
  [ $# -eq 0 ] || stat -c '%n %u %g %a' "$@" 2>/dev/null | sort
  [ $# -eq 0 ] || getfacl -n -s "$@" 2>/dev/null | by_name
)
likeness() {
@program@
}
# alike NEW OLD [TEST...]: gives a copy the rights that `cp` could not keep, like a group without this login
alike() (
  new=$1 old=$2
  shift 2
  [ "$(rights "$new" "$@")" = "$(rights "$old" "$@")" ] || be_like "$new" "$old" ''
)
# alike_below NEW OLD [TEST...]: like alike, for the contents of two folders
alike_below() (
  new=$1 old=$2
  shift 2
  [ "$(rights "$new" ! -name . "$@")" = "$(rights "$old" ! -name . "$@")" ] || be_like "$new" "$old" yes
)
# alike_in NEW OLD: like alike, for the files in a folder and those with the same names in another one
alike_in() (
  [ "$(files_in "$1" "$1")" = "$(files_in "$1" "$2")" ] || be_like "$1" "$2" yes
)
be_like() {
  php=${php:-$(find_php)}
  SITECREW_KEPT=$kept SITECREW_NEW=$1 SITECREW_MODEL=$2 SITECREW_BELOW=$3
  export SITECREW_KEPT SITECREW_NEW SITECREW_MODEL SITECREW_BELOW
  likeness
}
