# shellcheck shell=bash
# pyv in bash: shims on PATH, `pyv shell`, completion, and the project's environment wherever you are.
# Sourced by a line of ~/.bashrc, see `pyv init bash`; works from bash 3.2 on.
#
# No process is started, but for one question to pyv where a pin beside an environment cannot be judged here. No file
# of a project is run or sourced: three are read, and only if they are regular files.

# Aliases would be expanded in what follows
if shopt -q expand_aliases; then _pyv_aliases=-s; else _pyv_aliases=-u; fi
shopt -u expand_aliases

_pyv_root=@ROOT@
_pyv_asked='' _pyv_answer='' _pyv_stranger='' _pyv_named=${_pyv_named-}

# Takes the first entry $1 off PATH.
_pyv_path_without() {
    local path=":${PATH-}:"
    case $path in *":$1:"*) path=${path%%":$1:"*}:${path#*":$1:"} ;; esac
    path=${path#:}
    PATH=${path%:}
}

# Puts the shims first on PATH, once; only an environment that is active stays before them.
_pyv_path_first() {
    local shims=$_pyv_root/shims front=''
    while case ":${PATH-}:" in *":$shims:"*) true ;; *) false ;; esac; do
        _pyv_path_without "$shims"
    done
    if [ -n "${VIRTUAL_ENV-}" ]; then
        front=$VIRTUAL_ENV/bin
    elif [ -n "${CONDA_PREFIX-}" ] && [ "${CONDA_DEFAULT_ENV-}" != base ]; then
        front=$CONDA_PREFIX/bin
    fi
    if [ -n "$front" ] && [ "${PATH%%:*}" = "$front" ]; then
        _pyv_path_without "$front"
        shims=$front:$shims
    fi
    export PATH="$shims${PATH:+:$PATH}"
}

# Whether the user activated an environment by hand. Conda's base is active in every shell and does not count.
_pyv_by_hand() {
    if [ -n "${CONDA_PREFIX-}" ] && [ "${CONDA_DEFAULT_ENV-}" != base ]; then return 0; fi
    [ -n "${VIRTUAL_ENV-}" ] || return 1
    # An activation script over ours leaves this variable
    [ "$VIRTUAL_ENV" != "${PYV_HOOK_VENV-}" ] || [ -n "${_OLD_VIRTUAL_PATH-}" ]
}

# Whether pyv made the environment $1 at this place, or was told to trust it.
_pyv_known() {
    local line='' id data=${HOME-}/.local/share list
    if [ -L "$1" ] || [ ! -r "$1/pyvenv.cfg" ]; then return 1; fi
    IFS= read -r -n 64 line <"$1/pyvenv.cfg" || [ -n "$line" ] || return 1
    id=${line#pyv = }
    case $id in "$line" | *[!0123456789abcdef]*) return 1 ;; esac
    [ "${#id}" -eq 32 ] || return 1
    case ${XDG_DATA_HOME-} in /*) data=$XDG_DATA_HOME ;; esac
    for list in "$_pyv_root/venvs" "$data/pyv/venvs"; do
        if [ "$1" -ef "$list/$id" ] && [ -e "$list/.$id" ]; then
            if [ "$1/pyvenv.cfg" -ef "$list/.$id" ]; then return 0; fi
            if ! [ -s "$list/.$id" ] && ! [ "$1/pyvenv.cfg" -nt "$list/.$id" ]; then return 0; fi
        fi
    done
    return 1
}

# Whether the folder $1 has a pin file. A link that leads nowhere is one: not to see it would run another Python.
_pyv_pinned() {
    [ -e "$1/.python-version" ] || [ -L "$1/.python-version" ]
}

# Whether the environment $1 is of a version that the file $2 asks for. $3 is what pyv was asked about last.
_pyv_satisfies() {
    local line='' words='' left word plain=yes found='' key answer
    if [ ! -f "$2" ] || [ ! -r "$2" ]; then return 1; fi
    while IFS= read -r -n 256 line || [ -n "$line" ]; do
        words="$words ${line%%#*}"
        if [ "${#line}" -ge 256 ] || [ "${#words}" -ge 1024 ]; then plain='' && break; fi
    done <"$2"
    left=${words//[$'\t\r:']/ }
    # All must be of installed versions: what else they could mean, only pyv can tell
    while [ -n "$plain" ] && [ -n "$left" ]; do
        word=${left%% *} left=${left#"${left%% *}"}
        left=${left#' '}
        case $word in
            '') continue ;;
            *..* | [!0-9A-Za-z]* | *[!0-9A-Za-z._+-]*) plain='' ;;
            python[0-9]* | python-[0-9]* | cpython-[0-9]*)
                if [ ! -d "$_pyv_root/versions/$word" ]; then word=${word#*python} word=${word#-}; fi
                ;;
        esac
        if [ ! -d "$_pyv_root/versions/$word" ]; then plain=''; fi
        # Another environment is not this one, though it may be on the same Python
        if [ -f "$_pyv_root/versions/$word/pyvenv.cfg" ]; then continue; fi
        if [ "$1/bin/python" -ef "$_pyv_root/versions/$word/bin/python" ]; then found=yes; fi
    done
    if [ "$plain$found" = yesyes ]; then return 0; fi
    key="$1|$words"
    if [ "$3" != "$key" ]; then
        answer=$("$_pyv_root/shims/pyv" which python </dev/null 2>/dev/null) || answer=''
        _pyv_answer=${answer%/*}
    fi
    _pyv_asked=$key
    [ -n "$_pyv_answer" ] && [ "$_pyv_answer" -ef "$1/bin" ]
}

# Finds the environment that belongs to the folder: _pyv_found, or nothing; _pyv_stranger is one that is not known.
_pyv_find() {
    local dir=$PWD name venv asked=$_pyv_asked
    _pyv_found='' _pyv_stranger='' _pyv_asked=''
    case ${PYV_DIR-} in '') ;; /*) dir=$PYV_DIR ;; *) dir=$PWD/$PYV_DIR ;; esac
    # No entry of PATH can hold a colon
    case ${PYV_VERSION:+:}$dir/ in *:* | *'/../'* | [!/]*) return 0 ;; esac
    dir=${dir%/}
    while true; do
        for name in .venv venv env; do
            venv=$dir/$name
            if [ -f "$venv/pyvenv.cfg" ]; then
                if _pyv_known "$venv"; then
                    if ! _pyv_pinned "$dir" || _pyv_satisfies "$venv" "$dir/.python-version" "$asked"; then
                        _pyv_found=$venv
                    fi
                    return 0
                fi
                _pyv_stranger=${_pyv_stranger:-$venv}
            fi
        done
        if [ -z "$dir" ] || _pyv_pinned "$dir"; then return 0; fi
        dir=${dir%/*}
    done
}

# Prints nothing; _pyv_label is what the prompt calls the environment $1, without what a prompt would expand.
_pyv_set_label() {
    local line
    _pyv_label=${1##*/}
    case $_pyv_label in .venv | venv | env) _pyv_label=${1%/*} _pyv_label=${_pyv_label##*/} ;; esac
    while IFS= read -r -n 256 line || [ -n "$line" ]; do
        case $line in 'prompt = '*) _pyv_label=${line#prompt = } ;; esac
    done <"$1/pyvenv.cfg"
    _pyv_label=${_pyv_label//[[:cntrl:]\\\$\`\'\"%!]/}
}

# Activates the environment $1.
_pyv_enter() {
    local _pyv_label
    _pyv_set_label "$1"
    export PYV_HOOK_VENV=$1 VIRTUAL_ENV=$1 VIRTUAL_ENV_PROMPT=$_pyv_label PATH="$1/bin${PATH:+:$PATH}"
    if [ -n "${PYTHONHOME+set}" ]; then
        export PYV_HOOK_PYTHONHOME=$PYTHONHOME
        unset PYTHONHOME
    fi
    _pyv_prefix=''
    if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT-}" ]; then
        _pyv_prefix="($_pyv_label) "
        PS1=$_pyv_prefix${PS1-}
    fi
}

# Deactivates what pyv activated; whatever else was changed meanwhile stays.
_pyv_leave() {
    local prefix=${_pyv_prefix-"(${VIRTUAL_ENV_PROMPT-}) "}
    if [ -z "${PYV_HOOK_VENV-}" ]; then return 0; fi
    _pyv_path_without "$PYV_HOOK_VENV/bin"
    if [ -n "$prefix" ]; then
        case ${PS1-} in *"$prefix"*) PS1=${PS1%%"$prefix"*}${PS1#*"$prefix"} ;; esac
    fi
    if [ "${VIRTUAL_ENV-}" = "$PYV_HOOK_VENV" ]; then unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT; fi
    if [ -n "${PYV_HOOK_PYTHONHOME+set}" ] && [ -z "${PYTHONHOME+set}" ]; then
        export PYTHONHOME=$PYV_HOOK_PYTHONHOME
    fi
    unset PYV_HOOK_VENV PYV_HOOK_PYTHONHOME
    _pyv_prefix=''
}

# Makes the active environment that of the folder.
_pyv_follow() {
    local _pyv_found=''
    _pyv_stranger=''
    if _pyv_by_hand; then return 0; fi
    _pyv_find
    if [ "$_pyv_found" != "${PYV_HOOK_VENV-}" ] || [ "$_pyv_found" != "${VIRTUAL_ENV-}" ]; then
        _pyv_leave
        if [ -n "$_pyv_found" ]; then _pyv_enter "$_pyv_found"; fi
    fi
    return 0
}

# Names an environment that is not known, once in each shell.
_pyv_name_stranger() {
    local place=''
    if [ -z "$_pyv_stranger" ] || [ ! -t 2 ]; then return 0; fi
    case $_pyv_named in *"//$_pyv_stranger//"*) return 0 ;; esac
    _pyv_named=$_pyv_named//$_pyv_stranger//
    if [ "${_pyv_stranger%/*}" != "$PWD" ]; then printf -v place ' %q' "$_pyv_stranger"; fi
    printf 'pyv: %q is not known to pyv, and not used; to accept it: pyv trust%s\n' "$_pyv_stranger" "$place" >&2
}

_pyv_prompt() {
    { local status=$? flags=$- && set +x; } 2>/dev/null
    _pyv_follow
    _pyv_name_stranger
    case $flags in *e*) status=0 ;; esac # or the shell would end
    case $flags in *x*) set -x ;; esac
    return "$status"
}

function pyv {
    local status=0 code
    case ${1-}:${2-} in
        shell: | *:-h | *:--help) command pyv "$@" || status=$? ;;
        shell:* | activate:* | deactivate:*)
            code=$(command pyv "sh-$1" bash "${@:2}") || return
            eval "$code" || status=$?
            ;;
        *) command pyv "$@" || status=$? ;;
    esac
    _pyv_asked=''
    case $- in *i*) _pyv_follow ;; esac
    return "$status"
}

_pyv_load_completion() {
    if [ -r "$_pyv_root/hooks/complete.bash" ]; then
        # shellcheck source=/dev/null
        . "$_pyv_root/hooks/complete.bash"
        _pyv_complete "$@"
    fi
}

_pyv_join() {
    export PYV_HOOK=bash # the shims need not name strangers then
    # A shell within one whose environment is active begins anew, or its prompt would not show it
    if ! _pyv_by_hand; then _pyv_leave; fi
    _pyv_path_first
    complete -o bashdefault -o default -F _pyv_load_completion pyv
    # What the user has made of `cd` stays; the prompt sees to the rest
    if ! declare -F cd >/dev/null; then
        function cd { builtin cd "$@" && _pyv_follow; }
    fi
    if ! declare -F pushd >/dev/null; then
        function pushd { builtin pushd "$@" && _pyv_follow; }
    fi
    if ! declare -F popd >/dev/null; then
        function popd { builtin popd "$@" && _pyv_follow; }
    fi
    case "${PROMPT_COMMAND[*]-}" in
        *_pyv_prompt*) ;;
        # Last, for what comes first sees the status of the user's pipeline; on a line of its own, after a comment. Of an
        # array this is the first element. Whoever exports it hands it down to shells that have not this function.
        *) PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}'${_pyv_root:+"_pyv_prompt"}' ;;
    esac
}

_pyv_start() {
    local only_path=${_pyv_only_path-}
    unset _pyv_only_path
    case $only_path$- in
        yes*)
            _pyv_path_first
            unset -f pyv
            ;;
        *i*) _pyv_join ;;
        *) _pyv_path_first ;;
    esac
}

shopt "$_pyv_aliases" expand_aliases
_pyv_start
