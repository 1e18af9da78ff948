package rehearse

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/transport"
)

// hostport gives host and port of an address of TCP, "" of another.
func hostport(address string) string {
	a, err := transport.ParseURL(address)
	if err != nil || a.Scheme != transport.TCP && a.Scheme != transport.Telnet {
		return ""
	}
	return a.HostPort()
}

// target is what a device of the room becomes in the copy.
type target struct {
	address string
	scheme  string // of the address; "" as the one it had
	spec    string // of its stand-in; else ""
}

// edit is a piece of text to be replaced.
type edit struct {
	from, to int
	text     string
}

// behind moves an edit of a part to the whole text.
func (e edit) behind(from int) edit { return edit{e.from + from, e.to + from, e.text} }

func apply(text []byte, edits []edit) []byte {
	sort.Slice(edits, func(i, j int) bool { return edits[i].from < edits[j].from })
	var out []byte
	last := 0
	for _, e := range edits {
		out = append(append(out, text[last:e.from]...), e.text...)
		last = e.to
	}
	return append(out, text[last:]...)
}

func looksLikeYAML(text []byte) bool {
	from, to := devicesPart(text)
	return from < to
}

// devicesPart finds the lines of a room file's devices, which alone are parsed:
// a room can have very many nodes.
func devicesPart(text []byte) (from, to int) { return section(text, "devices:") }

// section finds the lines of a section of a room file, its head included.
func section(text []byte, head string) (from, to int) {
	at, found := 0, -1
	for line := range bytes.Lines(text) {
		top := !bytes.ContainsAny(line[:1], " \t\r\n#")
		switch {
		case found >= 0 && top:
			return found, at
		case bytes.HasPrefix(line, []byte(head)):
			found = at
		}
		at += len(line)
	}
	if found < 0 {
		return 0, 0
	}
	return found, len(text)
}

// readdressYAML replaces the addresses in a room file's devices. A range of
// devices gets a range of ports, which is walked along with the names.
func readdressYAML(name string, text []byte, at map[string]target) ([]byte, error) {
	from, to := devicesPart(text)
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		from, to = 0, len(text)
	}
	part := text[from:to]
	tree, err := parser.ParseBytes(part, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var edits []edit
	for _, doc := range tree.Docs {
		for key, entry := range fields(under(doc.Body, "devices")) {
			devices, err := hostlist.Expand(key)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, key, err)
			}
			settings := under(entry, "settings")
			if address, ok := under(settings, "address").(ast.ScalarNode); ok {
				e, err := scalar(part, address)
				if err != nil {
					return nil, fmt.Errorf("%s: the address of %s: %w", name, key, err)
				}
				e.text = `"` + newAddress(address.GetToken().Value, devices, at) + `"`
				edits = append(edits, e.behind(from))
			}
			if spec, ok := under(settings, "spec").(ast.ScalarNode); ok {
				as, err := newSpec(devices, at)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", name, key, err)
				}
				if e, err := scalar(part, spec); err == nil && as != "" {
					e.text = `"` + as + `"`
					edits = append(edits, e.behind(from))
				}
			}
		}
	}
	return apply(text, edits), nil
}

// fields walks the keys and values of a mapping.
func fields(n ast.Node) func(func(string, ast.Node) bool) {
	return func(yield func(string, ast.Node) bool) {
		var pairs []*ast.MappingValueNode
		switch n := n.(type) {
		case *ast.MappingNode:
			pairs = n.Values
		case *ast.MappingValueNode:
			pairs = []*ast.MappingValueNode{n}
		}
		for _, p := range pairs {
			if !yield(p.Key.GetToken().Value, p.Value) {
				return
			}
		}
	}
}

// under gives the value of a key, nil if there is none.
func under(n ast.Node, key string) ast.Node {
	for k, v := range fields(n) {
		if k == key {
			return v
		}
	}
	return nil
}

// scalar finds the bytes of a scalar, its quotes with it.
func scalar(text []byte, n ast.ScalarNode) (edit, error) {
	pos := n.GetToken().Position
	at := 0
	for range pos.Line - 1 {
		at += bytes.IndexByte(text[at:], '\n') + 1
	}
	for range pos.Column - 1 {
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	rest := text[at:]
	if quote := rest[0]; quote == '"' || quote == '\'' {
		for i := 1; i < len(rest); i++ {
			switch {
			case rest[i] == '\\' && quote == '"':
				i++
			case rest[i] == quote:
				return edit{from: at, to: at + i + 1}, nil
			}
		}
	}
	if value := n.GetToken().Value; bytes.HasPrefix(rest, []byte(value)) {
		return edit{from: at, to: at + len(value)}, nil
	}
	return edit{}, fmt.Errorf("it must stand in one line")
}

// newAddress words the address of the devices of one entry. Raw TCP stays raw;
// all else that scripts speak to is in telnet, as the simulated makes are.
func newAddress(old string, devices []string, at map[string]target) string {
	scheme := at[devices[0]].scheme
	switch {
	case scheme == bare:
	case scheme != "":
		scheme += "://"
	case strings.HasPrefix(old, "tcp:"):
		scheme = "tcp://"
	default:
		scheme = "telnet://"
	}
	scheme = strings.TrimPrefix(scheme, bare)
	var hosts, ports []string
	for _, d := range devices {
		host, port, err := net.SplitHostPort(at[d].address)
		if err != nil {
			return old
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	switch {
	case !same(hosts):
		return old // the room's own addresses
	case same(ports):
		return scheme + at[devices[0]].address
	}
	return scheme + net.JoinHostPort(hosts[0], "["+strings.Join(ports, ",")+"]")
}

func same(texts []string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return s != texts[0] })
}

// readdressPowerMan replaces the third string of each device line of a
// powerman.conf, and takes away a fourth that is for serial lines.
func readdressPowerMan(text []byte, at map[string]target) []byte {
	words := tokens(text)
	var edits []edit
	for i := 0; i+3 < len(words); i++ {
		if words[i].text != "device" || words[i].quoted || !words[i+1].quoted || !words[i+2].quoted || !words[i+3].quoted {
			continue
		}
		to, found := at[words[i+1].text]
		if !found {
			continue
		}
		address := to.address
		if to.spec != "" {
			edits = append(edits, edit{words[i+2].from, words[i+2].to, `"` + to.spec + `"`})
		}
		where := words[i+3]
		if where.text != address {
			edits = append(edits, edit{where.from, where.to, `"` + address + `"`})
		}
		overTCP := !strings.HasPrefix(where.text, "/") && !strings.Contains(where.text, "|&")
		if i+4 < len(words) && words[i+4].quoted && !overTCP {
			edits = append(edits, edit{where.to, words[i+4].to, ""})
		}
	}
	return apply(text, edits)
}

// word is a word or string of a powerman.conf.
type word struct {
	text     string
	quoted   bool
	from, to int
}

// tokens cuts a powerman.conf into words and strings, without its comments.
func tokens(text []byte) []word {
	var list []word
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '#':
			end := bytes.IndexByte(text[i:], '\n')
			if end < 0 {
				return list
			}
			i += end
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(text) {
				return list // never ends; a room like that was not read
			}
			list = append(list, word{string(text[i+1 : end]), true, i, end + 1})
			i = end + 1
		case bytes.IndexByte([]byte(" \t\r\n"), c) >= 0:
			i++
		default:
			end := i
			for end < len(text) && bytes.IndexByte([]byte(" \t\r\n\"#"), text[end]) < 0 {
				end++
			}
			list = append(list, word{string(text[i:end]), false, i, end})
			i = end
		}
	}
	return list
}
