# pyv in fish: shims on PATH, `pyv shell`, completion, and the project's environment wherever you are.
# Sourced by a line of config.fish, see `pyv init fish`.
#
# No process is started, but for one question to pyv where a pin beside an environment cannot be judged here. No file
# of a project is run or sourced: three are read, and only if they are regular files.

set -g _pyv_root @ROOT@
set -g _pyv_asked
set -g _pyv_answer
set -g _pyv_stranger

# Takes the first entry $argv[1] off PATH.
function _pyv_path_without
    if set -l place (contains -i -- $argv[1] $PATH)
        set -e PATH[$place]
    end
end

# Puts the shims first on PATH, once; only an environment that is active stays before them.
function _pyv_path_first
    set -l shims $_pyv_root/shims
    set -l front
    while contains -- $shims $PATH
        _pyv_path_without $shims
    end
    if test -n "$VIRTUAL_ENV"
        set front $VIRTUAL_ENV/bin
    else if test -n "$CONDA_PREFIX"; and test "$CONDA_DEFAULT_ENV" != base
        set front $CONDA_PREFIX/bin
    end
    if test -n "$front"; and test "$PATH[1]" = "$front"
        _pyv_path_without $front
        set shims $front $shims
    end
    set -gx PATH $shims $PATH
end

# Whether the user activated an environment by hand. Conda's base is active in every shell and does not count.
function _pyv_by_hand
    if test -n "$CONDA_PREFIX"; and test "$CONDA_DEFAULT_ENV" != base
        return 0
    end
    test -n "$VIRTUAL_ENV"; or return 1
    # An activation script over ours leaves this variable
    test "$VIRTUAL_ENV" != "$PYV_HOOK_VENV"; or test -n "$_OLD_VIRTUAL_PATH"
end

# Whether pyv made the environment $argv[1] at this place, or was told to trust it.
function _pyv_known
    set -l venv $argv[1]
    set -l line
    if test -L "$venv"; or not test -r "$venv/pyvenv.cfg"
        return 1
    end
    read -l line <"$venv/pyvenv.cfg"
    set -l id
    string match -rq '^pyv = (?<id>[0-9a-f]{32})$' -- "$line"; or return 1
    set -l data "$HOME/.local/share"
    if string match -q '/*' -- "$XDG_DATA_HOME"
        set data $XDG_DATA_HOME
    end
    for list in $_pyv_root/venvs $data/pyv/venvs
        if test "$venv" -ef "$list/$id"; and test -e "$list/.$id"
            if test "$venv/pyvenv.cfg" -ef "$list/.$id"
                return 0
            end
            if not test -s "$list/.$id"; and not test "$venv/pyvenv.cfg" -nt "$list/.$id"
                return 0
            end
        end
    end
    return 1
end

# Whether the folder $argv[1] has a pin file. A link that leads nowhere is one: not to see it would run another Python.
function _pyv_pinned
    test -e "$argv[1]/.python-version"; or test -L "$argv[1]/.python-version"
end

# Whether the environment $argv[1] is of a version that the file $argv[2] asks for. $argv[3] is what pyv was asked
# about last.
function _pyv_satisfies
    set -l venv $argv[1]
    set -l pin $argv[2]
    if not test -f "$pin"; or not test -r "$pin"
        return 1
    end
    set -l lines
    set -l found
    while read line
        set -a lines $line
        if test (count $lines) -ge 20
            break
        end
    end <"$pin"
    # All must be of installed versions: what else they could mean, only pyv can tell
    for word in (string match -ra '[^ \t:]+' -- (string replace -r '(?:#.*|\r)$' '' -- $lines))
        if not test -d "$_pyv_root/versions/$word"
            set word (string replace -r '^(?:python-?|cpython-)(?=[0-9])' '' -- $word)
        end
        # Without two dots in a row
        if not string match -rq '^[0-9A-Za-z](?:[0-9A-Za-z_+-]|\.(?!\.))*$' -- "$word"; or not test -d "$_pyv_root/versions/$word"
            set found
            break
        end
        # Another environment is not this one, though it may be on the same Python
        if test -f "$_pyv_root/versions/$word/pyvenv.cfg"
            continue
        end
        if test "$venv/bin/python" -ef "$_pyv_root/versions/$word/bin/python"
            set found $word
        end
    end
    if test -n "$found"; and test (count $lines) -lt 20
        return 0
    end
    set -l key "$venv|$lines"
    if test "$argv[3]" != "$key"
        set -g _pyv_answer ($_pyv_root/shims/pyv which python </dev/null 2>/dev/null | string replace -r '/[^/]*$' '')
    end
    set -g _pyv_asked $key
    test -n "$_pyv_answer"; and test "$_pyv_answer" -ef "$venv/bin"
end

# Finds the environment that belongs to the folder: _pyv_found, or nothing; _pyv_stranger is one that is not known.
function _pyv_find
    set -l asked $_pyv_asked
    set -l dir $PWD
    set -g _pyv_found
    set -g _pyv_stranger
    set -g _pyv_asked
    if test -n "$PYV_DIR"
        set dir $PYV_DIR
        if not string match -q '/*' -- "$dir"
            set dir $PWD/$dir
        end
    end
    # No entry of PATH can hold a colon
    if test -n "$PYV_VERSION"; or string match -q '*:*' -- "$dir"; or string match -q '*/../*' -- "$dir/"
        return
    end
    # Assigned by their names in the patterns: a command substitution takes ten times as long
    while string match -rq '(?s)^(?<dir>.*?)/*$' -- "$dir"
        for venv in "$dir/.venv" "$dir/venv" "$dir/env"
            if test -f "$venv/pyvenv.cfg"
                if _pyv_known "$venv"
                    if not _pyv_pinned "$dir"; or _pyv_satisfies "$venv" "$dir/.python-version" "$asked"
                        set -g _pyv_found $venv
                    end
                    return
                end
                test -n "$_pyv_stranger"; or set -g _pyv_stranger $venv
            end
        end
        if test -z "$dir"; or _pyv_pinned "$dir"; or not string match -rq '(?s)^(?<dir>.*)/' -- "$dir"
            return
        end
    end
end

# Says what the prompt calls the environment $argv[1].
function _pyv_label
    set -l parts (string split / -- "$argv[1]")
    set -l label $parts[-1]
    if contains -- "$label" .venv venv env
        set label $parts[-2]
    end
    while read -l line
        set label (string replace -rf '^prompt = ' '' -- "$line"; or echo "$label")
    end <"$argv[1]/pyvenv.cfg"
    string replace -ra '[[:cntrl:]\'"%!$\\\\`]' '' -- "$label"
end

# Activates the environment $argv[1].
function _pyv_enter
    set -l label (_pyv_label $argv[1] | string collect)
    set -gx PYV_HOOK_VENV $argv[1]
    set -gx VIRTUAL_ENV $argv[1]
    set -gx VIRTUAL_ENV_PROMPT $label
    set -gx PATH $argv[1]/bin $PATH
    if set -q PYTHONHOME
        set -gx PYV_HOOK_PYTHONHOME $PYTHONHOME
        set -e PYTHONHOME
    end
    if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
        functions -e _pyv_users_prompt
        functions -c fish_prompt _pyv_users_prompt
        function fish_prompt
            set -l result $status
            printf '(%s) ' "$VIRTUAL_ENV_PROMPT"
            _pyv_result $result
            _pyv_users_prompt
        end
    end
end

# Makes $argv[1] the exit status that comes next.
function _pyv_result
    return $argv[1]
end

# Deactivates what pyv activated; whatever else was changed meanwhile stays.
function _pyv_leave
    test -n "$PYV_HOOK_VENV"; or return 0
    _pyv_path_without $PYV_HOOK_VENV/bin
    if functions -q _pyv_users_prompt
        # Unless another prompt was chosen meanwhile
        if functions fish_prompt | string match -q '*_pyv_users_prompt*'
            functions -e fish_prompt
            functions -c _pyv_users_prompt fish_prompt
        end
        functions -e _pyv_users_prompt
    end
    if test "$VIRTUAL_ENV" = "$PYV_HOOK_VENV"
        set -e VIRTUAL_ENV
        set -e VIRTUAL_ENV_PROMPT
    end
    if set -q PYV_HOOK_PYTHONHOME; and not set -q PYTHONHOME
        set -gx PYTHONHOME $PYV_HOOK_PYTHONHOME
    end
    set -e PYV_HOOK_VENV
    set -e PYV_HOOK_PYTHONHOME
    return 0
end

# Makes the active environment that of the folder.
function _pyv_follow --on-variable PWD
    set -g _pyv_stranger
    if _pyv_by_hand
        return 0
    end
    _pyv_find
    if test "$_pyv_found" != "$PYV_HOOK_VENV"; or test "$_pyv_found" != "$VIRTUAL_ENV"
        _pyv_leave
        if test -n "$_pyv_found"
            _pyv_enter $_pyv_found
        end
    end
    return 0
end

# Names an environment that is not known, once in each shell.
function _pyv_name_stranger
    if test -z "$_pyv_stranger"; or not test -t 2; or contains -- "$_pyv_stranger" $_pyv_named
        return
    end
    set -ga _pyv_named $_pyv_stranger
    set -l name (string escape -- "$_pyv_stranger")
    set -l place
    if not contains -- "$_pyv_stranger" $PWD/.venv $PWD/venv $PWD/env
        set place " $name"
    end
    echo "pyv: $name is not known to pyv, and not used; to accept it: pyv trust$place" >&2
end

function _pyv_prompt --on-event fish_prompt
    _pyv_follow
    _pyv_name_stranger
end

function pyv
    set -l result 0
    if contains -- "$argv[1]:$argv[2]" shell: "$argv[1]:-h" "$argv[1]:--help"
        command pyv $argv
        set result $status
    else if contains -- "$argv[1]" shell activate deactivate
        set -l code (command pyv sh-$argv[1] fish $argv[2..-1] | string collect)
        set result $pipestatus[1]
        if test $result -eq 0
            # To remove a variable that is not there has a status of its own
            eval $code; or test "$argv[1]" = shell
            set result $status
        end
    else
        command pyv $argv
        set result $status
    end
    set -g _pyv_asked
    if functions -q _pyv_follow
        _pyv_follow
    end
    return $result
end

# Replaced by what it loads.
function _pyv_words
    if test -r $_pyv_root/hooks/complete.fish
        source $_pyv_root/hooks/complete.fish
        _pyv_words
    end
end

if test "$_pyv_only_path" = yes
    functions -e pyv _pyv_prompt _pyv_follow
    _pyv_path_first
else if status is-interactive; and test / -ef / 2>/dev/null # without, nothing can be known
    set -gx PYV_HOOK fish # the shims need not name strangers then
    # A shell within one whose environment is active begins anew, or its prompt would not show it
    if not _pyv_by_hand
        _pyv_leave
    end
    _pyv_path_first
    complete -c pyv -f -a '(_pyv_words)'
else
    functions -e _pyv_prompt _pyv_follow
    _pyv_path_first
end
set -e _pyv_only_path
