# What fish needs to complete the command line of millwright. Nothing of the line is
# evaluated: its words are given to the program.

function __millwright_complete
    set -l given (commandline -opc)
    set -l word (commandline -ct | string replace -ra '[\'"\\\\]' '')
    set -l lines ($given[1] __complete $given[2..-1] "$word" 2>/dev/null)
    set -l directive (string match -rg '^:(\d+)$' -- "$lines[-1]")
    test -n "$directive"; or return
    set -l before (string match -r -- '^-.*=' "$word")
    for line in $lines[1..-2]
        printf '%s%s\n' "$before" $line
    end
    if test (count $lines) -le 1; and test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path "$word"
    end
end

complete -c millwright -e
complete -c millwright -f -a '(__millwright_complete)'
