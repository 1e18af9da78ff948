package rehearse

import (
	"bytes"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"millwright.dev/millwright/internal/room"
)

// Where the copy looks for UPSes, and where it sends samples: to nobody. The room's own
// daemon of NUT would count the copy among those who hang on the UPS, and what was
// measured of machines that do not exist belongs to no history.
const noReceiver = "http://" + nowhere + "/"

// cutOff replaces the addresses of a room file's UPSes and of the receiver of its samples.
func cutOff(name string, text []byte) ([]byte, error) {
	for _, head := range []string{"ups", "samples"} {
		from, to := section(text, head+":")
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
			for key, entry := range fields(under(doc.Body, head)) {
				is, to := under(entry, "address"), nowhere
				if head == "samples" {
					is, to = under(entry, "url"), noReceiver
				}
				address, ok := is.(ast.ScalarNode)
				if !ok {
					continue
				}
				e, err := scalar(part, address)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %s: %w", name, head, key, err)
				}
				e.text = `"` + to + `"`
				edits = append(edits, e.behind(from))
			}
		}
		text = apply(text, edits)
	}
	return text, nil
}

// isCutOff looks whether the copy reaches none of them.
func isCutOff(r *room.Room) error {
	for i := range r.UPSes {
		if r.UPSes[i].Address != nowhere {
			return fmt.Errorf("the copy would reach the UPS %s itself, so it must not be used", r.UPSes[i].Name)
		}
	}
	if at := r.Settings.Samples.Send.URL; at != "" && at != noReceiver {
		return fmt.Errorf("the copy would send samples to %s, so it must not be used", at)
	}
	return nil
}
