room() {
  need=$(du -sk "$@" 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }')
  free=$(df -Pk "$kept" 2>/dev/null | awk 'NR == 2 { print $4 }')
  left=$(df -Pi "$kept" 2>/dev/null | awk 'NR == 2 && $2 > 0 { print $4 }')
  if [ "${free:-$((3 * need + 16384))}" -lt $((3 * need + 16384)) ] || [ "${left:-1000}" -lt 1000 ]; then
    echo "No space left for a restore point: $need kB are needed, $free kB and ${left:-some} inodes are free"
    exit 1
  fi
}
keep() {
  note "$2" "${1%/*}" || return 1
  [ -e "$kept/$2" ] && return
  rm -rf "$kept/$2.part" "$kept/$2.inode"
  cp -a "$1" "$kept/$2.part" && alike "$kept/$2.part" "$1" && mv "$kept/$2.part" "$kept/$2"
}
