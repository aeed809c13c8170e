umask 022
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
exec 3<&0 </dev/null
printf '\n%s became\n' "$mark" >&2
printf '%s\n' "$task" | setsid /bin/sh /dev/fd/9 9<&0 </dev/null 3<&- & child=$!
( while read -r line <&3; do :; done
  kill -TERM "-$child"; sleep 4 </dev/null 3<&-; kill -KILL "-$child" ) >/dev/null 2>&1 & watch=$!
exec 3<&-
{ wait "$child"; code=$?; kill -KILL "$watch"; } 2>/dev/null
exit "$code"
