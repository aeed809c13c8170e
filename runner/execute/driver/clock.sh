# Shared by jobs and reading.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables are shared by the texts that are sent together

# now: sets ms; monotonic with a grain of 10 ms where /proc/uptime exists, and no fork
now() {
  if { read -r up idle </proc/uptime; } 2>/dev/null; then ms=$((${up%.*} * 1000 + (1${up#*.} - 100) * 10))
  else ms=$(($(date +%s) * 1000)); fi
}

# reap: the true status of the child, although traps interrupt `wait`
reap() {
  wait "$child"; code=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
}
