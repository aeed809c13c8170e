cd @parent@ || stop no-release
[ -d "$room/$name" ] || stop no-release
old=$(readlink "$path"); old=${old##*/}
if [ -n "$expect" ] && [ "$old" != "$expect" ]; then stop "moved $old"; fi
swap "$path" "$room/$name" || stop no-rename
[ "$(readlink "$path")" = "$room/$name" ] || stop no-rename
say "from $old"
say "to $name"
