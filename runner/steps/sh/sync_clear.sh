ground "$inside" "$target" && ours && [ -d "./$part" ] || exit 0
( private "$part" && find . ! -name . -prune -type f -exec rm -f {} + ) || exit 0
rmdir "./$part" 2>/dev/null
exit 0
