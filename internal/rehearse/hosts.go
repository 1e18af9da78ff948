package rehearse

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	soft "millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/room"
)

// A room's checks and controls reach its machines themselves, which a copy must not. The
// simulated machines answer in their place by HTTP ([sim.Room.Hosts]): each check becomes
// one of their health, and each control asks them to shut down. Those that go through the
// room's devices, or through nothing, stay as they are.

// stay are the kinds that stay.
var stay = map[string][]string{
	"checks":   {"composite", "dummy", "power", "sensor"},
	"controls": {"dummy", "soft-off"},
}

// hosts is where the machines answer, and what the room's controls are able to do.
type hosts struct {
	address string
	can     map[string]soft.Abilities
}

func (r *Rehearsal) hosts() hosts {
	h := hosts{r.hostsAt, make(map[string]soft.Abilities)}
	for i := range r.read.Room.Controls {
		c := &r.read.Room.Controls[i]
		if able, ok := c.Settings.(soft.Control); ok {
			h.can[c.Name] = able.Can()
		}
	}
	return h
}

// settings gives the settings that an entry of a section has in the copy.
func (h hosts) settings(section, name string) string {
	at := "http://" + h.address + "/{node}/"
	if section == "checks" {
		return `{url: "` + at + `health"}`
	}
	can, parts := h.can[name], []string(nil)
	if can.Off {
		parts = append(parts, `off: {url: "`+at+`shutdown"}`)
	}
	if can.On {
		parts = append(parts, `on: {url: "`+at+`start"}`)
	}
	if can.Status || len(parts) == 0 {
		parts = append(parts, `status: {url: "`+at+`state", json: "$.state", is-on: [booting, up, halting], is-off: [off, halted]}`)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// rehost leads the checks and controls of a room file to the simulated machines, and
// counts all that there are.
func rehost(name string, text []byte, h hosts) (out []byte, entries int, err error) {
	for _, head := range []string{"checks", "controls"} {
		from, to := section(text, head+":")
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			from, to = 0, len(text)
		}
		part := text[from:to]
		tree, err := parser.ParseBytes(part, 0)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", name, err)
		}
		var edits []edit
		for _, doc := range tree.Docs {
			for key, entry := range fields(under(doc.Body, head)) {
				entries++
				more, err := h.lead(part, head, key, entry)
				if err != nil {
					return nil, 0, fmt.Errorf("%s: %s: %s cannot be led to the simulated machines: %w", name, head, key, err)
				}
				for _, e := range more {
					edits = append(edits, e.behind(from))
				}
			}
		}
		text = apply(text, edits)
	}
	return text, entries, nil
}

// lead edits one entry.
func (h hosts) lead(text []byte, section, name string, entry ast.Node) ([]edit, error) {
	kind, ok := under(entry, "kind").(ast.ScalarNode)
	if !ok {
		return nil, errors.New("it must say its kind itself")
	}
	if slices.Contains(stay[section], kind.GetToken().Value) {
		return nil, nil
	}
	was, err := scalar(text, kind)
	if err != nil {
		return nil, err
	}
	is, settings := was, h.settings(section, name)
	is.text = "http"
	pair := pairUnder(entry, "settings")
	if pair != nil {
		e := extent(text, pair)
		e.text = " " + settings
		return []edit{is, e}, nil
	}
	between := ", "
	if m, ok := entry.(*ast.MappingNode); !ok || !m.IsFlowStyle {
		between = "\n" + strings.Repeat(" ", pairUnder(entry, "kind").Key.GetToken().Position.Column-1)
	}
	is.text += between + "settings: " + settings
	return []edit{is}, nil
}

// pairUnder gives the pair of a key, nil if there is none.
func pairUnder(n ast.Node, key string) *ast.MappingValueNode {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	}
	for _, p := range pairs {
		if p.Key.GetToken().Value == key {
			return p
		}
	}
	return nil
}

// extent finds the bytes of a pair's value, from behind the colon.
func extent(text []byte, p *ast.MappingValueNode) edit {
	from := offset(text, p.Key.GetToken().Position)
	from += bytes.IndexByte(text[from:], ':') + 1
	if m, ok := p.Value.(*ast.MappingNode); ok && m.IsFlowStyle {
		return edit{from: from, to: offset(text, m.End.Position) + 1}
	}
	// All lines that are indented further than the key, without what is blank behind them.
	indent := p.Key.GetToken().Position.Column - 1
	end, at := lineEnd(text, from), lineEnd(text, from)
	for at < len(text) {
		line := text[at+1 : lineEnd(text, at+1)]
		at += 1 + len(line)
		blank := len(bytes.TrimSpace(line)) == 0
		if !blank && len(line)-len(bytes.TrimLeft(line, " ")) <= indent {
			break
		}
		if !blank {
			end = at
		}
	}
	return edit{from: from, to: end}
}

// lineEnd gives where the line that at is in ends.
func lineEnd(text []byte, at int) int {
	if at >= len(text) {
		return len(text)
	}
	if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}

// offset gives the place of a token in bytes.
func offset(text []byte, pos *token.Position) int {
	at := 0
	for range pos.Line - 1 {
		at += bytes.IndexByte(text[at:], '\n') + 1
	}
	return at + len(string([]rune(string(text[at:lineEnd(text, at)]))[:pos.Column-1]))
}

// led looks whether all checks and controls of the copy lead to the simulated machines:
// doing it once more changes nothing, and none was overlooked.
func led(back *room.Room, files map[string][]byte, h hosts) error {
	entries := 0
	for name, text := range files {
		if !isRoomFile(name, text) {
			continue
		}
		again, n, err := rehost(name, text, h)
		if err != nil {
			return err
		}
		if !bytes.Equal(again, text) {
			return fmt.Errorf("the copy's %s would reach the machines of the room itself, so it must not be used", name)
		}
		entries += n
	}
	if entries != len(back.Checks)+len(back.Controls) {
		return errors.New("some checks or controls of the copy would reach the machines of the room itself, so it must not be used")
	}
	return nil
}
