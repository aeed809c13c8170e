# Functions for the job itself and for the process that follows it.
# POSIX sh: dash, bash, busybox ash. Comments and indentation are removed before sending.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # scripts that are sent together share variables

umask 077
PATH=${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export PATH
# a shell that reads a start-up file of its own could print into the output of every command
unset ENV BASH_ENV CDPATH

# inspect PID: set state and start. With /proc it needs no fork and does not depend on the wall clock
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

# alive PID START BOOT: whether exactly this process is running. `kill -0` would also succeed for a zombie
alive() {
  [ -n "$1" ] && [ "$3" = "$boot" ] && inspect "$1" || return 1
  case $state in Z*|X*) return 1;; esac
  [ "$start" = "$2" ]
}

# strays: kill the command that a dead driver left, identified by start time or by the job's path in its arguments
strays() {
  at=- since=-
  { read -r at since due task <"$folder/current"; } 2>/dev/null
  case $at in -|'') ;; *) alive "$at" "$since" "$boot" && kill -KILL "-$at" 2>/dev/null;; esac
  { read -r at <"$folder/group" && grep -qs "$folder/s[.]" "/proc/$at/cmdline" && kill -KILL "-$at"; } 2>/dev/null
}

# detach COMMAND...: run in a session and process group of its own. It never forks, so $! is the group
if command -v setsid >/dev/null 2>&1 && [ -z "$SITECREW_NO_SETSID" ]; then
  detach() { exec setsid "$@"; }
elif command -v perl >/dev/null 2>&1; then
  detach() { exec perl -e 'use POSIX; POSIX::setsid(); exec @ARGV' "$@"; }
else
  detach() { trap '' HUP; exec "$@"; }
fi

# nap: sleep until the next heartbeat; on TERM, kill the sleep too
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

# search PATH: set root to the first of our roots that contains PATH
search() {
  LOGNAME=${LOGNAME:-$(id -un)}
  for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
    [ -d "$root/$1" ] && [ -O "$root" ] && [ ! -L "$root" ] && return
  done
  return 1
}

# provide PATH: like search; otherwise create PATH in the first root that is ours and writable
provide() {
  search "$1" && return
  for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
    establish "$1" && return
  done
  return 1
}
# establish PATH: create PATH below root, if root is ours and writable
establish() {
  [ ! -L "$root" ] || return 1
  [ ! -e "$root" ] || [ -O "$root" ] || return 1
  mkdir -p "$root/$1" 2>/dev/null && [ -O "$root" ] && [ -w "$root/$1" ] || return 1
  # the home may be a document root: mode 700 keeps others out, these files a web server with our account
  [ -e "$root/.htaccess" ] || {
    chmod 700 "$root"
    printf '%s\n' '<IfModule mod_authz_core.c>' 'Require all denied' '</IfModule>' \
      '<IfModule !mod_authz_core.c>' 'Deny from all' '</IfModule>' >"$root/.htaccess"
    : >"$root/index.html"
  } 2>/dev/null
  return 0
}

# public ROOT FOLDER...: whether ROOT is in or below one of the folders by physical path, or its path is unknown
public() {
  real=$(CDPATH='' cd -P -- "${1%/*}" && pwd -P) 2>/dev/null || return 0
  real=${real%/}/${1##*/}/
  shift
  for open in "$@"; do
    open=$(CDPATH='' cd -P -- "$open" 2>/dev/null && pwd -P) || continue
    # a separate step: within a pattern, bash does not treat "${open%/}" of / as empty
    open=${open%/}
    case $real in "$open"/*) return 0;; esac
  done
  return 1
}

# rest FOLDER SITE PUBLIC...: create the directory for a site's restore points in one run, and export it as
# $SITECREW_RESTORE. It is never in a public folder, which web servers serve
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
