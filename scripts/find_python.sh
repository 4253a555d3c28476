#!/bin/sh
# For other scripts to source: find_python prints the first Python here that pyv can run on, or fails.

# Each candidate is started to find out: a name on PATH may be a shim without a version behind it.
find_python() {
    for name in python3.14 python3.13 python3.12 python3.11 python3.10 python3 python; do
        path=$(command -v "$name" 2>/dev/null) || continue
        # sys._base_executable: an environment's own Python would make pyv depend on that environment
        "$path" -I -c '
import sys
try:
    import venv, ensurepip
except ImportError:
    sys.exit(1)
if sys.version_info < (3, 10) or sys.implementation.name != "cpython":
    sys.exit(1)
print(getattr(sys, "_base_executable", sys.executable))' 2>/dev/null && return 0
    done
    return 1
}
