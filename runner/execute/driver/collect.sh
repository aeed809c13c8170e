# Delete old files. Old jobs keep their tombstones for longer, so that a late second start does not run them again.
# Given: link (nonce) job_days tombstone_days restore_days
# shellcheck shell=sh
# shellcheck disable=SC2154 # set by the controller
# shellcheck disable=SC2016 # the inner shells expand these

LOGNAME=${LOGNAME:-$(id -un)}
# pass names from find to rm as arguments, so that a name may contain a line feed
for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
  if [ ! -O "$root" ] || [ -L "$root" ]; then continue; fi
  find "$root/jobs" -mindepth 2 -maxdepth 2 -name 'done' -mtime "+$job_days" -exec /bin/sh -c '
    for file; do
      folder=${file%/done}
      [ -e "$folder/id" ] || continue
      set --
      for file in "$folder"/*; do case ${file##*/} in id|done) ;; *) set -- "$@" "$file";; esac; done
      [ $# = 0 ] || rm -f "$@"
    done' sh {} +
  find "$root/jobs" -mindepth 2 -maxdepth 2 -name 'done' -mtime "+$tombstone_days" -exec /bin/sh -c '
    for file; do rm -f "${file%/done}/id" "$file" && rmdir "${file%/done}"; done' sh {} +
  find "$root/restore" -mindepth 2 -maxdepth 2 -type d -mtime "+$restore_days" -exec rm -rf {} +
  find "$root/restore" -mindepth 1 -maxdepth 1 -type d -empty -exec rmdir {} +
done 2>/dev/null
printf '\036%s bye\n' "$link"
