#!/bin/sh
# From nothing to a running Python: sets pyv up for this user, installs a CPython with it, and runs that.
#
# Where upstream cannot be reached, the same command installs from a mirror on 127.0.0.1 that serves an archive packed
# from the CPython that pyv itself runs on.
set -eu

say() { printf '%s\n' "quickstart: $*" >&2; }

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
pyv=${PYV_BIN:-$HOME/.local/bin}/pyv
sh "$here/install.sh"

status=0
"$pyv" install 3.13 || status=$?
wanted=3.13
if [ "$status" -eq 4 ]; then
    say "upstream cannot be reached; installing from a mirror on this machine instead"
    work=$(mktemp -d)
    server=
    trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf -- "$work"' EXIT
    trap 'exit 130' INT TERM
    python=$(dirname -- "$(readlink -- "$pyv")")/python
    "$pyv" pack "$("$python" -I -c 'import sys; print(sys.base_prefix)')" -o "$work/mirror" >/dev/null
    wanted=$("$python" -I -c 'import platform; print(platform.python_version())')
    "$python" -I -c '
import functools, http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass
handler = functools.partial(Handler, directory=sys.argv[1])
with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
    with open(sys.argv[2], "w") as file:
        file.write(f"{server.server_port}\n")
    server.serve_forever()' "$work/mirror" "$work/port" &
    server=$!
    while [ ! -s "$work/port" ]; do
        kill -0 "$server" # ends the script if the server could not start
        sleep 0.1
    done
    PYV_MIRROR=http://127.0.0.1:$(cat "$work/port") "$pyv" install "$wanted"
elif [ "$status" -ne 0 ]; then
    exit "$status"
fi

python=$("$pyv" prefix "$wanted")/bin/python3
say "running $python"
"$python" -c 'import ssl, sys; print(f"Hello from Python {sys.version.split()[0]} in {sys.prefix}, with {ssl.OPENSSL_VERSION}")'
