# List or delete all our files on a host; refuse if any are in use. `find` and `rm` follow no links below a root.
# Given: action (list or delete), functions (scripts for the inner shells); the directories of sites as arguments
# shellcheck shell=sh
# shellcheck disable=SC2154 # set by the controller
# shellcheck disable=SC2016 # the inner shells expand these

LC_ALL=C
export LC_ALL
LOGNAME=${LOGNAME:-$(id -un)} me=$(id -u)
ours() { [ -d "$1" ] && [ -O "$1" ] && [ ! -L "$1" ]; }
# roots COMMAND...: run a command on each of our roots
roots() {
  for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
    ! ours "$root" || "$@" "$root" || return 1
  done
}
# busy ROOT: fail if a job is running, a lock is held, or that cannot be determined; print which
busy() {
  set -- "$1" "$(
    {
      [ ! -d "$1/jobs" ] || find "$1/jobs" -mindepth 1 -maxdepth 1 -type d -exec /bin/sh -c "$functions"'
        for folder; do
          [ -e "$folder/id" ] && [ ! -s "$folder/done" ] || continue
          read -r nonce driver since born warden begun <"$folder/id" || { echo job; continue; }
          [ ! -e "$folder/warden" ] || read -r warden begun <"$folder/warden"
          if alive "$driver" "$since" "$born" || alive "$warden" "$begun" "$born"; then echo job; fi
        done' sh {} +
    } && {
      [ ! -d "$1/locks" ] || find "$1/locks" -type d -name .lock -exec /bin/sh -c "$functions"'
        for lock; do now; top; free_for free || echo lock; done' sh {} +
    } || echo unreadable
  )"
  [ -z "$2" ] || { printf 'busy\0%s\0' "${2%%[!a-z]*}"; return 1; }
}
# size PATH...: print kilobytes and path of each, terminated by NUL
size='for path; do kb=$(du -sk "$path" 2>/dev/null); printf "%s\0%s\0" "${kb%%[!0-9]*}" "$path"; done'
show() { /bin/sh -c "$size" sh "$1"; }
delete() { rm -rf "$1"; }
# leftovers SITE COMMAND...: run a command on our directories next to the files of a site
leftovers() {
  site=$1
  shift
  for folder in "$site/." "$site/wp-content"; do
    [ ! -d "$folder" ] || [ -L "$folder" ] || find "$folder" -mindepth 1 -maxdepth 1 -name '.sitecrew-*' \
      -user "$me" -exec "$@" {} +
  done
}

roots busy || exit 0
if [ "$action" = delete ]; then
  for site; do leftovers "$site" rm -rf || failed=1; done
  roots delete || failed=1
fi
roots show
for site; do leftovers "$site" /bin/sh -c "$size" sh; done
[ -z "$failed" ] || exit 1
