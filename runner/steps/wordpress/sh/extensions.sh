@kept@root=@root@
SITECREW_BEGUN=@begun@ SITECREW_KEPT=$kept
export SITECREW_BEGUN SITECREW_KEPT
boot() {
@program@
}
while :; do
  boot; code=$?
  # if PHP exited during an item, the next boot continues with the items after it
  [ -s "$SITECREW_BEGUN" ] || break
  cat "$SITECREW_BEGUN" >>"$SITECREW_BEGUN.died"
  rm -f "$SITECREW_BEGUN"
  if [ -e "$SITECREW_BEGUN.shut" ]; then rm -f "${root}.maintenance" "$SITECREW_BEGUN.shut"; fi
done
@own@exit "$code"
