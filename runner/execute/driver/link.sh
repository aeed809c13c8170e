# Evaluated by the shell of each exec, never stored: start, attach, follow, pass words on.
# given: mode job link (nonce) offset beat linger shell body, and perhaps secrets
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables are shared by the texts that are sent together
# shellcheck disable=SC1007 # several variables are emptied in one line

refuse() {
  say "error $*"
  exit 1
}
trap '' HUP
exec 2>/dev/null
if search "jobs/$job"; then folder=$root/jobs/$job
else
  [ "$mode" = start ] || refuse absent
  provide "jobs/$job" || refuse nofolder
  folder=$root/jobs/$job
fi

how=attached
if [ "$mode" = start ] && [ ! -e "$folder/id" ]; then
  printf %s "$body" >"$folder/b.$$" || refuse body
  # returns when the driver has claimed the job or lost it, since it closes its stdout then; it is nobody's child afterwards
  if [ -n "$secrets" ]; then how=$(printf '%s\n' "$secrets" | detach "$shell" "$folder/b.$$" "$folder" "$shell" &)
  else how=$(detach "$shell" "$folder/b.$$" "$folder" "$shell" </dev/null &); fi
  # nothing said: the disk is full, unless somebody's id is there
  [ -n "$how" ] || { rm -f "$folder/b.$$"; how=attached; [ -e "$folder/id" ] || refuse body; }
fi
body= secrets=
[ -e "$folder/id" ] || refuse absent
read -r nonce driver driver_start driver_boot warden warden_start <"$folder/id"
[ -e "$folder/warden" ] && read -r warden warden_start <"$folder/warden"

over() { [ -e "$folder/done" ]; }
dead() { ! alive "$driver" "$driver_start" "$driver_boot" && ! alive "$warden" "$warden_start" "$driver_boot"; }
# the last word: `done` is made just before it is filled, by the warden where the driver died in between
farewell() {
  tries=0 words=
  while read -r words <"$folder/done"; [ -z "$words" ] && [ $tries -lt 60 ]; do tries=$((tries + 1)); sleep 0.05 >/dev/null; done
  say "eof done $words"
}
# forget: of a job that is over only its tombstone stays
forget() {
  over || return 1
  set --
  for file in "$folder"/*; do case ${file##*/} in id|done) ;; *) set -- "$@" "$file";; esac; done
  rm -f "$@"
}
# tell WORD: the first verdict wins, since the file is created exclusively; then wake the driver
tell() {
  case $1 in
    keep|undo) (set -C; echo "$1" >"$folder/verdict"); signal=USR1;;
    cancel) (set -C; echo cancel >"$folder/verdict"); signal=TERM;;
    wait) signal=USR2;;
    *) return;;
  esac
  alive "$driver" "$driver_start" "$driver_boot" && kill -$signal "$driver"
}

case $mode in
  keep|undo|cancel) tell "$mode";;
  ack)
    # nobody else can fill it any more
    over || { dead && echo "died 0" >"$folder/done"; }
    if forget; then say "eof acked"; else say "eof running"; fi
    exit;;
esac
decided=open
[ -e "$folder/verdict" ] && decided=decided
say "hello $how $nonce $decided"
finished=
if over || dead; then
  # both helpers gone without a record: stop at least a task that they left behind
  over || [ "$driver_boot" != "$boot" ] || strays
  tail -c +$((offset + 1)) "$folder/events"
  over || { say "eof dead"; exit; }
  finished=1
fi

exec 3<&0 </dev/null
follower=
# the pulse: heartbeats, and once the job is over the end of the stay for the word `ack`
(
  left=$linger
  while nap; do
    say hb || exit
    over || continue
    left=$((left - beat))
    [ $left -gt 0 ] || { kill $$; exit; }
  done
) 3<&- & pulse=$!
if [ -z "$finished" ]; then
  alive "$warden" "$warden_start" "$driver_boot" || warden=$driver
  # GNU tail: inotify, ends with the warden; other tails fail at once
  tail -c +$((offset + 1)) -f -s 0.1 --pid="$warden" "$folder/events" 3<&- & follower=$!
fi
# words from the controller, until it goes
(
  while IFS= read -r word <&3; do
    case $word in ack) forget; break;; *) tell "$word";; esac
  done
  kill $follower $pulse $$
) >/dev/null & ears=$!

if [ -n "$follower" ]; then
  wait "$follower"; code=$?
  if [ $code -gt 0 ] && [ $code -lt 128 ]; then
    # a descriptor of our own on the file; moving its offset reads nothing, and cat goes on from there
    exec 4<"$folder/events"
    [ "$offset" -gt 0 ] && dd bs=1 skip="$offset" count=0 <&4
    turns=0
    while :; do
      last=; over && last=1
      cat <&4 || break
      [ -n "$last" ] && break
      turns=$((turns + 1))
      [ $((turns % 10)) = 0 ] && dead && break
      sleep 0.1 >/dev/null 3<&-
    done
  fi
  if ! over; then
    if dead; then say "eof dead"; else say "eof again"; fi
    kill "$pulse" "$ears"
    exit
  fi
fi
farewell
# stay a little, so that the word `ack` needs no exec of its own
trap 'kill "$ears"; exit 0' TERM
wait "$ears"
