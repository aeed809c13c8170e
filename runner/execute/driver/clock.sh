# Used by jobs and readings: the clock, and waiting for commands.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # scripts that are sent together share variables
# shellcheck disable=SC2217 # a sleep must not keep its inherited stdin open

# now: set ms, the time in milliseconds. With /proc/uptime it is monotonic, exact to 10 ms and needs no fork
now() {
  if { read -r up idle </proc/uptime; } 2>/dev/null; then ms=$((${up%.*} * 1000 + (1${up#*.} - 100) * 10))
  else ms=$(($(date +%s) * 1000)); fi
}

# reap: set code to the exit status of the child. A trap makes `wait` return early; if the child exited at that moment, a
# second `wait` still returns its status. Where the shell has lost it, that returns 127, or -1 in bash
reap() {
  wait "$child"; code=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
  if [ "$code" -gt 128 ]; then
    wait "$child"
    set -- $?
    case $1 in -*|127) ;; *) code=$1;; esac
  fi
}

# sweep: kill the rest of the child's process group and wait until it is gone, at most a second. A process that was killed
# still finishes its current write, and that output must not follow the frame that ends the command
sweep() {
  kill -KILL "-$child" 2>/dev/null
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 "-$child" 2>/dev/null || return 0
    sleep 0.05 </dev/null >/dev/null 2>&1 3<&- 5>&- 8>&-
  done
}
