# pyv in zsh: shims on PATH, `pyv shell`, completion, and the project's environment wherever you are.
# Sourced by a line of ~/.zshrc, see `pyv init zsh`.
#
# No process is started, but for one question to pyv where a pin beside an environment cannot be judged here. No file
# of a project is run or sourced: three are read, and only if they are regular files.

# Aliases would be expanded in what follows
if [[ -o aliases ]]; then _pyv_aliases=aliases; else _pyv_aliases=no_aliases; fi
unsetopt aliases

typeset -g _pyv_root=@ROOT@
# With this option of sh and ksh the rest could not even be read
if [[ -o sh_glob ]]; then
    typeset -g _pyv_outer="$_pyv_aliases"
    emulate zsh -c 'source "$_pyv_root/hooks/pyv.zsh"'
    setopt "$_pyv_outer"
    unset _pyv_outer
    return
fi

typeset -g _pyv_asked='' _pyv_answer='' _pyv_stranger='' _pyv_named="${_pyv_named-}"

# Takes the first entry $1 off PATH.
_pyv_path_without() {
    emulate -L zsh
    local path_=":${PATH-}:"
    case "$path_" in
        (*":$1:"*) path_="${path_%%":$1:"*}:${path_#*":$1:"}" ;;
    esac
    path_="${path_#:}"
    PATH="${path_%:}"
}

# Puts the shims first on PATH, once; only an environment that is active stays before them.
_pyv_path_first() {
    emulate -L zsh
    local shims="$_pyv_root/shims" front=''
    while [[ ":${PATH-}:" == *":$shims:"* ]]; do
        _pyv_path_without "$shims"
    done
    if [[ -n "${VIRTUAL_ENV-}" ]]; then
        front="$VIRTUAL_ENV/bin"
    elif [[ -n "${CONDA_PREFIX-}" && "${CONDA_DEFAULT_ENV-}" != base ]]; then
        front="$CONDA_PREFIX/bin"
    fi
    if [[ -n "$front" && "${PATH%%:*}" == "$front" ]]; then
        _pyv_path_without "$front"
        shims="$front:$shims"
    fi
    export PATH="$shims${PATH:+:$PATH}"
}

# Whether the user activated an environment by hand. Conda's base is active in every shell and does not count.
_pyv_by_hand() {
    emulate -L zsh
    if [[ -n "${CONDA_PREFIX-}" && "${CONDA_DEFAULT_ENV-}" != base ]]; then return 0; fi
    [[ -n "${VIRTUAL_ENV-}" ]] || return 1
    # An activation script over ours leaves this variable
    [[ "$VIRTUAL_ENV" != "${PYV_HOOK_VENV-}" || -n "${_OLD_VIRTUAL_PATH-}" ]]
}

# Whether pyv made the environment $1 at this place, or was told to trust it.
_pyv_known() {
    emulate -L zsh
    local line='' id data="${HOME-}/.local/share" list
    if [[ -L "$1" || ! -r "$1/pyvenv.cfg" ]]; then return 1; fi
    IFS= read -r line <"$1/pyvenv.cfg" || [[ -n "$line" ]] || return 1
    id="${line#pyv = }"
    if [[ "$id" == "$line" || "$id" == *[^0123456789abcdef]* || "${#id}" -ne 32 ]]; then return 1; fi
    if [[ "${XDG_DATA_HOME-}" == /* ]]; then data="$XDG_DATA_HOME"; fi
    for list in "$_pyv_root/venvs" "$data/pyv/venvs"; do
        if [[ "$1" -ef "$list/$id" && -e "$list/.$id" ]]; then
            if [[ "$1/pyvenv.cfg" -ef "$list/.$id" ]]; then return 0; fi
            if [[ ! -s "$list/.$id" && ! "$1/pyvenv.cfg" -nt "$list/.$id" ]]; then return 0; fi
        fi
    done
    return 1
}

# Whether the folder $1 has a pin file. A link that leads nowhere is one: not to see it would run another Python.
_pyv_pinned() {
    emulate -L zsh
    [[ -e "$1/.python-version" || -L "$1/.python-version" ]]
}

# Whether the environment $1 is of a version that the file $2 asks for. $3 is what pyv was asked about last.
_pyv_satisfies() {
    emulate -L zsh
    local line='' words='' word plain=yes found='' key answer
    if [[ ! -f "$2" || ! -r "$2" ]]; then return 1; fi
    while IFS= read -r line || [[ -n "$line" ]]; do
        words="$words ${line%%\#*}"
        if [[ "${#line}" -ge 256 || "${#words}" -ge 1024 ]]; then plain='' && break; fi
    done <"$2"
    # All must be of installed versions: what else they could mean, only pyv can tell
    for word in ${=${words//[$'\t\r:']/ }}; do
        case "$word" in
            (*..*|[^0-9A-Za-z]*|*[^0-9A-Za-z._+-]*) plain='' ;;
            (python[0-9]*|python-[0-9]*|cpython-[0-9]*)
                if [[ ! -d "$_pyv_root/versions/$word" ]]; then word="${word#*python}" word="${word#-}"; fi
                ;;
        esac
        if [[ -z "$plain" || ! -d "$_pyv_root/versions/$word" ]]; then plain='' && break; fi
        # Another environment is not this one, though it may be on the same Python
        if [[ -f "$_pyv_root/versions/$word/pyvenv.cfg" ]]; then continue; fi
        if [[ "$1/bin/python" -ef "$_pyv_root/versions/$word/bin/python" ]]; then found=yes; fi
    done
    if [[ "$plain$found" == yesyes ]]; then return 0; fi
    key="$1|$words"
    if [[ "$3" != "$key" ]]; then
        answer="$("$_pyv_root/shims/pyv" which python </dev/null 2>/dev/null)" || answer=''
        _pyv_answer="${answer%/*}"
    fi
    _pyv_asked="$key"
    [[ -n "$_pyv_answer" && "$_pyv_answer" -ef "$1/bin" ]]
}

# Finds the environment that belongs to the folder: _pyv_found, or nothing; _pyv_stranger is one that is not known.
_pyv_find() {
    emulate -L zsh
    local dir="$PWD" name venv asked="$_pyv_asked"
    _pyv_found='' _pyv_stranger='' _pyv_asked=''
    case "${PYV_DIR-}" in
        ('') ;;
        (/*) dir="$PYV_DIR" ;;
        (*) dir="$PWD/$PYV_DIR" ;;
    esac
    # No entry of PATH can hold a colon
    if [[ -n "${PYV_VERSION-}" || "$dir/" == (*:*|*/../*|[^/]*) ]]; then return 0; fi
    dir="${dir%/}"
    while true; do
        for name in '.venv' 'venv' 'env'; do
            venv="$dir/$name"
            if [[ -f "$venv/pyvenv.cfg" ]]; then
                if _pyv_known "$venv"; then
                    if ! _pyv_pinned "$dir" || _pyv_satisfies "$venv" "$dir/.python-version" "$asked"; then
                        _pyv_found="$venv"
                    fi
                    return 0
                fi
                _pyv_stranger="${_pyv_stranger:-$venv}"
            fi
        done
        if [[ -z "$dir" ]] || _pyv_pinned "$dir"; then return 0; fi
        dir="${dir%/*}"
    done
}

# Prints nothing; _pyv_label is what the prompt calls the environment $1, without what a prompt would expand.
_pyv_set_label() {
    emulate -L zsh
    local line
    _pyv_label="${1:t}"
    if [[ "$_pyv_label" == (.venv|venv|env) ]]; then _pyv_label="${1:h:t}"; fi
    while IFS= read -r line || [[ -n "$line" ]]; do
        if [[ "$line" == 'prompt = '* ]]; then _pyv_label="${line#prompt = }"; fi
    done <"$1/pyvenv.cfg"
    _pyv_label="${_pyv_label//[[:cntrl:]\\\$\`\'\"%!]/}"
}

# Activates the environment $1.
_pyv_enter() {
    emulate -L zsh
    local _pyv_label
    _pyv_set_label "$1"
    export PYV_HOOK_VENV="$1" VIRTUAL_ENV="$1" VIRTUAL_ENV_PROMPT="$_pyv_label" PATH="$1/bin${PATH:+:$PATH}"
    if [[ -n "${PYTHONHOME+set}" ]]; then
        export PYV_HOOK_PYTHONHOME="$PYTHONHOME"
        unset PYTHONHOME
    fi
    typeset -g _pyv_prefix=''
    if [[ -z "${VIRTUAL_ENV_DISABLE_PROMPT-}" ]]; then
        _pyv_prefix="($_pyv_label) "
        PS1="$_pyv_prefix${PS1-}"
    fi
}

# Deactivates what pyv activated; whatever else was changed meanwhile stays.
_pyv_leave() {
    emulate -L zsh
    local prefix="${_pyv_prefix-(${VIRTUAL_ENV_PROMPT-}) }"
    if [[ -z "${PYV_HOOK_VENV-}" ]]; then return 0; fi
    _pyv_path_without "$PYV_HOOK_VENV/bin"
    if [[ -n "$prefix" && "${PS1-}" == *"$prefix"* ]]; then PS1="${PS1%%"$prefix"*}${PS1#*"$prefix"}"; fi
    if [[ "${VIRTUAL_ENV-}" == "$PYV_HOOK_VENV" ]]; then unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT; fi
    if [[ -n "${PYV_HOOK_PYTHONHOME+set}" && -z "${PYTHONHOME+set}" ]]; then
        export PYTHONHOME="$PYV_HOOK_PYTHONHOME"
    fi
    unset PYV_HOOK_VENV PYV_HOOK_PYTHONHOME
    typeset -g _pyv_prefix=''
}

# Makes the active environment that of the folder.
_pyv_follow() {
    emulate -L zsh
    local _pyv_found=''
    _pyv_stranger=''
    if _pyv_by_hand; then return 0; fi
    _pyv_find
    if [[ "$_pyv_found" != "${PYV_HOOK_VENV-}" || "$_pyv_found" != "${VIRTUAL_ENV-}" ]]; then
        _pyv_leave
        if [[ -n "$_pyv_found" ]]; then _pyv_enter "$_pyv_found"; fi
    fi
    return 0
}

# Names an environment that is not known, once in each shell.
_pyv_name_stranger() {
    emulate -L zsh
    local name="${(q+)_pyv_stranger}" place=''
    if [[ -z "$_pyv_stranger" || ! -t 2 || "$_pyv_named" == *"//$_pyv_stranger//"* ]]; then return 0; fi
    _pyv_named="$_pyv_named//$_pyv_stranger//"
    if [[ "${_pyv_stranger%/*}" != "$PWD" ]]; then place=" $name"; fi
    print -r -u 2 -- "pyv: $name is not known to pyv, and not used; to accept it: pyv trust$place"
}

_pyv_prompt() {
    emulate -L zsh
    _pyv_follow
    _pyv_name_stranger
    return 0
}

function pyv {
    emulate -L zsh
    local result=0 code
    case "${1-}:${2-}" in
        (shell:|*:-h|*:--help) command pyv "$@" || result=$? ;;
        (shell:*|activate:*|deactivate:*)
            code="$(command pyv "sh-$1" zsh "${@:2}")" || return
            eval "$code" || result=$?
            ;;
        (*) command pyv "$@" || result=$? ;;
    esac
    _pyv_asked=''
    if [[ -o interactive ]]; then _pyv_follow; fi
    return "$result"
}

_pyv_load_completion() {
    if [[ -r "$_pyv_root/hooks/complete.zsh" ]]; then
        source "$_pyv_root/hooks/complete.zsh"
        compdef _pyv_complete pyv
        _pyv_complete "$@"
    fi
}

# Once, at the first prompt before which compinit has run: most often the first one.
_pyv_offer_completion() {
    emulate -L zsh
    if (( ! $+functions[compdef] )); then return 0; fi
    precmd_functions=(${precmd_functions:#_pyv_offer_completion})
    compdef _pyv_load_completion pyv
}

_pyv_join() {
    emulate -L zsh
    export PYV_HOOK=zsh # the shims need not name strangers then
    # A shell within one whose environment is active begins anew, or its prompt would not show it
    if ! _pyv_by_hand; then _pyv_leave; fi
    _pyv_path_first
    typeset -ga precmd_functions chpwd_functions
    # First, so that what they show is the folder's
    precmd_functions=(_pyv_prompt _pyv_offer_completion ${precmd_functions:#_pyv_(prompt|offer_completion)})
    chpwd_functions=(_pyv_follow ${chpwd_functions:#_pyv_follow})
}

_pyv_start() {
    emulate -L zsh
    local only_path="${_pyv_only_path-}"
    unset _pyv_only_path
    if [[ "$only_path" == yes ]]; then
        _pyv_path_first
        unfunction pyv
    elif [[ -o interactive ]]; then
        _pyv_join
    else
        _pyv_path_first
    fi
}

setopt "$_pyv_aliases"
_pyv_start
