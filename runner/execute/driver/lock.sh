# The lock of a site, part of a job that asks for one: generation files made by link(2), the highest owns.
# A plain mkdir has no safe take-over: two that both judged it stale can delete each other's fresh lock.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables are shared by the texts that are sent together
# shellcheck disable=SC1007 # several variables are emptied in one line

# top: the highest generation and what stands in it: owner, expiry (uptime, seconds), boot, pid, start
top() {
  generation=0 owner= expiry=0 lock_boot= holder= holder_start=
  for file in "$lock"/g.*; do
    file=${file##*/g.}
    [ "$file" = '*' ] || { [ "$file" -gt "$generation" ] && generation=$file; }
  done
  [ "$generation" = 0 ] || read -r owner expiry lock_boot holder holder_start <"$lock/g.$generation"
}
# free_for OWNER: nobody's, its own, or stale: expired (or of another boot) and its process gone
free_for() {
  case $owner in ''|free|"$1") return 0;; esac
  [ "$lock_boot" = "$boot" ] || return 0
  [ $((ms / 1000)) -ge "$expiry" ] && ! alive "$holder" "$holder_start" "$lock_boot"
}
# seal WORDS: try to make the next generation
seal() { { echo "$*" >"$draft" && ln "$draft" "$lock/g.$((generation + 1))"; } 2>/dev/null; }
# acquire FOLDER SITE OWNER SECONDS: take or renew; the generation is the fencing token
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
  # the record of the lock is one line
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
# denied CODE: what becomes of the job without its lock; nothing on the site is its own
denied() {
  foreign=1
  case $1 in 2) bad=nosite;; 3) bad=nolock;; *) bad=locked;; esac
}
# unlock: also by an heir, who was there before the lock was taken. Our generation becomes free in place, in one write
# of which readers take the first line; it stays, so that the next one has a higher number
unlock() {
  { read -r mine lock <"$folder/lock"; } 2>/dev/null && [ -e "$lock/g.$mine" ] || return 1
  [ -z "$release" ] || { echo "free 0 - - -" 1<>"$lock/g.$mine"; } 2>/dev/null
}
