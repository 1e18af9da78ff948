package mib

import (
	"strconv"
	"strings"
)

// module is one MIB module, as far as we look.
type module struct {
	name    string
	imports map[string]string // name: module
	nodes   map[string]node
}

// node is an assignment: what it hangs under, and its numbers there.
type node struct {
	fixed  OID // of well-known names
	parent string
	subs   OID
}

// moduleNames gives the modules that a file defines.
func moduleNames(text string) []string {
	var names []string
	for {
		before, after, found := strings.Cut(text, "DEFINITIONS")
		if !found {
			return names
		}
		words := strings.Fields(before[max(0, len(before)-512):])
		if len(words) > 0 && strings.HasPrefix(strings.TrimLeft(after, " \t\r\n"), "::=") {
			if name := words[len(words)-1]; isName(name) {
				names = append(names, name)
			}
		}
		text = after
	}
}

func isName(s string) bool {
	for i := range len(s) {
		if !letter(s[i]) && (i == 0 || !inName(s[i])) {
			return false
		}
	}
	return s != ""
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func inName(c byte) bool { return letter(c) || c >= '0' && c <= '9' || c == '-' || c == '_' }

// scanner cuts a module's text into words. Comments and quoted text are none.
type scanner struct{ rest string }

// next gives a name or number, "::=", or one other character; "" is the end.
func (s *scanner) next() string {
	for {
		s.rest = strings.TrimLeft(s.rest, " \t\r\n\f\v")
		switch {
		case s.rest == "":
			return ""
		case strings.HasPrefix(s.rest, "--"):
			end := strings.IndexByte(s.rest, '\n')
			if end < 0 {
				end = len(s.rest)
			}
			if close := strings.Index(s.rest[2:end], "--"); close >= 0 {
				end = close + 4
			}
			s.rest = s.rest[end:]
		case s.rest[0] == '"':
			_, s.rest, _ = strings.Cut(s.rest[1:], `"`)
		case strings.HasPrefix(s.rest, "::="):
			return s.take(3)
		case inName(s.rest[0]):
			n := 1
			for n < len(s.rest) && inName(s.rest[n]) && !strings.HasPrefix(s.rest[n:], "--") {
				n++
			}
			return s.take(n)
		default:
			return s.take(1)
		}
	}
}

func (s *scanner) take(n int) (word string) {
	word, s.rest = s.rest[:n], s.rest[n:]
	return word
}

// parse reads all modules of a file.
func parse(text string) []*module {
	s := &scanner{text}
	var modules []*module
	last := ""
	for w := s.next(); w != ""; w = s.next() {
		switch {
		case w == "{": // the module's own identifier
			for w != "}" && w != "" {
				w = s.next()
			}
		case w == "DEFINITIONS" && isName(last):
			m := &module{name: last, imports: map[string]string{}, nodes: map[string]node{}}
			m.parse(s)
			modules = append(modules, m)
		default:
			last = w
		}
	}
	return modules
}

// parse reads a module up to its end.
func (m *module) parse(s *scanner) {
	last := ""
	for w := s.next(); w != "" && w != "END"; w = s.next() {
		switch w {
		case "IMPORTS":
			m.parseImports(s)
		case "MACRO":
			for w != "END" && w != "" {
				w = s.next()
			}
		case "OBJECT":
			if s.next() != "IDENTIFIER" {
				break
			}
			if ahead := *s; ahead.next() == "::=" { // else it is a type
				m.assign(s, last)
			}
		case "OBJECT-TYPE", "MODULE-IDENTITY", "OBJECT-IDENTITY", "NOTIFICATION-TYPE", "OBJECT-GROUP", "NOTIFICATION-GROUP", "MODULE-COMPLIANCE", "AGENT-CAPABILITIES":
			m.assign(s, last)
		}
		last = w
	}
}

// parseImports reads "a, b FROM M c FROM N;".
func (m *module) parseImports(s *scanner) {
	var names []string
	for w := s.next(); w != "" && w != ";"; w = s.next() {
		switch {
		case w == "FROM":
			from := s.next()
			for _, n := range names {
				m.imports[n] = from
			}
			names = nil
		case isName(w):
			names = append(names, w)
		}
	}
}

// assign reads on to the "::= { parent 3 }" of a name. Where something else comes
// first the name is passed over.
func (m *module) assign(s *scanner, name string) {
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return
	}
	before := *s
	for w := s.next(); w != "::="; w = s.next() {
		if w == "" || w == "END" {
			*s = before
			return
		}
	}
	if s.next() != "{" {
		return
	}
	n, ok := node{}, true
	for w := s.next(); w != "}" && w != ""; w = s.next() {
		switch v, err := strconv.ParseUint(w, 10, 32); {
		case err == nil && len(n.subs) < maxDepth:
			n.subs = append(n.subs, uint32(v))
		case w == "(":
		case w == ")":
		case isName(w) && n.parent == "" && len(n.subs) == 0:
			n.parent = w
		case isName(w): // "name(3)": the number follows
		default:
			ok = false
		}
	}
	if ok && len(n.subs) > 0 {
		m.nodes[name] = n
	}
}
