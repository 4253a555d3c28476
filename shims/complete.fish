# Completion of pyv in fish; loaded when it is first asked for.

function _pyv_words
    set -l given (commandline -opc)
    set -l word (commandline -ct)
    set -l command $given[2]
    # What these options take is what `pyv prefix` takes; of a command that is executed they are its own
    if contains -- "$given[-1]" -p --python; and test "$command" != exec
        set command prefix
    end
    for each in (command pyv completions $command 2>/dev/null)
        # Options only where one is being typed
        if string match -q -- '-*' "$word" || not string match -q -- '-*' $each
            echo $each
        end
    end
end
