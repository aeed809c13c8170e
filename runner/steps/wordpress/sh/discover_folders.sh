# Prints what is below $folder, NUL-terminated: "wp" and a folder with WordPress, or "page" and an index.html.
search() {
  find "$1" -maxdepth "$2" \
    \( -type d \( -name wp-content -o -name wp-admin -o -name wp-includes -o -name node_modules -o -name '.?*' \
    -o -name releases -o -name vendor -o -name cache -o -name tmp \) -prune \) \
    -o \( -type f -name wp-load.php -exec printf 'wp\0%s\0' {} \; \) \
    -o \( -type f -name index.html -exec printf 'page\0%s\0' {} \; \) 2>/dev/null
}
search "$folder" "$depth"
find "$folder" -maxdepth 4 -type l -name current 2>/dev/null | head -n 100 | while IFS= read -r link; do
  search "$link/" 4
done
