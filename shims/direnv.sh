# shellcheck shell=bash
# `use pyv` for direnv's .envrc files. direnv finds it where `pyv init direnv --install` puts it.

# use pyv         what is selected in this folder: its environment, else its pin, else the global pin
# use pyv 3.12    this version, whatever is pinned; further ones give the commands that it lacks
use_pyv() {
    local root=@ROOT@ python
    # Another pin, an upgrade or a new environment has direnv read .envrc again
    watch_file .python-version .venv/pyvenv.cfg "$root/version" "$root/versions"
    if [ $# -gt 0 ]; then
        PYV_VERSION=$(IFS=: && echo "$*")
        export PYV_VERSION
    fi
    python=$("$root/shims/pyv" which python3) || return
    PATH_add "$root/shims"
    # What is on PATH already is found behind the shims: the system's folder must not come before the others
    case :$PATH: in
        *":${python%/*}:"*) ;;
        *)
            PATH_add "${python%/*}"
            if [ -e "${python%/bin/*}/pyvenv.cfg" ]; then
                export VIRTUAL_ENV=${python%/bin/*}
            fi
            ;;
    esac
}
