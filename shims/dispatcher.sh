#!@SHELL@
# pyv dispatcher @VERSION@ @CHECK@
# shellcheck shell=sh
# The first line is filled in; -ef, -nt and -o are in every sh that this may run under, and chains of && and || are meant:
# shellcheck disable=SC2239,SC3013,SC2166,SC2015,SC2194
#
# Every entry of the shims folder is this file. It finds the pin or the environment that decides here, and becomes the
# command asked for, without starting a process. What is rare, or not plain, is decided by pyv itself: src/pyv/select/
# has the same rules. All names begin with _pyv_, for assigning to a name that the caller exported would change what
# the command sees; globbing and word splitting are never relied on, for their settings are the caller's.
_pyv_root=@ROOT@
_pyv_cmd=${0##*/} _pyv_do='' _pyv_as='' _pyv_venv='' _pyv_words='' _pyv_rule='' _pyv_src='' _pyv_stranger='' _pyv_lost=''

# Go up to the nearest folder that has a pin or an environment; one test for all, for this is most of the time of a call
_pyv_up() {
    while [ "$_pyv_dir" ] && ! [ -h "$_pyv_dir/.python-version" -o -e "$_pyv_dir/.python-version" -o \
        -e "$_pyv_dir/.venv/pyvenv.cfg" -o -e "$_pyv_dir/venv/pyvenv.cfg" -o -e "$_pyv_dir/env/pyvenv.cfg" ]; do
        _pyv_dir=${_pyv_dir%/*}
    done
}
_pyv_dir='?' # not to be known here
if [ ! "${PYV_VERSION-}${PYV_DIR-}" ] && [ . -ef "${PWD-}" ]; then
    case $PWD/ in
    *//?* | */./* | */../* | [!/]*) ;; # its parents are not what they seem
    *) _pyv_dir=${PWD%/} && _pyv_up ;;
    esac
fi

# The plainest case first: to read the rest of this file takes sh longer than all of this. One number in a pin file, no
# environment beside it, and a program there that no rule below is about
case "$_pyv_dir,$_pyv_cmd,${1-} ${2-}" in
[?],* | *,pyv,* | *,pyenv,* | *,pip,* | *,pip[0-9]* | *,python*,-[!cm]* | *,python*,-m*pip*) ;;
*)
    if ! [ -e "$_pyv_dir/.venv/pyvenv.cfg" -o -e "$_pyv_dir/venv/pyvenv.cfg" -o -e "$_pyv_dir/env/pyvenv.cfg" ] &&
        [ -f "$_pyv_dir/.python-version" -a -r "$_pyv_dir/.python-version" ] && [ ! "${_PYV_GUARD-}" ] &&
        { IFS= read -r _pyv_line && ! IFS= read -r _pyv_rest && [ ! "$_pyv_rest" ]; } <"$_pyv_dir/.python-version"; then
        case $_pyv_line in
        '' | .* | *..* | *[!0-9.]*) ;;
        *)
            _pyv_found=$_pyv_root/versions/$_pyv_line/bin/$_pyv_cmd
            [ ! -f "$_pyv_found" -o ! -x "$_pyv_found" -o ! -s "$_pyv_found" ] || exec "$_pyv_found" "$@" ;;
        esac
    fi ;;
esac

# Hand over to pyv, for this store; under its own name for another one, if that is asked for
_pyv_ask() {
    [ "$_pyv_do" ] || set -- exec --shim "$_pyv_cmd" "$@"
    [ ! "$_pyv_as" ] || set -- as-pyenv "$@"
    [ "$_pyv_do" ] && [ "${PYV_ROOT-}" ] || set -- --store "$_pyv_root" "$@"
    set -- @RUN@ "$@"
    [ -x "$1" ] || { echo "pyv: the Python that runs pyv, $1, cannot be started; install pyv again" >&2; exit 127; }
    exec "$@"
}

# Tell whether an environment is known: see src/pyv/registry.py
_pyv_known() {
    [ -f "$1/pyvenv.cfg" ] && [ ! -L "$1" ] && [ -r "$1/pyvenv.cfg" ] && IFS= read -r _pyv_id <"$1/pyvenv.cfg" || return 1
    case $_pyv_id in
    "pyv = "*) _pyv_id=${_pyv_id#pyv = } ;;
    *) return 1 ;;
    esac
    case $_pyv_id in *[!0-9a-f]*) return 1 ;; esac
    [ ${#_pyv_id} -eq 32 ] || return 1
    if [ "$1" -ef "$_pyv_root/venvs/$_pyv_id" ]; then
        _pyv_stamp=$_pyv_root/venvs/.$_pyv_id
    else
        case ${XDG_DATA_HOME-} in /*) _pyv_stamp=$XDG_DATA_HOME ;; *) _pyv_stamp=${HOME-}/.local/share ;; esac
        [ "$_pyv_stamp" != /.local/share ] || _pyv_lost=1 # without HOME it is not known where that registry lies
        [ "$1" -ef "$_pyv_stamp/pyv/venvs/$_pyv_id" ] || return 1
        _pyv_stamp=$_pyv_stamp/pyv/venvs/.$_pyv_id
    fi
    [ "$1/pyvenv.cfg" -ef "$_pyv_stamp" ] ||
        { [ -f "$_pyv_stamp" ] && [ ! -s "$_pyv_stamp" ] && [ ! "$1/pyvenv.cfg" -nt "$_pyv_stamp" ]; }
}

# Read a pin file's words; what follows a # is a comment
_pyv_read() {
    [ -f "$1" ] && [ -r "$1" ] || return 1 # reading a FIFO would wait for ever
    while IFS= read -r _pyv_line || [ "$_pyv_line" ]; do
        case $_pyv_line in
        *"#"*)
            case $_pyv_line in *[!\ -~"	"]*) return 1 ;; esac
            [ ${#_pyv_line} -lt 1000 ] || return 1 # a comment, too, must be text, and small
            _pyv_line=${_pyv_line%%#*} ;;
        esac
        _pyv_words="$_pyv_words $_pyv_line"
        [ ${#_pyv_words} -lt 1000 ] || return 1 # to take many apart costs sh minutes, and pyv nothing
    done <"$1"
    case $_pyv_words in *[0-9A-Za-z]*) ;; *) return 1 ;; esac # no words at all
}

case $_pyv_cmd in
pyv | pyenv)
    # As pyenv, for scripts that call it, its variables count, which are left to pyv
    case $_pyv_cmd in pyenv) _pyv_as=${PYENV_VERSION-}${PYENV_DIR-}, ;; esac
    case $_pyv_as${PYV_ROOT:-$_pyv_root} in
    "$_pyv_root" | ,"$_pyv_root") ;;
    *) _pyv_do=pyv; _pyv_ask "$@" ;;
    esac
    # What was changed in the shims has to be mended, and only pyv itself looks for that; it gave them all one time, and
    # their folder as well
    for _pyv_name in '' python; do
        _pyv_found=$_pyv_root/shims/$_pyv_name
        if [ "$_pyv_found" -nt "$_pyv_root/shims/pyv" -o "$_pyv_root/shims/pyv" -nt "$_pyv_found" ] && [ -e "$_pyv_found" ]
        then
            _pyv_do=pyv; _pyv_ask "$@"
        fi
    done
    case $#,${1-} in
    1,root) printf '%s\n' "$_pyv_root"; exit ;;
    1,version | 1,version-name | 1,prefix) _pyv_do=$1 _pyv_cmd=python ;;
    2,which)
        _pyv_do=which _pyv_cmd=$2
        case $2 in '' | -* | */*) _pyv_do=pyv; _pyv_ask "$@" ;; esac ;;
    *) _pyv_do=pyv; _pyv_ask "$@" ;;
    esac ;;
esac

# What decides here
if [ "${PYV_VERSION-}" ]; then
    _pyv_rule=variable _pyv_src='PYV_VERSION environment variable' _pyv_words=$PYV_VERSION
    [ ${#PYV_VERSION} -lt 1000 ] || _pyv_ask "$@" # as in a file
    case $PYV_VERSION in *[0-9A-Za-z]*) ;; *) _pyv_ask "$@" ;; esac
elif [ "$_pyv_dir" = '?' ]; then
    _pyv_ask "$@"
else
    while :; do
        _pyv_odd=
        for _pyv_name in .venv venv env; do
            [ -f "$_pyv_dir/$_pyv_name/pyvenv.cfg" ] || continue
            if _pyv_known "$_pyv_dir/$_pyv_name"; then
                _pyv_rule=environment _pyv_venv=$_pyv_dir/$_pyv_name _pyv_src=$_pyv_venv
                break
            fi
            [ ! "$_pyv_lost" ] || _pyv_ask "$@"
            _pyv_odd=${_pyv_odd:-$_pyv_dir/$_pyv_name}
        done
        if [ -e "$_pyv_dir/.python-version" ] || [ -L "$_pyv_dir/.python-version" ]; then
            _pyv_read "$_pyv_dir/.python-version" || _pyv_ask "$@"
            [ "$_pyv_rule" ] || _pyv_rule=file _pyv_src=$_pyv_dir/.python-version
        fi
        [ "$_pyv_venv" ] || _pyv_stranger=${_pyv_stranger:-$_pyv_odd}
        [ ! "$_pyv_rule" ] && [ "$_pyv_dir" ] || break
        _pyv_dir=${_pyv_dir%/*}
        _pyv_up
    done
    if [ ! "$_pyv_rule" ]; then
        _pyv_src=$_pyv_root/version
        if [ -e "$_pyv_src" ] || [ -L "$_pyv_src" ]; then
            _pyv_read "$_pyv_src" || _pyv_ask "$@"
            _pyv_rule=global
        fi
    fi
    if [ "$_pyv_stranger" ] && [ ! "${PYV_HOOK-}" ] && [ -t 2 ]; then
        [ "$_pyv_do" != which ] || _pyv_ask "$@" # says so too
        [ "$_pyv_do" ] ||
            echo "pyv: $_pyv_stranger is not known to pyv, and not used; to accept it: pyv trust '$_pyv_stranger'" >&2
    fi
fi
case $_pyv_words in *[!0-9A-Za-z.:\ "	"+_-]*) _pyv_ask "$@" ;; esac

# Take the next of the words
_pyv_next() {
    while :; do
        case $_pyv_words in
        '') return 1 ;;
        [\ :]* | "	"*) _pyv_words=${_pyv_words#?} ;;
        *) break ;;
        esac
    done
    _pyv_word=${_pyv_words%%[\ :"	"]*}
    _pyv_words=${_pyv_words#"$_pyv_word"}
    case $_pyv_word in
    [!0-9A-Za-z]* | *..*) _pyv_word=/ ;;
    python[0-9]* | python-[0-9]* | cpython-[0-9]*)
        [ -d "$_pyv_root/versions/$_pyv_word/" ] || _pyv_word=${_pyv_word#*python} _pyv_word=${_pyv_word#-} ;;
    esac
}

# Tell whether a program can be started; an empty one would be a silent success
_pyv_runs() { [ -f "$1" ] && [ -x "$1" ] && [ -s "$1" ]; }

# Tell whether it is pip, or Python's options end in -m pip; what comes after a script or -c is not its own
_pyv_pip() {
    case $_pyv_cmd,${1-} in
    pip,* | pip[0-9]*) return 0 ;;
    python*,-*) ;;
    *) return 1 ;;
    esac
    while :; do
        case ${1-} in
        -[!-]*) ;;
        --check-hash-based-pycs) [ $# -gt 1 ] && shift 2 && continue || return 1 ;; # the only one with a value
        *) return 1 ;;
        esac
        case ${1#"${1%%[cmWX]*}"} in
        m) case ${2-} in pip | ensurepip) return 0 ;; *) return 1 ;; esac ;;
        mpip | mensurepip) return 0 ;;
        [cm]*) return 1 ;;
        [WX]) [ $# -gt 1 ] && shift || return 1 ;; # its value is the next word
        esac
        shift
    done
}

# Become a command of the store or of an environment
_pyv_run() {
    [ ! "$_pyv_do" ] || _pyv_tell "$@"
    ! _pyv_pip "$@" || _pyv_ask "$@"
    [ ! "${_PYV_GUARD-}" ] || unset _PYV_GUARD
    exec "$_pyv_found" "$@"
}

_pyv_found='' _pyv_in='' _pyv_system='' _pyv_all=$_pyv_words
if [ "$_pyv_venv" ]; then
    # One of the pinned versions must be its own; and they are all to be understood
    while _pyv_next; do
        [ -d "$_pyv_root/versions/$_pyv_word/" ] && [ "$_pyv_word" != / ] || _pyv_ask "$@"
        [ ! "$_pyv_venv/bin/python" -ef "$_pyv_root/versions/$_pyv_word/bin/python" ] ||
            [ -f "$_pyv_root/versions/$_pyv_word/pyvenv.cfg" ] || _pyv_in=$_pyv_word # another environment is not it
    done
    [ "$_pyv_in" ] || [ ! "$_pyv_all" ] || _pyv_ask "$@"
    _pyv_found=$_pyv_venv/bin/$_pyv_cmd
    _pyv_runs "$_pyv_found" || _pyv_found=
else
    while _pyv_next; do
        if [ "$_pyv_word" = system ]; then
            _pyv_system=1
            continue
        fi
        [ -d "$_pyv_root/versions/$_pyv_word/" ] && [ "$_pyv_word" != / ] || _pyv_ask "$@"
        if [ ! "$_pyv_found" ]; then
            _pyv_in=$_pyv_word _pyv_found=$_pyv_root/versions/$_pyv_word/bin/$_pyv_cmd
            _pyv_runs "$_pyv_found" || _pyv_found=
        fi
    done
    [ ! "$_pyv_system" ] || [ ! "$_pyv_in" ] || _pyv_ask "$@"
fi
[ ! "$_pyv_found" ] || [ "$_pyv_do" ] || _pyv_run "$@"

# From here on: what the selection lacks, and what pyv is asked under its own name
if [ "$_pyv_do" ]; then
    # Tell whether a word in versions/ is one of the versions there or a named environment; other links are left to pyv
    _pyv_inside() {
        [ "$_pyv_root/versions/$1/.." -ef "$_pyv_root/versions" ] || [ "$_pyv_root/versions/$1" -ef "$_pyv_root/envs/$1" ]
    }
    # Replace a word in versions/ by what it stands for
    _pyv_real() {
        _pyv_word=$1
        [ -L "$_pyv_root/versions/$1" ] || return 0
        cd -P -- "$_pyv_root/versions" && _pyv_dir=$PWD && cd -P -- "$_pyv_root/versions/$1" &&
            [ "${PWD%/*}" = "$_pyv_dir" ] && _pyv_word=${PWD##*/}
    }
    # Print the program that was found
    _pyv_tell() {
        case $_pyv_found in
        "$_pyv_root/versions/"*)
            _pyv_rest=${_pyv_found#"$_pyv_root/versions/"}
            _pyv_inside "${_pyv_rest%%/*}" || _pyv_ask "$@"
            _pyv_real "${_pyv_rest%%/*}"
            _pyv_found=$_pyv_root/versions/$_pyv_word/${_pyv_rest#*/} ;;
        esac
        printf '%s\n' "$_pyv_found"
        exit
    }
    [ ! "$_pyv_found" ] || [ "$_pyv_do" != which ] || _pyv_tell "$@"
fi
if [ "$_pyv_do" ] && [ "$_pyv_do" != which ]; then
    _pyv_words=$_pyv_all
    if [ "$_pyv_venv" ]; then
        while IFS= read -r _pyv_line; do
            case $_pyv_line in "home = $_pyv_root/versions/"*/bin) break ;; esac
        done <"$_pyv_venv/pyvenv.cfg"
        _pyv_words=${_pyv_line#"home = $_pyv_root/versions/"}
        _pyv_words=${_pyv_words%/bin}
        [ "$_pyv_venv/bin/python" -ef "$_pyv_root/versions/$_pyv_words/bin/python" ] || _pyv_ask "$@"
        case $_pyv_words in */* | *:* | *\ * | '') _pyv_ask "$@" ;; esac
    elif [ ! "$_pyv_in" ]; then
        [ "$_pyv_do" != prefix ] || _pyv_ask "$@"
        [ "$_pyv_rule" ] || _pyv_words=system
    fi
    # Asked for all of them before anything is printed, and before the folder is left in which pyv would have to decide
    _pyv_all=$_pyv_words
    while _pyv_next; do
        [ "$_pyv_word" = system ] || _pyv_inside "$_pyv_word" || _pyv_ask "$@"
    done
    _pyv_words=$_pyv_all _pyv_line=
    while _pyv_next; do
        [ "$_pyv_word" = system ] || _pyv_real "$_pyv_word"
        case $_pyv_do,$_pyv_venv in
        prefix,) _pyv_line=$_pyv_line:$_pyv_root/versions/$_pyv_word ;;
        prefix,*) _pyv_line=:$_pyv_venv ;;
        version,*) printf '%s (set by %s)\n' "$_pyv_word" "$_pyv_src" ;;
        *) _pyv_line=$_pyv_line:$_pyv_word ;;
        esac
    done
    [ ! "$_pyv_line" ] || printf '%s\n' "${_pyv_line#:}"
    exit
fi

if [ "$_pyv_venv" ]; then
    # What an environment lacks comes from its interpreter, but for pip, and for what would run without its packages
    case $_pyv_cmd in pip | pip[0-9]* | pip-[0-9]* | python | python3) _pyv_ask "$@" ;; esac
    [ -x "$_pyv_venv/bin/python" ] || _pyv_ask "$@"
    while IFS= read -r _pyv_line; do
        case $_pyv_line in "home = /"*) _pyv_found=${_pyv_line#home = }/$_pyv_cmd; break ;; esac
    done <"$_pyv_venv/pyvenv.cfg"
    _pyv_runs "$_pyv_found" && _pyv_run "$@"
else
    _pyv_words=$_pyv_all
    while _pyv_next; do
        [ ! -f "$_pyv_root/versions/$_pyv_word/pyvenv.cfg" ] || _pyv_ask "$@"
    done
fi
if [ ! "$_pyv_rule" ] || [ ! "$_pyv_system" ]; then
    # pythonX.Y is the newest installed X.Y, whatever else is pinned
    _pyv_word=${_pyv_cmd#python}
    case $_pyv_cmd in
    pip[0-9].[0-9]*) _pyv_ask "$@" ;;
    python[0-9].[0-9] | python[0-9].[0-9][0-9] | python[0-9].[0-9][0-9]t)
        _pyv_found=$_pyv_root/versions/$_pyv_word/bin/$_pyv_cmd
        _pyv_runs "$_pyv_found" && _pyv_run "$@"
        [ ! -L "$_pyv_root/versions/$_pyv_word" ] || _pyv_ask "$@" ;; # where it leads to, it is gone
    esac
fi
if [ "$_pyv_rule" ] && [ ! "$_pyv_system" ]; then
    case $_pyv_cmd in python* | pip | pip[0-9]* | pip-[0-9]* | pydoc* | idle*) _pyv_ask "$@" ;; esac
fi

# The rest of PATH; a guard says how much of it is left if what was started there has called back
_pyv_rest=${_PYV_GUARD-}
_pyv_pid=${_pyv_rest%% *} _pyv_rest=${_pyv_rest#* }
_pyv_left=${_pyv_rest%% *} _pyv_rest=${_pyv_rest#* }
_pyv_passes=${_pyv_rest%% *} _pyv_rest=${_pyv_rest#* }
_pyv_kin=${_pyv_rest%% *} _pyv_name=${_pyv_rest#* }
[ "$_pyv_pid $_pyv_left $_pyv_passes $_pyv_kin $_pyv_name" = "${_PYV_GUARD-}" ] && [ "$_pyv_name" ] || _pyv_pid=''
for _pyv_n in "$_pyv_pid" "$_pyv_left" "$_pyv_passes" "$_pyv_kin"; do
    # No guard: sh ends at a number that it takes for octal, or that is too large for it
    case $_pyv_n in '' | *[!0-9]* | 0?* | ????????????*) _pyv_pid='' _pyv_passes=0 ;; esac
done
# `#!/usr/bin/env python3` makes one process of two commands, of which only the first has been passed on. Of pip other
# managers stay the parent, as pyv does; but any other program may start itself by its name
case "$_pyv_pid $_pyv_name" in
"$$ $_pyv_cmd") ;;
"$PPID $_pyv_cmd") [ "$_pyv_kin" = "$(($# + 1))" ] && [ ! "$_pyv_do" ] || _pyv_left=999999 ;;
*) _pyv_left=999999 ;;
esac
_pyv_count() {
    _pyv_n=0
    while [ "$1" ]; do
        set -- "${1#*:}"
        _pyv_n=$((_pyv_n + 1))
    done
}
_pyv_rest=$PATH: _pyv_found=
_pyv_count "$_pyv_rest"
while [ "$_pyv_rest" ]; do
    _pyv_dir=${_pyv_rest%%:*} _pyv_rest=${_pyv_rest#*:} _pyv_n=$((_pyv_n - 1))
    case $_pyv_dir in /*) ;; *) continue ;; esac
    _pyv_found=${_pyv_dir%/}/$_pyv_cmd # what a slash at the end would double
    [ "$_pyv_n" -lt "$_pyv_left" ] && _pyv_runs "$_pyv_found" && [ ! "$_pyv_dir" -ef "$_pyv_root/shims" ] &&
        [ ! "$_pyv_found" -ef "$_pyv_root/shims/pyv" ] && [ ! "$_pyv_found" -ef "$_pyv_root/shims/$_pyv_cmd" ] && break
    _pyv_found=
done
if [ "$_pyv_found" ]; then
    [ ! "$_pyv_do" ] || _pyv_tell "$@"
    _pyv_line='' _pyv_rest=$_pyv_n _pyv_kin=0
    ! _pyv_pip "$@" || _pyv_kin=$(($# + 1))
    case $_pyv_found in
    */shims/"$_pyv_cmd")
        _pyv_line='#!'
        # What pyenv, too, takes for pip, or for something like it
        case "$_pyv_cmd $* " in easy_install* | conda\ * | *\ -m\ pip\ *) _pyv_kin=$(($# + 1)) ;; esac ;;
    *) [ ! -r "$_pyv_found" ] || IFS= read -r _pyv_line <"$_pyv_found" || : ;;
    esac
    case $_pyv_line in
    '#!'*) ;;
    *)
        # A program that is no script may pass commands on, too, or be a Python, whose scripts start others of its folder,
        # and jobs that outlive it. So only a call right back counts, and only the eighth is taken for that of a forwarder,
        # after which the search has to go on; what the system has there gets no guard at all.
        case $_pyv_pid in "$$" | "$PPID") ;; *) _pyv_passes=0 ;; esac
        [ "$_pyv_passes" -ge 8 ] || _pyv_rest=999999
        for _pyv_line in /usr/bin /bin /usr/local/bin /usr/sbin /sbin; do
            [ ! "$_pyv_dir" -ef "$_pyv_line" ] || _pyv_rest=
        done ;;
    esac
    if [ "$_pyv_rest" ]; then
        [ "$_pyv_passes" -lt 32 ] || _pyv_ask "$@" # which says so
        export _PYV_GUARD="$$ $_pyv_rest $((_pyv_passes + 1)) $_pyv_kin $_pyv_cmd"
    elif [ "${_PYV_GUARD-}" ]; then
        unset _PYV_GUARD
    fi
    exec "$_pyv_found" "$@"
fi
if [ ! "$_pyv_rule" ]; then
    _pyv_found=$_pyv_root/versions/3/bin/$_pyv_cmd
    _pyv_runs "$_pyv_found" && _pyv_run "$@"
fi
_pyv_ask "$@"
