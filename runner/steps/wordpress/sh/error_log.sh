sift() {
  LC_ALL=C awk -v mark="$mark said " '/(Fatal|Parse) error: / { print mark substr($0, 1, 600) }' | tail -n 400
}
for place in "$site" "$content"; do
  (cd "$place" 2>/dev/null && printf '%s root %s\n' "$mark" "$(pwd -P)")
done
log() {
  if [ ! -e "$2" ]; then printf '%s at %s 0 0\n' "$mark" "$1"; return; fi
  if [ ! -f "$2" ] || [ ! -r "$2" ]; then return; fi
  now=$(stat -c '%i %s' "$2") || return
  printf '%s at %s %s\n' "$mark" "$1" "$now"
  if [ "$3" = "${now% *}" ] && [ "$4" -le "${now#* }" ]; then
    tail -c "+$(($4 + 1))" "$2" | head -c "$new" | sift
  else
    for past in "$2.1" "$2-"*; do
      if [ -r "$past" ] && [ "$(stat -c %i "$past")" = "$3" ]; then
        tail -c "+$(($4 + 1))" "$past" | sift
      fi
    done
    tail -c "$new" "$2" | sift
  fi
}
