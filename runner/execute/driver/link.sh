# Run by the shell of each exec channel, never stored: start a job or attach to it, follow it, pass words to it.
# Given: mode job link (nonce) offset beat linger shell body, and perhaps secrets
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # scripts that are sent together share variables
# shellcheck disable=SC1007 # one line clears several variables

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
  # returns when the driver closes its stdout, after it has claimed the job or lost it; then it is an orphan
  if [ -n "$secrets" ]; then how=$(printf '%s\n' "$secrets" | detach "$shell" "$folder/b.$$" "$folder" "$shell" &)
  else how=$(detach "$shell" "$folder/b.$$" "$folder" "$shell" </dev/null &); fi
  # no output: the disk is full, unless another driver has created the id
  [ -n "$how" ] || { rm -f "$folder/b.$$"; how=attached; [ -e "$folder/id" ] || refuse body; }
fi
body= secrets=
[ -e "$folder/id" ] || refuse absent
read -r nonce driver driver_start driver_boot warden warden_start <"$folder/id"
[ -e "$folder/warden" ] && read -r warden warden_start <"$folder/warden"

over() { [ -e "$folder/done" ]; }
dead() { ! alive "$driver" "$driver_start" "$driver_boot" && ! alive "$warden" "$warden_start" "$driver_boot"; }
# farewell: report the result. `done` may still be empty for a moment; if the driver died then, the warden fills it
farewell() {
  tries=0 words=
  while read -r words <"$folder/done"; [ -z "$words" ] && [ $tries -lt 60 ]; do tries=$((tries + 1)); sleep 0.05 >/dev/null; done
  say "eof done $words"
}
# forget: delete the files of a finished job except its tombstone
forget() {
  over || return 1
  set --
  for file in "$folder"/*; do case ${file##*/} in id|done) ;; *) set -- "$@" "$file";; esac; done
  rm -f "$@"
}
# tell WORD: record the verdict and wake the driver. The file is created exclusively, so the first verdict wins
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
    # both processes are gone, so nothing else writes the record
    over || { dead && echo "died 0" >"$folder/done"; }
    if forget; then say "eof acked"; else say "eof running"; fi
    exit;;
esac
decided=open
[ -e "$folder/verdict" ] && decided=decided
say "hello $how $nonce $decided"
finished=
if over || dead; then
  # driver and warden are gone without a record: at least kill the command that they left
  over || [ "$driver_boot" != "$boot" ] || strays
  tail -c +$((offset + 1)) "$folder/events"
  over || { say "eof dead"; exit; }
  finished=1
fi

exec 3<&0 </dev/null
follower=
# pulse: send heartbeats; after the job's end, stop waiting for `ack` when the time is up
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
  # GNU tail uses inotify and ends with the warden; other versions fail at once
  tail -c +$((offset + 1)) -f -s 0.1 --pid="$warden" "$folder/events" 3<&- & follower=$!
fi
# ears: read words from the controller until it disconnects
(
  while IFS= read -r word <&3; do
    case $word in ack) forget; break;; *) tell "$word";; esac
  done
  kill $follower $pulse $$
) >/dev/null & ears=$!

if [ -n "$follower" ]; then
  wait "$follower"; code=$?
  if [ $code -gt 0 ] && [ $code -lt 128 ]; then
    # open the file and move to the offset without reading; cat continues from there
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
# keep the channel open for a while, so that `ack` needs no channel of its own
trap 'kill "$ears"; exit 0' TERM
wait "$ears"
