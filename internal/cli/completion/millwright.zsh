#compdef millwright
# What zsh needs to complete the command line of millwright. Nothing of the line is
# evaluated: its words are given to the program.

_millwright() {
    local -a given lines offered
    local line directive name
    given=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
    lines=("${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete "${(@)given}" 2>/dev/null)}")
    directive=${lines[-1]#:}
    [[ $directive == <-> ]] || return 1
    [[ $PREFIX == -*=* ]] && compset -P '*='
    for line in "${(@)lines[1,-2]}"; do
        [[ -n $line ]] || continue
        name=${line%%$'\t'*}
        if [[ $line == *$'\t'* ]]; then
            offered+=("${name//:/\\:}:${line#*$'\t'}")
        else
            offered+=("${name//:/\\:}")
        fi
    done
    if (( $#offered )); then
        local -a how
        (( directive & 2 )) && how=(-S '')
        _describe -t millwright 'millwright' offered "${(@)how}"
        return
    fi
    (( directive & 4 )) && return 1
    if (( directive & 16 )); then _files -/; else _files; fi
}

if [[ $funcstack[1] == _millwright ]]; then
    _millwright "$@"
else
    compdef _millwright millwright
fi
