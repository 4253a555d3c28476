# Completion of pyv in fish; loaded when it is first asked for.

function _pyv_words
    set -l given (commandline -opc)
    set -l word (commandline -ct)
    for each in (command pyv completions $given[2] 2>/dev/null)
        # Options only where one is being typed
        if string match -q -- '-*' "$word" || not string match -q -- '-*' $each
            echo $each
        end
    end
end
