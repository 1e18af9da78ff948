package tcpwrap

import (
	"errors"
	"fmt"
	"strings"
)

// Error is what is wrong with a table. There may be several, joined.
type Error struct {
	File string
	Line int // where the rule begins
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// rule is one line that concerns the daemon.
type rule struct {
	file    string
	line    int
	clients *list[hostPattern]
	allow   bool
}

// parse reads a table: the rules for this daemon, and all that is wrong with them.
// allow is what the table's rules do unless they say otherwise.
func (r *reader) parse(file, text, daemon string, allow bool) ([]rule, error) {
	var rules []rule
	var errs []error
	eachLine(text, func(line int, text string) {
		one, concerns, err := r.rule(text, daemon, allow)
		switch {
		case err != nil:
			errs = append(errs, &Error{file, line, err})
		case concerns:
			one.file, one.line = file, line
			rules = append(rules, one)
		}
	})
	return rules, errors.Join(errs...)
}

// eachLine joins lines that a backslash continues and leaves out comments.
func eachLine(text string, line func(n int, text string)) {
	rule, first := "", 0
	for i, l := range strings.Split(text, "\n") {
		if rule == "" {
			first = i + 1
		}
		if l, more := strings.CutSuffix(l, `\`); more {
			rule += l
			continue
		}
		rule += l
		if trimmed := strings.TrimSpace(rule); trimmed != "" && rule[0] != '#' {
			line(first, rule)
		}
		rule = ""
	}
	if strings.TrimSpace(rule) != "" {
		line(first, rule)
	}
}

// rule reads one rule; concerns says whether it is about this daemon.
func (r *reader) rule(text, daemon string, allow bool) (one rule, concerns bool, err error) {
	fields := split(text)
	if len(fields) < 2 {
		return one, false, errors.New(`a ":" is missing between daemons and clients`)
	}
	concerns, err = forDaemon(fields[0], daemon)
	if err != nil || !concerns {
		return one, concerns, err
	}
	if one.clients, err = words(fields[1], r.host); err != nil {
		return one, true, err
	}
	if len(one.clients.any) == 0 {
		return one, true, errors.New("no client is named")
	}
	one.allow, err = parseOptions(fields[2:], allow)
	return one, true, err
}

// forDaemon says whether a list of daemons has this one in it.
func forDaemon(text, daemon string) (bool, error) {
	endpoint := ""
	list, err := words(text, func(w string) (string, error) { return w, nil })
	if err != nil || len(list.any) == 0 {
		return false, errors.New("no daemon is named")
	}
	is := list.matches(func(w string) bool {
		name, _, at := strings.Cut(w, "@")
		if name == "" || !matchDaemon(name, daemon) {
			return false
		}
		if at {
			endpoint = w
		}
		return true
	})
	if endpoint != "" {
		return is, fmt.Errorf("%q: server endpoints are not supported", endpoint)
	}
	return is, nil
}

func matchDaemon(word, daemon string) bool {
	if strings.EqualFold(word, "KNOWN") { // a daemon's name always is
		return true
	}
	return parseText(word)(daemon)
}

// parseOptions reads what stands behind the clients.
func parseOptions(options []string, allow bool) (bool, error) {
	for i, o := range options {
		o = strings.TrimSpace(o)
		switch strings.ToLower(o) {
		case "allow":
			allow = true
		case "deny":
			allow = false
		default:
			return false, fmt.Errorf("%q: shell commands and options other than allow and deny are not supported", o)
		}
		if i != len(options)-1 {
			return false, fmt.Errorf("%q must be the last option", o)
		}
	}
	return allow, nil
}

// split cuts a rule at its colons, but not in brackets and not behind a backslash.
func split(text string) []string {
	var fields []string
	var b strings.Builder
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == ':':
			b.WriteByte(':')
			i++
			continue
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case c == ':' && depth == 0:
			fields = append(fields, b.String())
			b.Reset()
			continue
		}
		b.WriteByte(text[i])
	}
	return append(fields, b.String())
}
