# links_of FOLDER NAME: records the links inside; those that point outside it are listed separately
links_of() (
  [ -d "$1" ] && [ ! -L "$1" ] || exit 0
  [ ! -e "$kept/links-$2" ] || exit 0
  rm -rf "$kept/links-$2.part"
  cd -P "$1" && mkdir "$kept/links-$2.part" && place || exit 1
  here=$at list=$kept/links-$2.part
  export here list
  find . -type l -exec sh -c '
    for l; do
      to=$(readlink -f "$l" 2>/dev/null; echo .)
      case ${to%??}/ in "$here"/*) kind=inner ;; *) kind=outer ;; esac
      mkdir -p "$list/$kind/${l%/*}" && cp -P "$l" "$list/$kind/$l" || exit 1
    done' sh {} +
  [ "$(find . -type l -print | wc -l)" -eq "$(find "$list" -type l -print | wc -l)" ] || exit 1
  mv "$list" "$kept/links-$2"
)
