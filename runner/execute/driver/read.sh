# Readings and streams: nothing is detached or stored. Output goes directly to the channel's stdout, between frames, and
# stderr to its stderr. When the controller disconnects, the running command is killed.
# Given: link (nonce) beat shell, and the function job_main
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # scripts that are sent together share variables
# shellcheck disable=SC1007 # one line clears several variables
# shellcheck disable=SC2016 # the command's shell expands these
# shellcheck disable=SC2217 # a sleep must not keep its inherited stdin open

LC_ALL=${LC_ALL:-C.UTF-8} NO_COLOR=1 TERM=dumb
export LC_ALL NO_COLOR TERM
# both streams get the frame, because their order of arrival is unknown
mark() { say "$*"; say "$*" >&8; }
child= guard= bad=
gone() {
  trap '' TERM
  # shellcheck disable=SC2086 # either may be empty, and is then no argument
  kill -KILL $pulse $guard ${child:+"-$child"}
  exit 1
}

# task ID SECONDS stop|go TEXT: run a command. Its text goes through a pipe: argument lists are public and limited
task() {
  if [ -n "$bad" ]; then say "skip $1 $bad"; return; fi
  mark "begin $1"
  now; begun=$ms
  if [ -r /dev/fd/0 ]; then printf '%s\n' "$4" | detach "$shell" /dev/fd/9 9<&0 </dev/null 2>&8 3<&- 8>&- & child=$!
  else
    printf '%s\n' "$4" | detach "$shell" -c 'l= k=; while IFS= read -r l; do k=$k$l"
"; done; exec </dev/null; eval "$k"' 2>&8 3<&- 8>&- & child=$!
  fi
  (
    left=$2
    while [ "$left" -gt 0 ]; do sleep 1 >/dev/null </dev/null 3<&- 8>&-; left=$((left - 1)); done
    say "late $1"
    kill -TERM "-$child"
    sleep 5 >/dev/null </dev/null 3<&- 8>&-
    kill -KILL "-$child"
  ) 3<&- & guard=$!
  reap
  kill -KILL "$guard"
  [ "$code" -le 128 ] || sweep
  child= guard=
  now
  mark "end $1 $code $((ms - begun)) -"
  [ "$code" = 0 ] || [ "$3" = go ] || bad=failed
}

go() {
  # hide this shell's own messages about killed children
  exec 3<&0 8>&2 </dev/null 2>/dev/null
  trap '' HUP
  trap gone TERM
  ( while nap; do say hb || exit; done ) 3<&- 8>&- & pulse=$!
  # a word from the controller stops the running command; the end of stdin stops everything
  trap 'kill -KILL ${child:+"-$child"}' USR1
  ( while read -r word <&3; do kill -USR1 $$; done; kill $$ ) >/dev/null 8>&- & ears=$!
  say hello
  job_main
  kill "$pulse" "$ears"
  mark bye
  exit 0
}
