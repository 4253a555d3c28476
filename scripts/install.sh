#!/bin/sh
# Set pyv up for one user, as told by: sh scripts/install.sh --help
set -eu

case ${1:-} in
    -h | --help)
        cat <<'END'
Set pyv up for one user: an environment of its own, and the command in ~/.local/bin. Run again, it brings pyv up to date.

    sh scripts/install.sh [--uninstall]

Where there is no Python 3.10 or newer, a standalone one is fetched with curl or wget, and its sha256 checked.

options:
  --uninstall  take it back, with what `pyv init --install` wrote; the installed Pythons stay
  -h, --help   show this and do nothing

variables:
  PYV_HOME       where pyv itself goes (default: ~/.local/lib/pyv)
  PYV_BIN        where the command goes (default: ~/.local/bin)
  PYV_MIRROR     an http, https or file:// mirror, or a folder, to fetch that Python from
  PIP_INDEX_URL  the index that pyv's libraries come from, as all of pip's own settings
END
        exit 0 ;;
esac

# The interpreter that is fetched where there is none. The line of a platform is: key, sha256.
TAG=20261110
VERSION=3.13.18
BUILDS="
aarch64-apple-darwin 7a2384641584ab9984221fcb0fc9265df465922af71be71410529e2a9c3f0540
aarch64-unknown-linux-gnu 55c00325f7c1fddf325dfc621aabdfbbac4dc54adda224af88ec411dc12db239
aarch64-unknown-linux-musl 5616ed1d426cb12cc135e5998b42bfd665cf2f9e3f3f9f6c77c73f0ae26f7d03
x86_64-apple-darwin d27d59a722db9f69926eb6d9564071247221f45a04da920ea7f3001c97e32f9b
x86_64-unknown-linux-gnu f2d2199eb25880e07863b391cf7124e7ffa1338b0d65600dfcec117c4223a7fb
x86_64-unknown-linux-musl a75bf409606303deed964d4769544f98b74e7b53d4efb44f4a95cb38e86ff403
"
UPSTREAM=https://github.com/astral-sh/python-build-standalone/releases/download

say() { printf '%s\n' "pyv setup: $*" >&2; }
fail() {
    say "$1"
    [ $# -lt 2 ] || say "$2"
    exit "${3:-1}"
}

# Without HOME, as under cron, the shell knows the account's home folder
HOME=${HOME:-$(unset HOME; cd ~ && pwd)}
home=${PYV_HOME:-$HOME/.local/lib/pyv}
bin=${PYV_BIN:-$HOME/.local/bin}
source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

[ -f "$source/pyproject.toml" ] || fail "$source holds no pyv" "run it from a copy of pyv's repository" 2
# shellcheck source=scripts/find_python.sh
. "$source/scripts/find_python.sh"

platform() {
    case $(uname -s) in
        Linux)
            case $(uname -m) in x86_64 | amd64) arch=x86_64 ;; aarch64 | arm64) arch=aarch64 ;; *) return 1 ;; esac
            libc=gnu
            for loader in /lib/ld-musl-*; do [ ! -e "$loader" ] || libc=musl; done
            # Both may be there; then the shell that runs this tells
            [ "$libc" = gnu ] || [ ! -e /lib64/ld-linux-x86-64.so.2 ] || libc=gnu
            printf '%s\n' "$arch-unknown-linux-$libc" ;;
        Darwin)
            case $(uname -m) in x86_64) arch=x86_64 ;; arm64) arch=aarch64 ;; *) return 1 ;; esac
            printf '%s\n' "$arch-apple-darwin" ;;
        *) return 1 ;;
    esac
}

# Print a url or path without user name and password.
redacted() { printf '%s\n' "$1" | sed 's,://[^/@]*@,://,'; }

fetch() { # url file
    case $1 in
        file://*) cp -- "${1#file://}" "$2" ;;
        /* | ./* | ../*) cp -- "$1" "$2" ;;
        *)
            if command -v curl >/dev/null 2>&1; then
                curl -fsSL --proto '=http,https' --connect-timeout 10 --retry 3 -o "$2" -- "$1"
            elif command -v wget >/dev/null 2>&1; then
                wget -q -T 30 -t 3 -O "$2" "$1"
            else
                fail "neither curl nor wget is here to fetch a Python with" "install one of them, or Python 3.10 or newer"
            fi ;;
    esac
}

hash_of() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -d' ' -f1
    elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1" | cut -d' ' -f1
    elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$1" | cut -d' ' -f1
    else fail "nothing here can check a sha256" "install coreutils, perl or openssl"; fi
}

# Fetch a standalone Python into $home/python, and print its path.
fetch_python() {
    key=$(platform) || fail "no Python 3.10 or newer is here, and no build of one is known for $(uname -sm)"
    wanted=$(printf '%s' "$BUILDS" | while read -r each sum; do [ "$each" != "$key" ] || printf '%s' "$sum"; done)
    [ -n "$wanted" ] || fail "no build of Python is known for $key" "install Python 3.10 or newer"
    asset=cpython-$VERSION%2B$TAG-$key-install_only_stripped.tar.gz
    case ${PYV_MIRROR:-$UPSTREAM} in
        file://* | /* | ./* | ../*) asset=cpython-$VERSION+$TAG-$key-install_only_stripped.tar.gz ;;
    esac
    say "no Python 3.10 or newer is here: fetching $VERSION"
    mkdir -p "$home"
    work=$(mktemp -d "$home/fetch.XXXXXX")
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 130' INT TERM
    fetch "${PYV_MIRROR:-$UPSTREAM}/$TAG/$asset" "$work/archive" ||
        fail "could not fetch $(redacted "${PYV_MIRROR:-$UPSTREAM}/$TAG/$asset")" "set PYV_MIRROR, or install Python 3.10 or newer" 4
    found=$(hash_of "$work/archive")
    [ "$found" = "$wanted" ] || fail "what was served has the sha256 $found, not $wanted" "nothing was installed" 5
    tar -xzf "$work/archive" -C "$work"
    rm -rf -- "$home/python"
    mv -- "$work/python" "$home/python"
    rm -rf -- "$work"
    trap - EXIT INT TERM
    printf '%s\n' "$home/python/bin/python3"
}

if [ "${1:-}" = --uninstall ]; then
    place="where 'pyv root' said"
    if [ -L "$bin/pyv" ]; then
        # While it still works: a shell that went on loading the hook would look for every Python through a pyv that is gone
        if root=$("$bin/pyv" root 2>/dev/null); then
            place="in $root"
            for each in bash zsh fish tcsh sh direnv; do
                said=$("$bin/pyv" init "$each" --uninstall 2>&1) || printf '%s\n' "$said" >&2
            done
        fi
        rm -- "$bin/pyv"
    fi
    # Only what this script made: PYV_HOME may be a folder with other things in it
    rm -rf -- "$home"/env.* "$home"/fetch.* "$home/python"
    rmdir -- "$home" 2>/dev/null || true
    say "removed $home, and what loaded pyv in new shells; the installed Pythons are still $place"
    exit 0
fi
[ $# -eq 0 ] || fail "unknown argument: $1" "sh scripts/install.sh --help" 2

python=$(find_python) || python=$(fetch_python)
mkdir -p "$home" "$bin"
# Made where it stays, for an environment cannot be moved; the link to it is what makes it the one in use
new=$home/env.$(date +%Y%m%d%H%M%S).$$
trap 'rm -rf -- "$new"' EXIT
trap 'exit 130' INT TERM
"$python" -m venv "$new" || fail "no environment could be made with $python"
# Bytecode from the start: without it every pyv would compile its libraries anew where they cannot be written
env -u PYTHONDONTWRITEBYTECODE "$new/bin/python" -m pip install --quiet --disable-pip-version-check "$source" ||
    fail "pip could not install pyv and its libraries" "check the connection, or set PIP_INDEX_URL to an index within reach" 4
# The command that an old pip writes imports re, for Windows' sake: a quarter of the time of `pyv --version`
sed '/^import re$/d; /re\.sub/d' "$new/bin/pyv" >"$new/bin/.pyv"
cat "$new/bin/.pyv" >"$new/bin/pyv" # which is executable already
rm -- "$new/bin/.pyv"
ln -s "$new/bin/pyv" "$bin/.pyv.$$"
mv -f "$bin/.pyv.$$" "$bin/pyv"
trap - EXIT INT TERM
# The shims of a store run pyv by its own path: while both are there they pass from the old one to this
if root=$("$bin/pyv" root 2>/dev/null) && [ -d "$root/shims" ]; then
    said=$("$bin/pyv" rehash 2>&1) || say "the shims in $root/shims do not run this pyv: ${said#pyv: }"
fi
for old in "$home"/env.*; do [ "$old" = "$new" ] || rm -rf -- "$old"; done

say "$("$bin/pyv" --version) is ready: $bin/pyv"
pyv=pyv
case :$PATH: in
    *":$bin:"*) ;;
    *) pyv=$bin/pyv
       say "put this line into your shell's rc file:"
       # shellcheck disable=SC2016 # the variable is for the shell that reads the line
       printf '    export PATH="%s:$PATH"\n' "$bin" >&2 ;;
esac
say "next, so that your shell finds the Pythons: $pyv init --install"
say "then, in a new shell: pyv install 3.12"
