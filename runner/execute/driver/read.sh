# Reading only, and streams: nothing is detached, nothing is stored. Output goes straight into the exec's stdout between
# frames, stderr into its stderr; when the controller goes, the task that runs is killed.
# given: link (nonce) beat shell, and the function job_main
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables are shared by the texts that are sent together
# shellcheck disable=SC1007 # several variables are emptied in one line
# shellcheck disable=SC2016 # the task's shell expands these
# shellcheck disable=SC2217 # a sleep must not hold the stdin that it inherits

LC_ALL=${LC_ALL:-C.UTF-8} NO_COLOR=1 TERM=dumb
export LC_ALL NO_COLOR TERM
# both streams have the frame, since nobody knows in which order they arrive
mark() { say "$*"; say "$*" >&8; }
child= guard= bad=
gone() {
  trap '' TERM
  # shellcheck disable=SC2086 # either may be empty, and is then no argument
  kill -KILL $pulse $guard ${child:+"-$child"}
  exit 1
}

# task ID SECONDS stop|go TEXT: the text comes through a pipe: it may hold secrets, and argument lists are public and short
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
  # what this shell has to say of killed children is nobody's output
  exec 3<&0 8>&2 </dev/null 2>/dev/null
  trap '' HUP
  trap gone TERM
  ( while nap; do say hb || exit; done ) 3<&- 8>&- & pulse=$!
  # a word stops the task that runs; the end of the words ends all
  trap 'kill -KILL ${child:+"-$child"}' USR1
  ( while read -r word <&3; do kill -USR1 $$; done; kill $$ ) >/dev/null 8>&- & ears=$!
  say hello
  job_main
  kill "$pulse" "$ears"
  mark bye
  exit 0
}
