package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// site is a room with the states of its nodes.
type site struct {
	*room.Room
	states map[room.NodeID]room.State
	held   map[string]string
}

// newSite reads lines such as "web1 on 30s: db1 db2": a name, then its state or
// "cordless", then its settle time, then what it needs.
func newSite(t testing.TB, text string) *site {
	t.Helper()
	s := &site{states: make(map[room.NodeID]room.State)}
	r, problems := room.New(draftOf(t, text, s.states))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s.Room = r
	return s
}

func draftOf(t testing.TB, text string, states map[room.NodeID]room.State) room.Draft {
	t.Helper()
	draft := room.Draft{Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
	for line := range strings.Lines(text) {
		left, needs, _ := strings.Cut(line, ":")
		words := strings.Fields(left)
		if len(words) == 0 {
			continue
		}
		n := room.DraftNode{Name: words[0], Needs: strings.Fields(needs), Cords: []room.DraftCord{{Device: "pdu"}}}
		for _, word := range words[1:] {
			var state room.State
			if settle, err := time.ParseDuration(word); err == nil {
				n.Settle = settle
			} else if word == "cordless" {
				n.Cords = nil
			} else if _ = state.UnmarshalText([]byte(word)); state.String() != word {
				t.Fatalf("what is %q?", word)
			}
			if state != room.StateUnknown {
				states[room.NodeID(len(draft.Nodes))] = state
			}
		}
		draft.Nodes = append(draft.Nodes, n)
	}
	return draft
}

func (s *site) build(t failer, goal plan.Goal, targets string) plan.Plan {
	t.Helper()
	var ids []room.NodeID
	for _, name := range strings.Fields(targets) {
		id, found := s.Node(name)
		if !found {
			t.Fatalf("no node %s", name)
		}
		ids = append(ids, id)
	}
	p, err := plan.Build(s.Room, func(id room.NodeID) room.State { return s.states[id] }, plan.Order{Goal: goal, Targets: ids}, plan.Policy{
		Held: func(id room.NodeID) (plan.Hold, bool) {
			reason, held := s.held[s.Nodes[id].Name]
			return plan.Hold{Reason: reason, Doubtful: true}, held
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plan is build, to be used in place.
func (s *site) plan(t failer, goal plan.Goal, targets string) *plan.Plan {
	t.Helper()
	p := s.build(t, goal, targets)
	return &p
}

func TestText(t *testing.T) {
	const shop = `
		sw1 on
		db1 off 30s: sw1
		db2 off 30s: sw1
		web1 off: db1 db2
		web2 degraded: db1 db2
		web3 on: db1
		shop cordless 5s: web1 web2
		till off: shop
		lone unknown 9s
	`
	tests := []struct {
		name    string
		site    string
		held    map[string]string
		goal    plan.Goal
		targets string
		want    string
	}{
		{"shared needs come once", shop, nil, plan.Up, "web1 web2 web1", `
up: 4 to switch in 2 layers, 2 of them not asked for but needed, 1 skipped
layer 1
  on    db[1-2]  needed by web1
  settle 30s     db[1-2]
layer 2
  on    web1
  on    web2     on, but not through all its cords
skipped
  sw1            on already
`},
		{"a service passes when its needs are up", shop, nil, plan.Up, "till", `
up: 5 to switch in 4 layers, 4 of them not asked for but needed, 1 skipped
layer 1
  on    db[1-2]  needed by web1
  settle 30s     db[1-2]
layer 2
  on    web1     needed by shop
  on    web2     on, but not through all its cords; needed by shop
layer 3
  pass  shop     needed by till
  settle 5s      shop
layer 4
  on    till
skipped
  sw1            on already
`},
		{"what is on keeps its place while its needs are not", shop + "\nshell off: web3", nil, plan.Up, "shell", `
up: 2 to switch in 3 layers, 1 of them not asked for but needed, 1 skipped
layer 1
  on    db1   needed by web3
  settle 30s  db1
layer 2
  pass  web3  on already; needed by shell
layer 3
  on    shell
skipped
  sw1         on already
`},
		{"but not when nobody waits for it", shop, nil, plan.Up, "web3", `
up: 1 to switch in 1 layer, 1 of them not asked for but needed, 2 skipped
layer 1
  on    db1  needed by web3
skipped
  sw1,web3   on already
`},
		{"unknown is not up, and nobody waits for it to settle", shop, nil, plan.Up, "lone", `
up: 1 to switch in 1 layer
layer 1
  on    lone
`},
		{"nothing to do", shop, nil, plan.Up, "sw1", `
up: nothing to switch, 1 skipped
skipped
  sw1  on already
`},
		{"down drags along what is not off", shop, nil, plan.Down, "db1", `
down: 2 to switch in 2 layers, 2 of them dragged along, 3 skipped
layer 1
  off   web3     dragged along: needs db1
  pass  shop     dragged along: needs web1
layer 2
  off   web2     dragged along: needs db1
skipped
  db1,till,web1  off already
`},
		{"a held node blocks what needs it", shop, map[string]string{"db2": "its reset was cut off"}, plan.Up, "web1 web2 web3 till", `
up: 1 to switch in 1 layer, 1 of them not asked for but needed, 2 skipped, 5 blocked
layer 1
  on    db1               needed by web1
skipped
  sw1,web3                on already
blocked
  db2,shop,till,web[1-2]  because db2 is held: its reset was cut off
`},
		{"going down a held node is switched off whatever it reads", shop, map[string]string{"till": "x"}, plan.Down, "shop", `
down: 1 to switch in 2 layers, 1 of them dragged along
layer 1
  off   till  dragged along: needs shop
layer 2
  pass  shop
`},
		{"what is at its goal is not blocked, what needs it is", "a on\nb on: a\nc off: b", map[string]string{"a": "x"}, plan.Up, "c b", `
up: nothing to switch, 1 skipped, 2 blocked
skipped
  b    on already
blocked
  a,c  because a is held: x
`},
		{"a group of what is up", "a on\ng cordless: a\n", nil, plan.Up, "g", `
up: nothing to switch, 2 skipped
skipped
  a  on already
  g  has no cords, and nothing to wait for
`},
		{"a diamond", "a off\nb off: a\nc off: a\nd off: b c\n", nil, plan.Up, "d", `
up: 4 to switch in 3 layers, 3 of them not asked for but needed
layer 1
  on    a    needed by b
layer 2
  on    b,c  needed by d
layer 3
  on    d
`},
		{"a diamond going down", "a on\nb on: a\nc on: a\nd on: b c\n", nil, plan.Down, "a", `
down: 4 to switch in 3 layers, 3 of them dragged along
layer 1
  off   d    dragged along: needs b
layer 2
  off   b,c  dragged along: needs a
layer 3
  off   a
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, tt.site)
			s.held = tt.held
			got := s.plan(t, tt.goal, tt.targets).Text(s.Room)
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestView(t *testing.T) {
	s := newSite(t, "db off 1500ms\nweb off: db\nheld off\nsw on")
	s.held = map[string]string{"held": "its cycle was cut off"}
	data, err := json.MarshalIndent(s.plan(t, plan.Up, "web held sw").View(s.Room), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	_ = json.Unmarshal(data, &got)
	_ = json.Unmarshal([]byte(`{
		"goal": "up", "asked": "held,sw,web",
		"summary": "up: 2 to switch in 2 layers, 1 of them not asked for but needed, 1 skipped, 1 blocked",
		"totals": {"layers": 2, "switched": 2, "passing": 0, "dragged": 1, "skipped": 1, "blocked": 1},
		"steps": [
			{"node": "db", "do": "up", "acts": "cords on", "state": "off", "why": "needed by web", "settle_seconds": 1.5, "layer": 1},
			{"node": "web", "do": "up", "acts": "cords on", "state": "off", "why": "asked", "layer": 2, "after": [0]}
		],
		"over": [],
		"skipped": [{"node": "sw", "state": "on", "why": "asked"}],
		"blocked": [{"node": "held", "by": "held", "reason": "is held: its cycle was cut off", "why": "asked"}]
	}`), &want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBuildRefuses(t *testing.T) {
	s := newSite(t, "a off")
	for name, call := range map[string]func() error{
		"no goal": func() error { _, err := plan.Build(s.Room, nil, plan.Order{}, plan.Policy{}); return err },
		"no such node": func() error {
			_, err := plan.Build(s.Room, nil, plan.Order{Goal: plan.Up, Targets: []room.NodeID{1}}, plan.Policy{})
			return err
		},
		"none": func() error {
			_, err := plan.Build(s.Room, nil, plan.Order{Goal: plan.Up, Targets: []room.NodeID{room.None}}, plan.Policy{})
			return err
		},
	} {
		if err := call(); room.CodeOf(err) != room.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failer is what build needs of a test.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}
