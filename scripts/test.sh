#!/bin/sh
# Run everything that has to hold: formatting, lint, types, shell scripts, and the tests. Arguments go to pytest.
#
# The environment for it is made in .cache/dev, and made again when pyproject.toml has changed.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd -- "$here/.."
# shellcheck source=scripts/find_python.sh
. scripts/find_python.sh

dev=.cache/dev
if ! cmp -s pyproject.toml "$dev/pyproject.toml"; then
    python=$(find_python) || { echo "the tests need Python 3.10 or newer" >&2; exit 1; }
    rm -rf -- "$dev"
    "$python" -m venv "$dev"
    "$dev/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade pip
    env -u PYTHONDONTWRITEBYTECODE "$dev/bin/python" -m pip install --quiet --group dev --editable .
    cp pyproject.toml "$dev/pyproject.toml"
fi

"$dev/bin/ruff" format --check --quiet .
"$dev/bin/ruff" check --quiet .
"$dev/bin/mypy"
if command -v shellcheck >/dev/null 2>&1; then
    shellcheck --external-sources scripts/*.sh scripts/bench .ci/run shims/*.sh shims/*.bash
else
    echo "shellcheck is not installed: the shell scripts are not checked" >&2
fi
# Two for each core: half of what they do is wait, for shells, servers and locks
# What is left is dealt out anew: some files hold long tests only
exec "$dev/bin/python" -m pytest --numprocesses=$(($(getconf _NPROCESSORS_ONLN) * 2)) --dist=worksteal --durations=20 "$@"
