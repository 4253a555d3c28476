# shellcheck shell=sh
# pyv in a POSIX shell: shims on PATH, and `pyv shell`. Sourced by a line of ~/.profile, see `pyv init sh`.
# The shims do the switching: the shell itself knows no moment at which it could activate an environment.

_pyv_root=@ROOT@

# Puts the shims first on PATH, once; only an environment that is active stays before them.
_pyv_path_first() {
    _pyv_path=":${PATH-}:" _pyv_front=''
    while case $_pyv_path in *":$_pyv_root/shims:"*) true ;; *) false ;; esac; do
        _pyv_path=${_pyv_path%%":$_pyv_root/shims:"*}:${_pyv_path#*":$_pyv_root/shims:"}
    done
    if [ -n "${VIRTUAL_ENV-}" ]; then
        case $_pyv_path in
            ":$VIRTUAL_ENV/bin:"*)
                _pyv_front=$VIRTUAL_ENV/bin:
                _pyv_path=:${_pyv_path#":$VIRTUAL_ENV/bin:"}
                ;;
        esac
    fi
    _pyv_path=${_pyv_path#:}
    _pyv_path=${_pyv_path%:}
    # shellcheck disable=SC2123 # PATH is what is meant
    PATH=$_pyv_front$_pyv_root/shims${_pyv_path:+:$_pyv_path}
    export PATH
    unset _pyv_path _pyv_front
}

if [ "${_pyv_only_path-}" != yes ]; then
    pyv() {
        case ${1-}:${2-} in
            shell: | *:-h | *:--help) command pyv "$@" ;;
            shell:* | activate:* | deactivate:*)
                _pyv_command=$1
                shift
                _pyv_code=$(command pyv "sh-$_pyv_command" sh "$@") || return
                eval "$_pyv_code"
                unset _pyv_code _pyv_command
                ;;
            *) command pyv "$@" ;;
        esac
    }
fi

_pyv_path_first
unset _pyv_only_path
