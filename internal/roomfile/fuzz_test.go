package roomfile_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"millwright.dev/millwright/internal/roomfile"
)

// FuzzLoad holds that no room file crashes the reader or keeps it for long, and
// that what it refuses it refuses with a place and what it takes it takes again.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		full, "", "nodes: {a: }", "- a\n", "nodes:\n  a[1-3]:\n    cords: pdu[1-3]:1\n", "a: &x [*x]\n", "---\nnodes:\n\tx:\n",
		"nodes:\n  a: {needs: b}\n  b: {needs: a}\n", "groups: {a: \"@b,-@c\", b: \"@a\"}\nnodes: {x: }\n", "? a\n: b\n", "nodes:\n  \"a\n  b\": |\n    x\n",
		"devices:\n  p[1-9]: {driver: script, settings: {spec: \"[1-9]\", address: \"[[1-9]\"}}\n", "include: room.yaml\nspecifications: [\"*\"]\n",
		"nodes: {a: }\nsecrets: {file: x, identity: y, recipients: z}\nvetoes:\n  v: {exec: [x], nodes: \"@all,-a\", ops: off, timeout: 3s}\n  w: {http: \"https://h/\", bearer: \"secret:x\", pin: \"sha256:00\"}\n",
		"listen \"x:1\"\n", "node \"a\" \"b\"\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := map[string][]byte{"room": []byte(text), "specs.dev": []byte(specs)}
		res, err := roomfile.Load(context.Background(), "room", options(files))
		if err != nil {
			var problems roomfile.Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("not a list of problems: %v", err)
			}
			for _, p := range problems {
				if p.Msg == "" || p.Line < 0 || p.Col < 0 {
					t.Fatalf("%+v", p)
				}
			}
			if err := problems.Render(io.Discard, true); err != nil {
				t.Fatal(err)
			}
			return
		}
		if len(res.Room.Nodes) == 0 {
			t.Fatal("a room without nodes")
		}
		o := options(nil)
		o.Open, o.Glob = roomfile.Replay(res.Files)
		again, err := roomfile.Load(context.Background(), "room", o)
		if err != nil || again.Room.Fold(again.Room.All()) != res.Room.Fold(res.Room.All()) {
			t.Fatalf("what was read does not read again: %v", err)
		}
	})
}
