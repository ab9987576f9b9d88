#!/usr/bin/env bash
# Install the tool from the checkout of this action into an environment of its own.
set -euo pipefail

source="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
place="$RUNNER_TEMP/recsys-workbench"

refuse() {
  echo "::error title=recsys-workbench::$1"
  exit 2
}

# a name and a list of names: nothing else of an input gets onto a command line
[[ "$RW_EXTRAS" =~ ^[a-z,]*$ ]] || refuse "input extras: only names of extras, separated by commas"
command -v -- "$RW_PYTHON" >/dev/null || refuse "input python: there is no such program"
"$RW_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  refuse "input python: 3.11 or newer is needed; see actions/setup-python"

"$RW_PYTHON" -m venv "$place"
pip=("$place/bin/python" -m pip install --quiet --disable-pip-version-check)
pip+=(-c "$source/constraints.txt" -c "$source/constraints-extras.txt")
"${pip[@]}" "$source${RW_EXTRAS:+[$RW_EXTRAS]}"
echo "bin=$place/bin" >>"$GITHUB_OUTPUT"
