# Completion of pyv in zsh; loaded when it is first asked for.

_pyv_complete() {
    local -a words_of_pyv command
    if (( CURRENT > 2 )); then command=("$words[2]"); fi
    # What these options take is what `pyv prefix` takes; of a command that is executed they are its own
    if [[ "$command" != exec && "$words[CURRENT-1]" == (-p|--python) ]]; then command=(prefix); fi
    words_of_pyv=("${(@f)$(command pyv completions $command 2>/dev/null)}")
    if [[ "$words[CURRENT]" == -* ]]; then
        words_of_pyv=(${(M)words_of_pyv:#-*})
    else
        words_of_pyv=(${words_of_pyv:#-*})
    fi
    compadd -a words_of_pyv || _files
}
