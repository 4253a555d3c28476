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
# Hundreds of thousands of files are made and deleted: in memory, where there is room, that takes half the time
room() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print int($4 / 1048576) }'; }
free() { awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo 2>/dev/null; }
temporary=
if [ -z "${TMPDIR-}" ] && [ -w /dev/shm ] && [ "$(room /dev/shm)" -ge 8 ] && [ "$(free)" -ge 12 ]; then
    temporary=$(mktemp -d /dev/shm/pyv-tests.XXXXXX)
    trap 'rm -rf -- "$temporary"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\n' >"$temporary/program"
    chmod +x "$temporary/program"
    if "$temporary/program" 2>/dev/null; then # it may be forbidden to run programs from there
        export TMPDIR="$temporary"
    fi
fi
# Two for each core: half of what they do is wait, for shells, servers and locks
# What is left is dealt out anew: some files hold long tests only
"$dev/bin/python" -m pytest --numprocesses=$(($(getconf _NPROCESSORS_ONLN) * 2)) --dist=worksteal --durations=20 "$@"
