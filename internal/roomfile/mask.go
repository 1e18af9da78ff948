package roomfile

import "strings"

// masked hides what may be a secret in a line that is shown: the value of a key that sounds
// like one, wherever it stands by mistake, and a password in an address. What is hidden
// keeps its length, so that carets stay below what they point to.
func masked(line string) string {
	runes := []rune(line)
	lower := []rune(strings.ToLower(line))
	if len(lower) != len(runes) { // a letter that has another length in small
		lower = runes
	}
	for i := range lower {
		for _, word := range []string{"password", "passwd", "passphrase", "secret", "token", "kg", "community", "key"} {
			if at, found := valueOf(lower, i, word); found {
				hideValue(runes, at)
			}
		}
		if strings.HasPrefix(string(lower[i:min(len(lower), i+3)]), "://") {
			hideUser(runes, i+3)
		}
	}
	return string(runes)
}

// valueOf finds where the value begins of a key that ends in a word at i.
func valueOf(line []rune, i int, word string) (at int, found bool) {
	at = i + len(word)
	if at > len(line) || string(line[i:at]) != word {
		return 0, false
	}
	for at < len(line) && (line[at] == '"' || line[at] == '\'' || line[at] == ' ') {
		at++
	}
	if at >= len(line) || line[at] != ':' && line[at] != '=' {
		return 0, false
	}
	colon := line[at] == ':'
	if at++; colon && at < len(line) && !strings.ContainsRune(" \"'", line[at]) { // no key of YAML
		return 0, false
	}
	for at < len(line) && line[at] == ' ' {
		at++
	}
	return at, true
}

// hideValue hides a value up to its quote, or to what ends it.
func hideValue(line []rune, at int) {
	ends := ",}] \t#"
	if at < len(line) && (line[at] == '"' || line[at] == '\'') {
		ends = string(line[at])
		at++
	}
	end := at
	for end < len(line) && !strings.ContainsRune(ends, line[end]) {
		end++
	}
	for _, kind := range []string{"secret:", "env:", "file:"} { // where one is kept is none
		if strings.HasPrefix(string(line[at:end]), kind) {
			return
		}
	}
	for ; at < end; at++ {
		line[at] = '*'
	}
}

// hideUser hides the password in what stands before the host of an address.
func hideUser(line []rune, at int) {
	colon := -1
	for i := at; i < len(line) && !strings.ContainsRune("/\"' \t,}", line[i]); i++ {
		switch {
		case line[i] == ':' && colon < 0:
			colon = i
		case line[i] == '@' && colon >= 0:
			for j := colon + 1; j < i; j++ {
				line[j] = '*'
			}
			colon = i // a later one ends what is behind this
		}
	}
}
