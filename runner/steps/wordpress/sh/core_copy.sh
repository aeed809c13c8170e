if [ ! -d "$kept/copy" ]; then
  rm -rf "$kept/copy.part"
  mkdir -p "$kept/copy.part/files" || exit 1
  for d in wp-includes wp-admin; do
    cp -a "$root/$d/." "$kept/copy.part/$d" && alike_below "$kept/copy.part/$d" "$root/$d/." || exit 1
  done
  for f in "$root"/*; do
    if [ -f "$f" ] && [ "${f##*/}" != wp-config.php ]; then
      cp -p "$f" "$kept/copy.part/files/" || exit 1
    fi
  done
  alike_in "$kept/copy.part/files" "$root" || exit 1
  mv "$kept/copy.part" "$kept/copy" || exit 1
fi
