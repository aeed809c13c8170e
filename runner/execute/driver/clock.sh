# Shared by jobs and reading.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables are shared by the texts that are sent together
# shellcheck disable=SC2217 # a sleep must not hold the stdin that it inherits

# now: sets ms; monotonic with a grain of 10 ms where /proc/uptime exists, and no fork
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
# still finishes the write it is in: its output must not follow the frame that ends the task
sweep() {
  kill -KILL "-$child" 2>/dev/null
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 "-$child" 2>/dev/null || return 0
    sleep 0.05 </dev/null >/dev/null 2>&1 3<&- 5>&- 8>&-
  done
}
