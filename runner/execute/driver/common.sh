# What both ends of a job on the host need: the exec that follows it, and the job itself.
# POSIX sh: dash, bash, busybox ash. Comments and indentation are taken out before sending.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables are shared by the texts that are sent together

umask 077
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export PATH
# a shell that reads a file of its own at each start could speak into every task's output
unset ENV BASH_ENV CDPATH

# inspect PID: sets state and start; no fork where /proc exists, immune to clock steps
inspect() {
  if [ -r /proc/self/stat ] && [ -z "$SITECREW_NO_PROC" ]; then
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    stat=${stat##*) }
    set -f
    # shellcheck disable=SC2086 # words, split on purpose with globbing off
    set -- pid name $stat
    set +f
    state=$3 start=${22}
  else
    stat=$(ps -o stat= -o lstart= -p "$1" 2>/dev/null) || return 1
    set -f
    # shellcheck disable=SC2086 # words, split on purpose with globbing off
    set -- $stat
    set +f
    state=$1; shift
    start=$(IFS=_; echo "$*")
  fi
}

{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || boot=-

# alive PID START BOOT: that very process runs; a zombie does not, though `kill -0` would say so
alive() {
  [ -n "$1" ] && [ "$3" = "$boot" ] && inspect "$1" || return 1
  case $state in Z*|X*) return 1;; esac
  [ "$start" = "$2" ]
}

# strays: kill the task that a dead driver left, known by its start time or by the job's path in its argv
strays() {
  at=- since=-
  { read -r at since due task <"$folder/current"; } 2>/dev/null
  case $at in -|'') ;; *) alive "$at" "$since" "$boot" && kill -KILL "-$at" 2>/dev/null;; esac
  { read -r at <"$folder/group" && grep -qs "$folder/s[.]" "/proc/$at/cmdline" && kill -KILL "-$at"; } 2>/dev/null
}

# detach COMMAND...: in a session, hence a process group, of its own; never forks, so $! is the group
if command -v setsid >/dev/null 2>&1 && [ -z "$SITECREW_NO_SETSID" ]; then
  detach() { exec setsid "$@"; }
elif command -v perl >/dev/null 2>&1; then
  detach() { exec perl -e 'use POSIX; POSIX::setsid(); exec @ARGV' "$@"; }
else
  detach() { trap '' HUP; exec "$@"; }
fi

# nap: the time between two heartbeats; who is told to end meanwhile takes the sleep along
nap() {
  trap 'kill "$nap"; exit' TERM
  sleep "$beat" >/dev/null 3<&- & nap=$!
  wait "$nap"
}

# say WORDS: print a frame for the controller. When a signal interrupts a blocked write, busybox and bash write nothing
# of the frame and printf fails: try again. Only a few times, because the connection may be gone
say() {
  for try in 1 2 3 4 5 6 7 8 9; do printf '\036%s %s\n' "$link" "$*" && return; done
  return 1
}

# search PATH: sets root to the first of our roots that holds PATH
search() {
  LOGNAME=${LOGNAME:-$(id -un)}
  for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
    [ -d "$root/$1" ] && [ -O "$root" ] && [ ! -L "$root" ] && return
  done
  return 1
}

# provide PATH: as search, else makes PATH in the first root that is ours and can be written
provide() {
  search "$1" && return
  for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
    establish "$1" && return
  done
  return 1
}
# establish PATH: makes PATH below root, if root is ours and can be written
establish() {
  [ ! -L "$root" ] || return 1
  [ ! -e "$root" ] || [ -O "$root" ] || return 1
  mkdir -p "$root/$1" 2>/dev/null && [ -O "$root" ] && [ -w "$root/$1" ] || return 1
  # a home may be a document root: nobody but us reads below, and a server that is us refuses
  [ -e "$root/.htaccess" ] || {
    chmod 700 "$root"
    printf '%s\n' '<IfModule mod_authz_core.c>' 'Require all denied' '</IfModule>' \
      '<IfModule !mod_authz_core.c>' 'Deny from all' '</IfModule>' >"$root/.htaccess"
    : >"$root/index.html"
  } 2>/dev/null
  return 0
}

# public ROOT FOLDER...: ROOT lies at or below one of the folders, by their physical paths, or where it lies is not known
public() {
  real=$(CDPATH='' cd -P -- "${1%/*}" && pwd -P) 2>/dev/null || return 0
  real=${real%/}/${1##*/}/
  shift
  for open in "$@"; do
    open=$(CDPATH='' cd -P -- "$open" 2>/dev/null && pwd -P) || continue
    # apart: in a pattern bash takes "${open%/}" of / for something else than nothing
    open=${open%/}
    case $real in "$open"/*) return 0;; esac
  done
  return 1
}

# rest FOLDER SITE PUBLIC...: the folder of a site's restore points in one run, for tasks as $SITECREW_RESTORE; in none
# of the public folders, which web servers hand out
rest() {
  LOGNAME=${LOGNAME:-$(id -un)}
  point=restore/$1/$2 refused=
  shift 2
  for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
    if public "$root" "$@"; then refused=1
    elif [ -d "$root/$point" ] && [ -O "$root" ] && [ ! -L "$root" ] || establish "$point"; then
      SITECREW_RESTORE=$root/$point
      export SITECREW_RESTORE
      return
    fi
  done
  [ -z "$refused" ] || return 2
  return 1
}
