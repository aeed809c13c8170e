exec 4>&1
ends=$( {
  { @command@ 3>&- 4>&-; echo "from=$?" >&3; } | { gzip -1 >&4 3>&-; echo "to=$?" >&3; }
} 3>&1 )
exec 4>&-
from=1 to=1
eval "$ends"
[ "$to" -eq 0 ] || return 1
[ "$from" -le @ok@ ] || return @unread@
