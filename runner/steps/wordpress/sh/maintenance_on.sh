case $(state) in
theirs) say foreign; exit 1 ;;
ours) rm -f "$file" || exit 1 ;;
esac
now=$(date +%s)
(set -C; printf '<?php $upgrading = %s; // %s\n' "$now" "$sign" >"$file") || { say unwritable; exit 1; }
if [ "$(state)" != ours ]; then say unwritable; exit 1; fi
if agree; then say "closed $((now + 600))"; else say "unconfirmed $((now + 600))"; fi
