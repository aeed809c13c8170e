@place@
update() {
@update@
}
update
status=$?
say "{\"item\":\"core\",\"state\":\"disk\",\"version\":\"$(wp core version)\"}"
[ "$status" -eq 0 ] || exit "$status"
@database@
