[ -d @target@ ] && say exists
sums /dev/null >/dev/null 2>&1 || say unsummed
say files
@files@
say staged
@staged@
say names
@names@
say end
