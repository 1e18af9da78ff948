package room_test

import (
	"fmt"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/room"
)

func TestNewFindsAllProblems(t *testing.T) {
	node := func(name string, needs ...string) room.DraftNode {
		return room.DraftNode{Name: name, Needs: needs}
	}
	for _, tt := range []struct {
		name  string
		draft room.Draft
		want  []string
	}{
		{"names", room.Draft{Nodes: []room.DraftNode{node(""), node("a b"), node("c"), node("c")}}, []string{
			"bad-name node : has an empty name", "bad-name node a b: a name holds no blanks or commas", "duplicate node c: is defined twice",
		}},
		{"unseen characters", room.Draft{
			Name: "r\u202em", Nodes: []room.DraftNode{node("a\u202eb"), node("a\u009bb"), node("a\x00"), node("a\u200b"), node("zürich"), node("z\xfcrich"), node("\x9b")},
			Devices: []room.DraftDevice{{Device: room.Device{Name: "p\x1b[2J"}}},
			Groups:  []room.DraftGroup{{Name: "g\x7f"}}, Aliases: []room.DraftGroup{{Name: "x\ufeff", Members: []string{"zürich"}}},
			Feeds: []room.Feed{{Name: "f\n"}}, Credentials: []room.Credential{{Name: "c\u2066"}},
		}, []string{
			"bad-name a name holds no control or format characters",
			"bad-name node a?b: a name holds no control or format characters", "bad-name node a?b: a name holds no control or format characters",
			"bad-name node a?: a name holds no control or format characters", "bad-name node a?: a name holds no control or format characters",
			"bad-name device p?[2J: a name holds no control or format characters", "bad-name feed f?: a name holds no control or format characters",
			"bad-name credential c?: a name holds no control or format characters", "bad-name alias x?: a name holds no control or format characters",
			"bad-name group g?: a name holds no control or format characters",
		}},
		{"no hint is the name itself", room.Draft{Nodes: []room.DraftNode{node("web1")}, Aliases: []room.DraftGroup{{Name: "alone", Members: []string{"alone"}}}}, []string{
			`unknown alias alone: there is no node "alone"`,
		}},
		{"cycles", room.Draft{Nodes: []room.DraftNode{node("a", "b"), node("b", "c", "a"), node("c", "a"), node("d", "d"), node("e", "a")}}, []string{
			"cycle node d: needs itself: d → d", "cycle node a: needs itself: a → b → a", "cycle node c: needs itself: c → a → b → c",
		}},
		{"a group that needs itself", room.Draft{Nodes: []room.DraftNode{{Name: "a", Needs: []string{"@g"}, Groups: []string{"g"}}}}, []string{
			"cycle node a: needs itself: a → a",
		}},
		{"groups in groups", room.Draft{Nodes: []room.DraftNode{node("a")}, Groups: []room.DraftGroup{
			{Name: "x", Members: []string{"@y"}},
			{Name: "y", Members: []string{"a", "@z", "b"}},
			{Name: "z", Members: []string{"@x", "@nope", "-c"}},
			{Name: "all"},
		}}, []string{
			"bad-name group all: the name is taken: @all is always every node", "cycle group x: is part of itself: @x → @y → @z → @x",
			`unknown group z: there is no group "@nope"`, `unknown group z: there is no node "c"`, `unknown group y: there is no node "b"`,
		}},
		{"plugs", room.Draft{
			Nodes: []room.DraftNode{
				{Name: "a", Cords: []room.DraftCord{{Device: "p", Plug: "1"}, {Device: "p", Plug: "1"}}},
				{Name: "b", Cords: []room.DraftCord{{Device: "p"}, {Device: "p"}, {Device: "q", Plug: "3"}}},
				{Name: "c", Cords: []room.DraftCord{{Device: "p", Plug: "9"}}},
			},
			Devices: []room.DraftDevice{{Device: room.Device{Name: "p", Feed: "f", Credential: "x"}, Fixed: []string{"1", "2"}}},
		}, []string{
			`unknown device p: there is no feed "f"`, `unknown device p: there is no credential "x"`,
			"taken node a: plug 1 of device p is taken already by another cord of this node",
			`unknown node b: there is no device "q"`, `unknown node c: there is no plug "9" on device p; it has [1-2]`,
			"taken node b: device p has no free plug left; it has 2",
		}},
		{"feeds", room.Draft{Feeds: []room.Feed{{Name: "a", From: "b"}, {Name: "b", From: "c"}, {Name: "c", From: "b"}, {Name: "c"}}}, []string{
			"duplicate feed c: is defined twice", "cycle feed b: feeds itself: b → c → b",
		}},
		{"aliases", room.Draft{Nodes: []room.DraftNode{node("web1")}, Aliases: []room.DraftGroup{
			{Name: "web1", Members: []string{"web1"}}, {Name: "x"}, {Name: "y", Members: []string{"wbe1"}},
		}, Groups: []room.DraftGroup{{Name: "x"}}}, []string{
			"duplicate alias web1: a node has this name", "empty alias x: names no node", `unknown alias y: there is no node "wbe1"; did you mean web1?`,
			"duplicate group x: an alias has this name",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, problems := room.New(tt.draft)
			var got []string
			for _, p := range problems {
				got = append(got, string(p.Code)+" "+p.String())
			}
			if r != nil || strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestRoomIsLinkedBothWays(t *testing.T) {
	r := mustRoom(t, draft())
	db1, _ := r.Node("db1")
	nas, _ := r.Node("nas1")
	if got := r.Fold(r.NeededBy(db1)); got != "web[1-40]" {
		t.Errorf("db1 is needed by %s", got)
	}
	if got := r.Fold(r.NeededBy(nas)); got != "db1" {
		t.Errorf("nas1 is needed by %s", got)
	}
	if got := fmt.Sprint(r.PlugsOf(db1)); got != fmt.Sprintf("[{b %d} {db1 %d}]", db1, db1) {
		t.Errorf("db1 hangs on %s", got)
	}
	for _, d := range r.Devices {
		for i, p := range d.Plugs {
			if p.Node == room.None {
				continue
			}
			found := false
			for _, c := range r.Nodes[p.Node].Cords {
				found = found || r.Devices[c.Device].Name == d.Name && int(c.Plug) == i
			}
			if !found {
				t.Errorf("plug %s of %s has a node without that cord", p.Name, d.Name)
			}
		}
	}
	if names := r.Names(r.Sorted()); names[0] != "db1" || names[3] != "web1" || names[12] != "web10" {
		t.Errorf("sorted: %v", names)
	}
}

func TestNewestFirstTurnsPlugsAndCords(t *testing.T) {
	d := draft()
	d.Devices[0].NewestFirst = true
	r := mustRoom(t, d)
	id, _ := r.Device("pdu1")
	web1, _ := r.Node("web1")
	if r.Devices[id].Plugs[0].Name != "40" || r.PlugsOf(web1)[0].Name != "1" {
		t.Errorf("first plug %s, web1 on %v", r.Devices[id].Plugs[0].Name, r.PlugsOf(web1))
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var d room.Draft
	for i := range 100_000 {
		d.Nodes = append(d.Nodes, room.DraftNode{Name: fmt.Sprintf("n%d", i), Needs: []string{fmt.Sprintf("m%d", i)}, Cords: []room.DraftCord{{Device: "p"}}})
	}
	_, problems := room.New(d)
	if len(problems) != 1000 || problems[999].Code != room.TooMuch {
		t.Errorf("%d problems, the last %v", len(problems), problems[len(problems)-1])
	}
}

// A chain as long as the room must not run out of stack, nor must a loop of it
// give an endless message.
func TestLongChains(t *testing.T) {
	const n = 200_000
	var d room.Draft
	for i := range n {
		d.Nodes = append(d.Nodes, room.DraftNode{Name: fmt.Sprintf("n%d", i), Needs: []string{fmt.Sprintf("n%d", (i+1)%n)}})
	}
	_, problems := room.New(d)
	if len(problems) != 1 || len(problems[0].Msg) > 2000 || !strings.HasPrefix(problems[0].Msg, "needs itself: n0 → n1 → ") {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
	d.Nodes[n-1].Needs = nil
	mustRoom(t, d)
}

func large() room.Draft {
	var d room.Draft
	needs := []string{"r0n0"}
	for i := range 100_000 {
		d.Nodes = append(d.Nodes, room.DraftNode{
			Name: fmt.Sprintf("r%dn%d", i/50, i%50), Needs: needs, Groups: []string{fmt.Sprintf("rack%d", i/50)},
			Cords: []room.DraftCord{{Device: fmt.Sprintf("p%d", i/16)}},
		})
	}
	d.Nodes[0].Needs = nil
	for i := range 6250 {
		d.Devices = append(d.Devices, room.DraftDevice{Device: room.Device{Name: fmt.Sprintf("p%d", i)}})
	}
	return d
}

func BenchmarkNew100k(b *testing.B) {
	d := large()
	for b.Loop() {
		if _, problems := room.New(d); problems != nil {
			b.Fatal(problems)
		}
	}
}

func BenchmarkResolve100k(b *testing.B) {
	r := mustRoom(b, large())
	for _, expr := range []string{"r7n3", "r[0-1999]n7", "@all,-@rack7", "r1000n[1-40],-r1000n7"} {
		b.Run(expr, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Resolve(expr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("unknown", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.Resolve("r7m3"); err == nil {
				b.Fatal("found")
			}
		}
	})
}

func BenchmarkSorted100k(b *testing.B) {
	r := mustRoom(b, large())
	for b.Loop() {
		r.Sort(r.All())
	}
}
