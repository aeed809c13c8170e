# The start of a job's stored body. The job's own functions follow, and the last line is `go`.
# Given: nonce flood (KiB) check_limit cleanup_limit (seconds) job_check job_cleanup undo_on_death has_secrets
# wants_lock release, the functions job_prepare job_main job_keep job_undo, and folder and shell as arguments
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # scripts that are sent together share variables
# shellcheck disable=SC1007 # one line clears several variables
# shellcheck disable=SC2016 # the command's shell expands these
# shellcheck disable=SC2015 # A && B || C with a B that cannot fail
# shellcheck disable=SC2217 # a sleep must not keep its inherited stdin open

folder=$1 shell=$2 events=$1/events
child= signal= again= bad= decided= foreign= lock= held= phase=main count=0
# commands get their own locale. The driver uses C, because its small programs would read the locale's files first
case $LC_ALL in ''|*[!A-Za-z0-9_.@-]*) locale=C.UTF-8;; *) locale=$LC_ALL;; esac
LC_ALL=C NO_COLOR=1 TERM=dumb
export LC_ALL NO_COLOR TERM

# emit WORDS: write a frame, together with the one that is held back: each write wakes the follower, sshd and the
# controller. On a full disk, use the reserve and run no more commands. The decoder drops the incomplete frame, because
# the next one starts before its line feed
emit() {
  set -- ${held:+"$nonce" "$held"} "$nonce" "$*"
  held=
  say "$@" || { full; say "$@"; }
}
say() { { printf '\036%s %s\n' "$@" >&5; } 2>/dev/null; }
full() {
  bad=${bad:-nospace}
  { true >"$folder/reserve"; } 2>/dev/null
}

# mark PID START DUE TASK: record what is running, for the warden. Written in place, so the file is never empty
mark() { { printf '%-95s\n' "$*" 1<>"$folder/current"; } 2>/dev/null; }
put() { { printf '%s\n%s\n' "$prologue" "$2" >"$folder/s.$1"; } 2>/dev/null; }

# launch ARGUMENTS...: run a shell with these arguments in a session of its own; call it in the background
launch() {
  [ -z "$err" ] || exec 2>"$err"
  detach "$shell" "$@"
}

# run TASK SECONDS TEXT STDERR_CAP SECRETS: run a command in its own shell, session and group; set code and why.
# The shell records its group before the text starts, so that a driver killed right after the fork leaves no unknown
# child. Secrets arrive through a pipe on stdin, which is read before the text starts: no file contains them.
run() {
  id=$1 limit=$2 text=$3 cap=$4 secret=$5 err= code=1 why=-
  now; begun=$ms
  if [ -n "$secret" ]; then
    text="l= k=; while IFS= read -r l; do k=\$k\$l\"
\"; done; exec </dev/null; eval \"\$k\"; unset k l
$text"
  fi
  script=$folder/s.$id
  write || { full; write || script=; }
  emit "begin $id"
  if [ "$bad" = nospace ] && [ $phase = main ]; then emit "end $id 1 0 nospace"; return; fi
  count=$((count + 1))
  # it is our child, so its pid is not reused before we have waited for it
  kill -0 "$warden" 2>/dev/null || hire
  [ -z "$cap" ] || err=$folder/e.$id
  # do not run a script that was truncated by a full disk: half a line may mean something else
  if [ -n "$script" ]; then set -- "$script"; else set -- -c "export LC_ALL=$locale; $text"; fi
  if [ -n "$secret" ]; then printf '%s\n' "$secret" 5>&- | launch "$@" >>"$events" 2>&1 5>&- & child=$!
  else launch "$@" </dev/null >>"$events" 2>&1 5>&- & child=$!; fi
  inspect "$child" && mark "$child $start $((begun / 1000 + limit)) $id"
  [ -n "$signal" ] && [ $phase = main ] && hurry
  reap
  [ -e "$folder/timeout.$id" ] && why=timeout code=124
  [ -e "$folder/flood.$id" ] && why=flood
  [ -n "$signal" ] && [ $phase = main ] && why=cancelled
  [ $why = - ] || sweep
  child=
  mark "- - 0 $id"
  now
  if [ -n "$err" ] && [ -s "$err" ]; then emit "stderr $id"; { head -c "$cap" "$err" >&5; } 2>/dev/null; fi
  held="end $id $code $((ms - begun)) $why"
}
write() { { printf 'export LC_ALL=%s; printf %%-19s\\\\n $$ 1<>"${0%%/*}/group"\n%s\n' "$locale" "$text" >"$script"; } 2>/dev/null; }

# task ID SECONDS stop|go TEXT STDERR_CAP SECRETS
task() {
  [ -n "$signal" ] && [ $phase = main ] && bad=cancelled
  # always: runs after a failed command too, to read the state that it left
  if [ -n "$bad" ] && [ $phase != undo ] && [ "$3/$bad" != always/failed ]; then emit "skip $1 $bad"; return 0; fi
  run "$1" "$2" "$4" "$5" "$6"
  if [ $code != 0 ] && [ "$3" = stop ]; then
    if [ $phase = undo ]; then bad=failed; else bad=${bad:-failed}; fi
  fi
  return 0
}

# await SECONDS: wait for a verdict; after that much silence, check here and decide
await() {
  [ -z "$foreign" ] || return 0
  [ -n "$signal" ] && bad=cancelled
  [ -n "$bad" ] && { decide undo "$bad"; return; }
  phase=await
  mark "- - 0 await"
  emit "awaiting $1"
  while again=; do
    sleep "$1" </dev/null >/dev/null 2>&1 5>&- & child=$!
    mark "- $child 0 await"
    [ -n "$signal" ] || [ -e "$folder/verdict" ] || reap
    # KILL: between fork and exec the child has our traps and would ignore TERM
    kill -KILL "$child" 2>/dev/null
    [ -n "$again" ] && [ -z "$signal" ] && [ ! -e "$folder/verdict" ] || break
  done
  child=
  settle
}
# settle: add our own word to the file `verdict` unless it exists, and act on the word in it
settle() {
  word=timeout
  [ -n "$signal" ] && word=cancel
  { set -C; echo $word >"$folder/verdict"; } 2>/dev/null
  set +C
  phase=settle word= tries=0
  while read -r word <"$folder/verdict"; [ -z "$word" ] && [ $tries -lt 20 ]; do tries=$((tries + 1)); sleep 0.05; done 2>/dev/null
  case $word in
    keep|undo) decide "$word" controller;;
    cancel) bad=cancelled; decide undo cancelled;;
    *) run check "$check_limit" "$job_check" '' "${secret_check-}"; if [ $code = 0 ]; then decide keep deadman; else decide undo deadman; fi;;
  esac
}
# decide keep|undo BY: record the decision before reporting it, for a warden that takes over
decide() {
  { echo "$1 $2" >"$folder/decided"; } 2>/dev/null
  carry_out "$1" "$2"
}
carry_out() {
  decided=$1 phase=$1
  [ "$1" = keep ] || bad=${bad:-undone}
  emit "decided $1 $2"
  "job_$1"
}

finish() {
  [ -n "$signal" ] && [ -z "$decided" ] && bad=${bad:-cancelled}
  phase=cleanup
  # without the lock, the site must not be touched
  [ -n "$job_cleanup" ] && [ -z "$foreign" ] && run cleanup "$cleanup_limit" "$job_cleanup"
  [ -z "$held" ] || { word=$held held=; emit "$word"; }
  set -- "$0" "$folder"/s.* "$folder"/e.* "$folder/id.$$" "$folder/current" "$folder/group" "$folder/reserve"
  if [ -n "$wants_lock" ]; then
    unlock && for file in "$lock"/g.*; do [ "${file##*/g.}" -lt "$mine" ] && set -- "$@" "$file"; done
    set -- "$@" "$folder/draft" ${lock:+"$lock/n.$$"}
  fi
  rm -f "$@"
  { echo "${bad:-ok} $count" >"$folder/done"; } 2>/dev/null
  emit "bye ${bad:-ok} $count"
}

# warden PID START: check the deadline of the command, the size of the events and the driver once a second
warden() {
  while sleep 1 </dev/null >/dev/null 2>&1 5>&-; do
    if ! alive "$1" "$2" "$boot"; then
      whose=
      { read -r whose at <"$folder/id"; } 2>/dev/null
      if [ "$whose" != "$nonce" ]; then :
      elif [ ! -e "$folder/done" ]; then heir
      # all was done, and it was killed between creating its record and filling it
      elif [ ! -s "$folder/done" ]; then { echo "died 0" >"$folder/done"; } 2>/dev/null; emit "bye died 0"
      fi
      exit
    fi
    at=-
    { read -r at since due name <"$folder/current"; } 2>/dev/null
    [ "${at:--}" = - ] && continue
    now
    if [ -n "$(find "$events" -size +"$flood"k 2>/dev/null)" ] && [ ! -e "$folder/flood.$name" ]; then
      due=0
      true >"$folder/flood.$name"
    fi
    if [ $((ms / 1000)) -ge $((due + 10)) ]; then kill -KILL "-$at"
    elif [ $((ms / 1000)) -ge "$due" ]; then
      [ -e "$folder/flood.$name" ] || true >"$folder/timeout.$name"
      kill -TERM "-$at"
    fi 2>/dev/null
  done
}
# heir: the driver died. Kill its command, carry out its decision or make one, clean up, write the record
heir() {
  trap : TERM USR1 USR2
  strays
  name=$task
  emit "died ${name:--}"
  read -r whose at at at warden warden_start <"$folder/id"
  { read -r warden warden_start <"$folder/warden"; } 2>/dev/null
  me=$warden me_start=$warden_start
  hire
  choice= by=
  { read -r choice by <"$folder/decided"; } 2>/dev/null
  if [ "$choice" = undo ]; then bad=died; carry_out undo "$by"
  elif [ -n "$choice" ]; then bad=died decided=keep; emit "decided keep $by"
  elif [ "$name" = await ]; then kill -KILL "$since" 2>/dev/null; settle
  elif [ "$name" = check ]; then settle
  elif [ -n "$wants_lock" ] && [ ! -e "$folder/lock" ]; then bad=died foreign=1
  else
    bad=died
    [ -n "$undo_on_death" ] && decide undo died
  fi
  finish
}
# watch: start a warden for this process; hire: replace a dead one
watch() {
  ( trap - TERM USR1 USR2; warden "$me" "$me_start" ) </dev/null >/dev/null 2>&1 & warden=$!
  inspect $warden
  warden_start=$start
}
hire() {
  watch
  { echo "$warden $warden_start" >"$folder/warden"; } 2>/dev/null
}

# hurry: send TERM to the running command; the warden sends KILL after 5 seconds
hurry() {
  kill -TERM "-$child" 2>/dev/null
  { read -r at since due name <"$folder/current"; } 2>/dev/null
  now
  [ "${at:--}" = - ] || mark "$at $since $((ms / 1000 - 5)) $name"
}
on_term() {
  case $phase in
    main) signal=TERM; [ -z "$child" ] || hurry;;
    await) signal=TERM; kill -KILL "$child" 2>/dev/null;;
  esac
}
on_verdict() { [ $phase = await ] && kill -KILL "$child" 2>/dev/null; }
on_wait() { [ $phase = await ] && again=1 && kill -KILL "$child" 2>/dev/null; }

# claim: create the id file with its content by link(2), so that exactly one process wins. Its warden is started before
# that: a driver must never run without one.
claim() {
  trap '' HUP
  # not ignored: the commands would inherit that
  trap : PIPE
  trap on_term TERM; trap on_verdict USR1; trap on_wait USR2
  if [ -n "$has_secrets" ]; then secrets=$(cat); eval "$secrets"; secrets=; fi
  job_prepare
  # before the claim is visible: a follower may open the file at once
  exec 5>>"$events"
  inspect $$; me=$$ me_start=$start
  watch
  { echo "$nonce $$ $me_start $boot $warden $warden_start" >"$folder/id.$$"; } 2>/dev/null || lose
  ln "$folder/id.$$" "$folder/id" 2>/dev/null || lose
  printf '%8192s' '' >"$folder/reserve" 2>/dev/null || bad=nospace
  echo started
  exec >/dev/null 2>>"$folder/log"
  emit "job $$"
}
lose() {
  kill -KILL "$warden"
  rm -f "$folder/id.$$" "$0"
  [ -e "$folder/id" ] && echo attached
  exit 0
}
go() {
  claim
  job_main
  finish
  kill "$warden" 2>/dev/null
  exit 0
}
