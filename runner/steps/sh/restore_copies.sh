# set_aside TAG: copy the restore point, because restoring moves its files away and undo may be repeated
set_aside() {
  fill_up "$1"
  for d in @folders@; do
    [ -d "$d" ] || continue
    mkdir -p "$d.kept" || return 1
    for f in "$d"/*; do
      case ${f##*/} in "*" | database) continue ;; esac
      # alike reads $kept
      kept=$d
      cp -a "$f" "$d.kept/" && alike "$d.kept/${f##*/}" "$f" || return 1
    done
    : >"$d.kept/.whole"
  done
}
# fill_up TAG: move the copies back into the restore point; an incomplete copy means nothing was used yet
fill_up() {
  for d in @folders@; do
    for f in "$d.kept"/*; do
      [ -e "$d.kept/.whole" ] && [ -e "$f" ] || continue
      rm -rf "${d:?}/${f##*/}" && mv "$f" "$d/" || return 1
    done
    rm -rf "$d.kept"
  done
}
