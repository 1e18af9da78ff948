package rehearse

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"millwright.dev/millwright/internal/room"
)

// Where the copy's consoles are: nobody plays them, and the room's own must not be
// touched. One by SSH stays so, for its credential would be refused with any other.
const (
	noConsole    = "tcp://" + nowhere
	noSSHConsole = "ssh://" + nowhere + "?insecure=yes"
)

// hushConsoles replaces the addresses of nodes' consoles in a room file.
func hushConsoles(name string, text []byte) ([]byte, error) {
	from, to := section(text, "nodes:")
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		from, to = 0, len(text)
	}
	part := text[from:to]
	if !bytes.Contains(part, []byte("via")) {
		return text, nil
	}
	tree, err := parser.ParseBytes(part, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var edits []edit
	for _, doc := range tree.Docs {
		for key, entry := range fields(under(doc.Body, "nodes")) {
			via, ok := under(under(entry, "console"), "via").(ast.ScalarNode)
			if !ok || !room.IsAddress(via.GetToken().Value) {
				continue
			}
			e, err := scalar(part, via)
			if err != nil {
				return nil, fmt.Errorf("%s: the console of %s: %w", name, key, err)
			}
			e.text = `"` + noConsole + `"`
			if strings.HasPrefix(strings.ToLower(via.GetToken().Value), "ssh:") {
				e.text = `"` + noSSHConsole + `"`
			}
			edits = append(edits, e.behind(from))
		}
	}
	return apply(text, edits), nil
}

// hushed looks whether no console of the copy is the room's own.
func hushed(r *room.Room) error {
	for i := range r.Nodes {
		if c := r.Nodes[i].Console; c != nil && c.Via != "" && c.Via != noConsole && c.Via != noSSHConsole {
			return fmt.Errorf("the copy would reach the console of node %s itself, so it must not be used", r.Nodes[i].Name)
		}
	}
	return nil
}
