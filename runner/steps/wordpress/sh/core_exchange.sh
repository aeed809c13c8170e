@place@@exchange@
stage() {
@stage@
}
finish() {
@finish@
}
stage
status=$?
if [ -e "$kept/ready" ]; then
  : >"$kept/begun" && exchange_core "$kept/new" "$kept/old" new/files dropped && : >"$kept/done"
  status=$?
fi
say "{\"item\":\"core\",\"state\":\"disk\",\"version\":\"$(wp core version)\"}"
[ "$status" -eq 0 ] || exit "$status"
database() {
@database@
}
database && finish
