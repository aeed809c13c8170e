if ! command -v git >/dev/null; then echo "git is not installed on the host"
elif ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then echo "the project is not a git repository"
elif ! git ls-files --error-unmatch composer.json composer.lock >/dev/null 2>&1; then
  echo "git does not track composer.json and composer.lock"
elif [ -n "$(git status --porcelain -- composer.json composer.lock 2>&1 | head -c 1)" ]; then
  echo "composer.json or composer.lock has uncommitted changes; to see them there: git diff"
elif ! git var GIT_COMMITTER_IDENT >/dev/null 2>&1; then
  echo "git has no committer name; to set it there: git config user.email you@example.com"
fi
