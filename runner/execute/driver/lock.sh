# The lock of a site, for jobs that need one: files g.N created by link(2); the highest N is the owner.
# A plain mkdir cannot be taken over safely: two that find it stale could delete each other's new lock.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # scripts that are sent together share variables
# shellcheck disable=SC1007 # one line clears several variables

# top: set generation, the highest one, and its owner, expiry (uptime in seconds), boot, pid and start
top() {
  generation=0 owner= expiry=0 lock_boot= holder= holder_start=
  for file in "$lock"/g.*; do
    file=${file##*/g.}
    [ "$file" = '*' ] || { [ "$file" -gt "$generation" ] && generation=$file; }
  done
  [ "$generation" = 0 ] || read -r owner expiry lock_boot holder holder_start <"$lock/g.$generation"
}
# free_for OWNER: whether it is free, its own, or stale: from before a reboot, or expired with its process gone
free_for() {
  case $owner in ''|free|"$1") return 0;; esac
  [ "$lock_boot" = "$boot" ] || return 0
  [ $((ms / 1000)) -ge "$expiry" ] && ! alive "$holder" "$holder_start" "$lock_boot"
}
# seal WORDS: try to create the next generation
seal() { { echo "$*" >"$draft" && ln "$draft" "$lock/g.$((generation + 1))"; } 2>/dev/null; }
# acquire FOLDER SITE OWNER SECONDS: take or renew the lock; the generation is the fencing token
acquire() {
  if [ -n "$1" ]; then
    # other accounts work on the site too
    umask 002
    lock=$1 draft=$1/n.$$
    [ -d "$lock" ] || mkdir -p "$lock"
  else
    lock=$(CDPATH= cd -P -- "$2" && printf %s "$PWD") || return 2
    lock=locks$lock/.lock draft=$folder/draft
    provide "$lock" || return 3
    lock=$root/$lock
  fi 2>/dev/null
  # its path is stored in one line
  case $lock in *"
"*) return 2;; esac
  for attempt in 1 2 3; do
    now; top
    free_for "$3" || break
    if seal "$3 $((ms / 1000 + $4)) $boot $$ $me_start"; then
      mine=$((generation + 1)); top
      [ "$generation" = "$mine" ] || continue
      umask 077
      echo "$generation $lock" >"$folder/lock"; emit "lock $generation"
      return 0
    fi
  done
  umask 077
  ! free_for "$3" || return 3
  emit "locked ${owner:--} $((expiry - ms / 1000))"
  return 1
}
# denied CODE: set the status of a job without its lock; it must not touch the site
denied() {
  foreign=1
  case $1 in 2) bad=nosite;; 3) bad=nolock;; *) bad=locked;; esac
}
# unlock: release the lock, also in a warden that took over. The file is overwritten in place with one write, of which
# readers use the first line; it stays, so that the next generation has a higher number
unlock() {
  { read -r mine lock <"$folder/lock"; } 2>/dev/null && [ -e "$lock/g.$mine" ] || return 1
  [ -z "$release" ] || { echo "free 0 - - -" 1<>"$lock/g.$mine"; } 2>/dev/null
}
