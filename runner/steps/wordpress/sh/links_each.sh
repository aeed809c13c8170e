# each_link FOLDER NAME detach|attach: removes or restores each recorded link, from within its own folder
each_link() (
  [ -d "$kept/links-$2" ] && [ -d "$1" ] && [ ! -L "$1" ] || exit 0
  mine && return_to "$2" "${1%/*}" && cd -P "./${1##*/}" || exit 1
  place
  here=$at list=$kept/links-$2 what=$3 old=$kept/$2 failed=
  export here what list kind old
  for kind in outer inner; do
    [ ! -d "$list/$kind" ] || find "$list/$kind" -type l -exec sh -c '
      for l; do (
        dir=${l#"$list/$kind/"} name=${l##*/}
        case $dir in */*) dir=${dir%/*}/ ;; *) dir= ;; esac
        rest=$dir
        while [ -n "$rest" ]; do
          step=./${rest%%/*} rest=${rest#*/}
          [ ! -L "$step" ] || exit 1
          old=$old/${step#./}
          if [ ! -d "$step" ]; then
            [ "$what" = attach ] || exit 0
            mode=$(stat -c %a "$old" 2>/dev/null) || mode=755
            ( umask "$(printf %o $((0777 & ~0$mode)))" && mkdir "$step" ) || exit 1
            chgrp "$(stat -c %g "$old" 2>/dev/null)" "$step" 2>/dev/null
            [ "$(stat -c %a "$step")" = "$mode" ] || chmod "$mode" "$step"
          fi
          cd -P "$step" || exit 1
        done
        at=$(env pwd -P; echo .)
        case ${at%??}/ in "$here"/*) ;; *) exit 1 ;; esac
        there=
        if [ -L "./$name" ]; then there=link; elif [ -e "./$name" ]; then there=other; fi
        case $what in
        detach) [ "$there" != link ] || rm -f "./$name" ;;
        attach)
          if [ "$there" = link ]; then
            [ "$(readlink "./$name"; echo .)" != "$(readlink "$l"; echo .)" ] || exit 0
          fi
          if [ -n "$there" ]; then
            [ "$kind" = outer ] || exit 0
            mkdir -p "$list.instead/$dir" && rm -rf "${list:?}.instead/$dir$name" &&
              mv "./$name" "$list.instead/$dir$name" || exit 1
          fi
          cp -P "$l" "./$name" || exit 1
          [ "$kind" = outer ] || [ -e "./$name" ] || rm -f "./$name"
        esac
      ) || echo "the link $l could not be changed"; done' sh {} + || failed=1
  done >"$kept/links-$2.said" 2>&1
  cat "$kept/links-$2.said"
  [ -z "$failed" ] && [ ! -s "$kept/links-$2.said" ]
)
