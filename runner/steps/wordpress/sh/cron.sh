events() {
@program@
}
said=$(events --skip-plugins --skip-themes 2>&1 | tail -c 1000000)
printf '%s\n' "$said"
case $said in *"$mark {\"events\""*) : ;; *) exit 1 ;; esac
visits=$(printf '%s\n' "$said" | sed -n "s/^$mark visit //p")

while IFS=' ' read -r id hook url; do
  [ -n "$id" ] || continue
  say "run $id $hook"
  { events --url="$url" "$id" "$url" "$hook" 2>&1; say "ended $?"; } | tail -c 20000
done <<SITECREW_VISITS
$visits
SITECREW_VISITS
