# unmounted FOLDER: fails if another file system is mounted below it
unmounted() (
  cd -P "$1" 2>/dev/null && [ -r /proc/self/mountinfo ] || exit 0
  place
  AT=$(printf '%s/' "$at" | sed 's/\\/\\134/g; s/ /\\040/g') awk '
    index($5, ENVIRON["AT"]) == 1 { found = 1 } END { exit found }' /proc/self/mountinfo && exit 0
  echo "$1 has another file system mounted inside"
  exit 1
)
