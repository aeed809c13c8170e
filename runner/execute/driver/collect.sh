# Housekeeping in one exec: of jobs long over only the tombstone stays, so that a late second start still finds it.
# given: link (nonce) job_days tombstone_days restore_days

LOGNAME=${LOGNAME:-$(id -un)}
for root in "$HOME/.sitecrew" "/var/tmp/.sitecrew-$LOGNAME" "/tmp/.sitecrew-$LOGNAME"; do
  [ -O "$root" ] && [ ! -L "$root" ] || continue
  find "$root/jobs" -name done -mtime "+$job_days" | while IFS= read -r file; do
    folder=${file%/done}
    [ -e "$folder/id" ] && [ "$folder" != "$file" ] || continue
    set --
    for file in "$folder"/*; do case ${file##*/} in id|done) ;; *) set -- "$@" "$file";; esac; done
    [ $# = 0 ] || rm -f "$@"
  done
  find "$root/jobs" -name done -mtime "+$tombstone_days" | while IFS= read -r file; do
    rm -f "${file%/done}/id" "$file" && rmdir "${file%/done}"
  done
  find "$root/restore" -mindepth 2 -maxdepth 2 -type d -mtime "+$restore_days" -exec rm -rf {} +
  find "$root/restore" -mindepth 1 -maxdepth 1 -type d -empty -exec rmdir {} +
done 2>/dev/null
printf '\036%s bye\n' "$link"
