package room_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
)

// draft gives web1…web40, db1, db2 and storage on three devices.
func draft() room.Draft {
	d := room.Draft{Name: "lab"}
	for i := 1; i <= 40; i++ {
		d.Nodes = append(d.Nodes, room.DraftNode{
			Name:   fmt.Sprintf("web%d", i),
			Cords:  []room.DraftCord{{Device: "pdu1", Plug: fmt.Sprint(i)}},
			Needs:  []string{"db1"},
			Groups: []string{"web"},
		})
	}
	d.Nodes = append(d.Nodes,
		room.DraftNode{Name: "db1", Cords: []room.DraftCord{{Device: "pdu2"}, {Device: "pdu3"}}, Needs: []string{"@storage"}},
		room.DraftNode{Name: "db2", Cords: []room.DraftCord{{Device: "pdu2", Plug: "a"}}},
		room.DraftNode{Name: "nas1", Groups: []string{"storage"}},
	)
	d.Devices = []room.DraftDevice{
		{Device: room.Device{Name: "pdu1"}},
		{Device: room.Device{Name: "pdu2"}, Fixed: []string{"a", "b"}},
		{Device: room.Device{Name: "pdu3"}},
	}
	d.Groups = []room.DraftGroup{{Name: "compute", Members: []string{"@web", "-web7", "db2"}}}
	d.Aliases = []room.DraftGroup{
		{Name: "frontend", Members: []string{"web1"}},
		{Name: "pair", Members: []string{"db1", "db2", "db1"}},
	}
	return d
}

func mustRoom(t testing.TB, d room.Draft) *room.Room {
	t.Helper()
	r, problems := room.New(d)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	return r
}

func TestResolve(t *testing.T) {
	r := mustRoom(t, draft())
	for _, tt := range []struct{ expr, want string }{
		{"web1", "web1"},
		{"web[1-3],db1", "web1 web2 web3 db1"},
		{"  web2\tweb1 ,, web2 ", "web2 web1"},
		{"frontend", "frontend"},
		{"frontend,web1", "frontend"},
		{"web1,frontend", "web1"},
		{"db2 frontend web2", "db2 frontend web2"},
		{"pair", "db1 db2"},
		{"@storage", "nas1"},
		{"-web[4-40],@web", "web1 web2 web3"},
		{"@all,-@web", "db1 db2 nas1"},
		{"@web -web[1-39]", "web40"},
		{"frontend,web2,-web2", "frontend"},
		{"web[1-2],-frontend", "web2"},
		{"@compute,-web[1-38]", "web39 web40 db2"},
		{"@[storage]", "! invalid \"@[storage]\" (at character 3): invalid range"},
		{"web[1-3", "! invalid"},
		{"-", "! invalid \"-\" (at character 1): a name is missing"},
		{"web1,@", "! invalid \"@\" (at character 6)"},
		{"", "! invalid no node is named"},
		{" , ", "! invalid no node is named"},
		{"-web7", "! invalid \"-web7\" (at character 1): there is nothing to leave these out of"},
		{"web7,-web7", "! invalid \"web7,-web7\" (at character 1): no node is left"},
		{"n[0-9999999]", "! invalid"},
		{"web1,web41", "! not-found no such node: web41; did you mean web1 or web4 or web11?"},
		{"web1,-wbe2", "! not-found no such node: wbe2; did you mean web2?"},
		{"web01", "! not-found no such node: web01; did you mean web1?"},
		{"x3,x[1-2]", "! not-found no such node: x[1-3]"},
		{"@comput", "! not-found no such group: @comput; did you mean @compute?"},
		{"compute", "! not-found no such node: compute; did you mean @compute?"},
		{"@web1", "! not-found no such group: @web1; did you mean web1"},
	} {
		got := show(r)(r.Resolve(tt.expr))
		if got != tt.want && (tt.want[0] != '!' || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("Resolve(%q)\n got %s\nwant %s", tt.expr, got, tt.want)
		}
	}
}

func show(r *room.Room) func(room.Targets, error) string {
	return func(targets room.Targets, err error) string {
		if err != nil {
			var e *room.Error
			if !errors.As(err, &e) {
				return "not a *room.Error: " + err.Error()
			}
			return fmt.Sprintf("! %s %s", e.Code, strings.TrimPrefix(e.Error(), "read targets: "))
		}
		var names []string
		for i := range targets.Nodes {
			names = append(names, targets.Name(r, i))
		}
		return strings.Join(names, " ")
	}
}

func TestResolveKeepsNoNamesWhereThereIsNoAlias(t *testing.T) {
	r := mustRoom(t, draft())
	targets, err := r.Resolve("@all,pair")
	if err != nil || targets.Names != nil {
		t.Errorf("got names %v, error %v", targets.Names, err)
	}
}

func TestResolvePowerMan(t *testing.T) {
	r := mustRoom(t, draft())
	for _, tt := range []struct{ expr, want string }{
		{"web[2-3]", "web2 web3"},
		{"pair,web1", "web1 db1 db2 db1"},
		{"web1,web1", "web1 web1"},
		{"frontend", "web1"},
		{"@web", "! not-found"},
		{"web[2-1]", "! invalid"},
		{"web[1-", "! invalid"},
	} {
		got := show(r)(r.ResolvePowerMan(tt.expr))
		if got != tt.want && (tt.want[0] != '!' || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("ResolvePowerMan(%q)\n got %s\nwant %s", tt.expr, got, tt.want)
		}
	}
}

func TestPowerManListsOnlyTheUnknownInOrder(t *testing.T) {
	r := mustRoom(t, draft())
	_, err := r.ResolvePowerMan("y2,web1,y1,pair")
	var none *room.NoSuch
	if !errors.As(err, &none) || !slices.Equal(none.Names, []string{"y2", "y1"}) {
		t.Errorf("got %v", err)
	}
	_, err = r.ResolvePowerMan("web[2-1]")
	var syntax *hostlist.SyntaxError
	if !errors.As(err, &syntax) || room.CodeOf(err) != room.CodeInvalid {
		t.Errorf("got %v", err)
	}
}

func FuzzResolve(f *testing.F) {
	r, _ := room.New(draft())
	for _, seed := range []string{"web[1-40],-web7", "@all,-@web", "frontend,pair", "web[1-3", "-", "@", "@[", "web[1-9999999]", "a[1]b[2],-c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		targets, err := r.Resolve(expr)
		if err != nil {
			var e *room.Error
			if !errors.As(err, &e) || (e.Code != room.CodeInvalid && e.Code != room.CodeNotFound) || len(e.Error()) > 2000 {
				t.Fatalf("bad error for %q: %v", expr, err)
			}
			return
		}
		if len(targets.Nodes) == 0 || targets.Names != nil && len(targets.Names) != len(targets.Nodes) {
			t.Fatalf("%q: %v", expr, targets)
		}
		seen := map[room.NodeID]bool{}
		for _, id := range targets.Nodes {
			if seen[id] {
				t.Fatalf("%q: node %d twice", expr, id)
			}
			seen[id] = true
		}
		// What is printed of it reads back as the same nodes.
		again, err := r.Resolve(r.Fold(targets.Nodes))
		if err != nil || len(again.Nodes) != len(targets.Nodes) {
			t.Fatalf("%q folded does not read back: %v", expr, err)
		}
	})
}

// What is said of names that are not there is short, however long they are; the
// cause has all of them.
func TestNoSuchIsShort(t *testing.T) {
	r, problems := room.New(room.Draft{Nodes: []room.DraftNode{{Name: "a"}}})
	if problems != nil {
		t.Fatal(problems)
	}
	long := "a" + strings.Repeat("é", 1<<20)
	for _, resolve := range []func(string) (room.Targets, error){r.Resolve, r.ResolvePowerMan} {
		_, err := resolve(long)
		var none *room.NoSuch
		if !errors.As(err, &none) || len(none.Names) != 1 || none.Names[0] != long {
			t.Fatalf("%.200v", err)
		}
		if said := err.Error(); len(said) > 600 || !strings.HasSuffix(said, "…") || !utf8.ValidString(said) {
			t.Errorf("%d bytes, %.600q", len(said), said)
		}
	}
}
