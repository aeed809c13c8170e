project=@project@
@composer@
composer=$(find_composer) || { echo "Composer not found on the host"; exit 1; }
cd -P "$project" || exit 1
locked() {
@locked@
}
: >"$kept/begun"
dev=
if grep -q '^ *"dev": false' @installed@; then dev=--no-dev; fi
@pins@compose update --no-install --no-scripts @names@ || exit 1
SITECREW_OLD="$kept/project-composer.lock" SITECREW_NEW="$project/composer.lock"
export SITECREW_OLD SITECREW_NEW
locked || exit 1
# every package is downloaded before the first folder is changed
compose install --download-only --no-scripts $dev || exit 1
@detach@
compose install $dev || exit 1
@likeness@
