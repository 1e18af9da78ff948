# What bash needs to complete the command line of millwright. Nothing of the line is
# evaluated: it is only taken apart, and the words are given to the program.

_millwright() {
    local line=${COMP_LINE:0:COMP_POINT} word= raw= quote= char i
    local -a words=()
    for ((i = 0; i < ${#line}; i++)); do
        char=${line:i:1}
        raw+=$char
        if [[ -n $quote ]]; then
            if [[ $char == "$quote" ]]; then quote=; else word+=$char; fi
        elif [[ $char == [\'\"] ]]; then
            quote=$char
        elif [[ $char == \\ ]]; then
            ((i++))
            word+=${line:i:1} raw+=${line:i:1}
        elif [[ $char == [[:space:]] ]]; then
            [[ $raw == [[:space:]] ]] || words+=("$word")
            word= raw=
        else
            word+=$char
        fi
    done

    local answer directive offered
    answer=$("${COMP_WORDS[0]/#\~/$HOME}" __complete "${words[@]:1}" "$word" 2>/dev/null) || return
    directive=${answer##*:}
    [[ $word == -*=* ]] && word=${word#*=}

    # What readline takes for the word begins behind the last of its break characters.
    local behind=
    if [[ $raw != *[\'\"]* ]]; then
        behind=${word##*["$COMP_WORDBREAKS"]}
        behind=${word%"$behind"}
    fi
    COMPREPLY=()
    while IFS= read -r offered; do
        offered=${offered%%$'\t'*}
        [[ $offered == "$word"* && $offered != :[0-9]* ]] && COMPREPLY+=("${offered#"$behind"}")
    done <<<"$answer"
    ((directive & 2)) && compopt -o nospace
    if ((${#COMPREPLY[@]} == 0 && (directive & 4) == 0)); then
        compopt -o filenames
        local kind=-f
        ((directive & 16)) && kind=-d
        while IFS= read -r offered; do
            COMPREPLY+=("$offered")
        done < <(compgen "$kind" -- "$word")
    fi
}
complete -F _millwright millwright
