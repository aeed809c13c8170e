if [ -L "$path" ]; then say "path link"; say target; readlink "$path"
elif [ -d "$path" ]; then say "path folder"
elif [ -e "$path" ]; then say "path other"
else say "path nothing"; fi
[ -w @parent@ ] || say unwritable
sums /dev/null >/dev/null 2>&1 || say unsummed
say releases
for d in "$releases"/*/; do
  d=${d%/}
  if [ -d "$d" ] && [ ! -L "$d" ]; then printf '%s\0' "${d##*/}"; fi
done
say "tree serving"
@serving@
say "tree incoming"
@incoming@
say "tree whole"
@whole@
say "tree built"
cd || exit 1
@built@
say odd
@odd@
say end
