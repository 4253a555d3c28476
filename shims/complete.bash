# shellcheck shell=bash
# Completion of pyv in bash; loaded when it is first asked for.

_pyv_complete() {
    local word=${COMP_WORDS[COMP_CWORD]} command='' each
    if [ "$COMP_CWORD" -gt 1 ]; then command=${COMP_WORDS[1]}; fi
    # What these options take is what `pyv prefix` takes; of a command that is executed they are its own
    case $command:${COMP_WORDS[COMP_CWORD - 1]} in
        exec:*) ;;
        *:-p | *:--python) command=prefix ;;
    esac
    COMPREPLY=()
    while IFS= read -r each; do
        case $word:$each in
            -*:* | *:[!-]*) case $each in "$word"*) COMPREPLY+=("$each") ;; esac ;;
        esac
    done < <(command pyv completions ${command:+"$command"} 2>/dev/null)
}

complete -o bashdefault -o default -F _pyv_complete pyv
