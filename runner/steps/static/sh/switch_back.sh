cd @parent@ || exit 1
at=$(readlink "$path")
if [ "$at" = "$was" ]; then return; fi
[ "$at" = "$new" ] || exit 1
if [ -z "$was" ]; then rm -f "$path"; return; fi
[ -d "$was" ] && swap "$path" "$was" && [ "$(readlink "$path")" = "$was" ]
