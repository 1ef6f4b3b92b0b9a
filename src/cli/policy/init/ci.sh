#!/bin/sh
# What every change of the policies must pass, here and on the build server.
#   sh ci.sh [REVISION]     what is live, to compare with; origin/main if not given
set -eu
cd "$(dirname "$0")"
live="${1:-origin/main}"
form=text
[ -z "${GITHUB_ACTIONS:-}" ] || form=github

lockbox policy check . --output "$form"
lockbox policy fmt --check .
lockbox policy test . --coverage --threshold 100
lockbox policy mutate . --threshold 100
lockbox policy prove .

if git rev-parse --quiet --verify "$live^{commit}" > /dev/null 2>&1; then
    before=$(mktemp -d)
    trap 'rm -rf "$before"' EXIT
    git archive "$live" | tar -x -C "$before"
    # Ends with 1 when the change allows anything that was denied: a second person should look.
    lockbox policy diff "$before" .
else
    echo "there is no $live: nothing was compared" >&2
fi
