# mine: $kept is a folder of this account, not a link
mine() { [ ! -L "$kept" ] && [ -d "$kept" ] && [ -O "$kept" ]; }
# note NAME FOLDER: records the physical path of FOLDER, if it exists
note() {
  if [ -e "$kept/.at-$1" ] || [ ! -d "$2" ]; then return; fi
  (cd -P "$2" && place && printf '%s.' "$at" >"$kept/.at-$1")
}
