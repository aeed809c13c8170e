flush() {
  [ ! -e "$content/object-cache.php" ] || wp cache flush --skip-plugins --skip-themes >/dev/null 2>&1
}
# PHP checks the files of compiled code again every two seconds, or as configured
settled() { well || { sleep "$compiled"; well; }; }
clear
stages() {
  for SITECREW_STAGE in $wanted; do
    put_back
    case $? in 0) ;; 4) continue;; *) return 1;; esac
    flush
    if settled; then return; fi
  done
  settled
}
if [ -n "$looks" ]; then
  # old code that is still compiled may set them again
  SITECREW_STAGE=options
  sufficed=
  if put_back; then sleep "$compiled"; put_back; sufficed=yes; fi
  flush
  if settled; then [ -n "$sufficed" ] || say '{"database": "not needed"}'; exit; fi
fi
# new code that is still compiled would change the data again
[ -z "$fresh" ] || sleep "$compiled"
stages
