package plan_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// grown is a site whose draft is changed before it becomes a room.
func grown(t testing.TB, text string, change func(map[string]*room.DraftNode, *room.Draft)) *site {
	t.Helper()
	s := &site{states: make(map[room.NodeID]room.State)}
	draft := draftOf(t, text, s.states)
	byName := make(map[string]*room.DraftNode)
	for i := range draft.Nodes {
		byName[draft.Nodes[i].Name] = &draft.Nodes[i]
	}
	if change != nil {
		change(byName, &draft)
	}
	r, problems := room.New(draft)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s.Room = r
	return s
}

// order builds a plan for any order, with standings.
func (s *site) order(t testing.TB, o plan.Order, targets string, policy plan.Policy) *plan.Plan {
	t.Helper()
	for _, name := range strings.Fields(targets) {
		id, found := s.Node(name)
		if !found {
			t.Fatalf("no node %s", name)
		}
		o.Targets = append(o.Targets, id)
	}
	if policy.Held == nil {
		policy.Held = func(id room.NodeID) (plan.Hold, bool) {
			reason, held := s.held[s.Nodes[id].Name]
			return plan.Hold{Reason: strings.TrimPrefix(reason, "doubtful "), Doubtful: strings.HasPrefix(reason, "doubtful ")}, held
		}
	}
	p, err := plan.Build(s.Room, func(id room.NodeID) room.State { return s.states[id] }, o, policy)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

// steps writes a plan's steps as "down web; up db < web, ~sw, 1 of a b".
func steps(s *site, p *plan.Plan) string {
	var lines []string
	names := func(list []int32, lead string) (parts []string) {
		for _, n := range list {
			parts = append(parts, lead+p.Steps[n].Do.String()+" "+s.Nodes[p.Steps[n].Node].Name)
		}
		return parts
	}
	for i := range p.Steps {
		st := &p.Steps[i]
		line := st.Do.String() + " " + s.Nodes[st.Node].Name
		if st.Acts == 0 {
			line = "pass " + line
		}
		waits := append(names(st.After, ""), names(st.Soft, "~")...)
		for _, c := range st.Choices {
			waits = append(waits, string(rune('0'+c.Least))+" of "+strings.Join(names(c.Of, ""), "+"))
		}
		if len(waits) > 0 {
			line += " < " + strings.Join(waits, ", ")
		}
		lines = append(lines, line)
	}
	for _, b := range p.Blocked {
		lines = append(lines, "blocked "+s.Nodes[b.Node].Name+": "+s.Nodes[b.By].Name+" "+b.Reason)
	}
	for _, b := range p.Over {
		lines = append(lines, "over "+s.Nodes[b.Node].Name+": "+s.Nodes[b.By].Name+" "+b.Reason)
	}
	return strings.Join(lines, "\n")
}

func TestOrders(t *testing.T) {
	choice := func(least int, members ...string) func(map[string]*room.DraftNode, *room.Draft) {
		return func(n map[string]*room.DraftNode, _ *room.Draft) {
			n["x"].Choices = []room.DraftChoice{{Least: least, Members: members}}
		}
	}
	wants := func(n map[string]*room.DraftNode, _ *room.Draft) { n["x"].Wants = []string{"w"} }
	const three = "a off\nb off\nc off\nx off"
	const threeOn = "a on\nb on\nc on\nx on"
	up, down, cycle := plan.Order{Goal: plan.Up}, plan.Order{Goal: plan.Down}, plan.Order{Goal: plan.Cycle}
	only := func(o plan.Order) plan.Order { o.Only = true; return o }
	force := func(o plan.Order) plan.Order { o.Force = true; return o }
	for _, tt := range []struct {
		name    string
		site    string
		change  func(map[string]*room.DraftNode, *room.Draft)
		held    map[string]string
		order   plan.Order
		targets string
		want    string
	}{
		{"what is wanted comes first, and blocks nobody", "w off\nx off", wants, nil, up, "x", "up w\nup x < ~up w"},
		{"what is wanted and held is left out", "w off\nx off", wants, map[string]string{"w": "y"}, up, "x", "up x\nblocked w: w is held: y"},
		{"down does not drag who can do without", "w on\nx on", wants, nil, down, "w", "down w"},
		{"but takes it down first if it goes too", "w on\nx on", wants, nil, down, "w x", "down x\ndown w < ~down x"},
		{"as many as it takes", three, choice(2, "a", "b", "c"), nil, up, "x", "up a\nup b\nup x < 2 of up a+up b"},
		{"those that are on count", "a off\nb off\nc on\nx off", choice(2, "a", "b", "c"), nil, up, "x", "up a\nup x < 1 of up a"},
		{"any of those that come anyway", three, choice(1, "a", "b"), nil, up, "a b x", "up a\nup b\nup x < 1 of up a+up b"},
		{"one that is held is not chosen", three, choice(1, "a", "b"), map[string]string{"a": "y"}, up, "x", "up b\nup x < 1 of up b"},
		{"nor one that needs what is held", "h off\na off: h\nb off\nx off", choice(1, "a", "b"), map[string]string{"h": "y"}, up, "x", "up b\nup x < 1 of up b"},
		{"too few", three, choice(2, "a", "b", "c"), map[string]string{"a": "y", "b": "z"}, up, "x", "up c\nblocked x: a is held: y"},
		{"a group of some waits for them", "a off\nb off\nx cordless\ny off: x", choice(1, "a", "b"), nil, up, "y", "up a\npass up x < 1 of up a\nup y < up x"},
		{"and is blocked when they are too few", "a off\nb off\nx cordless\ny off: x", choice(2, "a", "b"), map[string]string{"a": "z"}, up, "y", "up b\nblocked x: a is held: z\nblocked y: a is held: z"},
		{"a group of some that are up is no matter", "a on\nb off\nx cordless\ny off: x", choice(1, "a", "b"), nil, up, "y", "up y"},
		{"down while enough are left", threeOn, choice(2, "a", "b", "c"), nil, down, "a", "down a"},
		{"and when they are not", threeOn, choice(2, "a", "b", "c"), nil, down, "a b", "down x\ndown a < down x\ndown b < down x"},
		{"only up", "a off\nb off: a\nc on\nd off: c", nil, nil, only(up), "b d", "up d\nblocked b: a is off, and was not asked for"},
		{"only up, by force", "a off\nb off: a", nil, nil, force(only(up)), "b", "up b\nover b: a is off, and was not asked for"},
		{"only down", "a on\nb on: a\nc off: a", nil, nil, only(down), "a", "blocked a: b needs it, and was not asked for"},
		{"only down, while enough are left", threeOn, choice(2, "a", "b", "c"), nil, only(down), "a", "down a"},
		{"only down, and too few are left", threeOn, choice(2, "a", "b", "c"), nil, only(down), "a b", "blocked a: x needs it, and was not asked for\nblocked b: x needs it, and was not asked for"},
		{"only down, by force", "a on\nb on: a\nc off: a", nil, nil, force(only(down)), "a", "down a\nover a: b needs it, and is not known to be off"},
		{"up with dependents", "a off\nb off: a\nc off: b\nz off\n", nil, nil, plan.Order{Goal: plan.Up, Dependents: true}, "b", "up a\nup b < up a\nup c < up b"},
		{"down with dependencies", "a on\nb on: a\nc on: a", nil, nil, plan.Order{Goal: plan.Down, Dependencies: true}, "b", "down b\ndown c\ndown a < down b, down c"},
		{"a hold keeps it up", "a on\nb on: a", nil, map[string]string{"b": "by ann"}, down, "a", "blocked a: b is held: by ann\nblocked b: b is held: by ann"},
		{"and what would go down for it alone stays up", "a on\nb on: a\nc on: a\nd on\ne on: d", nil, map[string]string{"b": "by ann"}, down, "a d", "down e\ndown d < down e\nblocked a: b is held: by ann\nblocked b: b is held: by ann"},
		{"a hold of what is on is no harm", "a on\nb off: a", nil, map[string]string{"a": "by ann"}, up, "b", "up b"},
		{"force does not touch what is held", "a off\nb off: a", nil, map[string]string{"a": "by ann"}, force(up), "b", "blocked a: a is held: by ann\nblocked b: a is held: by ann"},
		{
			"a cycle brings back what was up", "a on\nb on: a\nc off: b\nd on: c\ne off: a", nil, nil, cycle, "a",
			"down d\npass down c < down d\ndown b < down c\ndown a < down b\nup a < ~down a\nup b < up a, ~down b\nup d < ~down d",
		},
		{
			"in a cycle a group of some comes back when they do", "a on\nx cordless\ny on: x", choice(1, "a"), nil, cycle, "a",
			"down y\npass down x < down y\ndown a < down x\nup a < ~down a\npass up x < ~down x, 1 of up a\nup y < up x, ~down y",
		},
		{"a cycle of what is off is an up", "a off\nb off: a", nil, nil, cycle, "a", "up a"},
		{"a doubtful node is not cycled", "a on\nb on: a", nil, map[string]string{"a": "doubtful its cycle was cut off"}, cycle, "a", "blocked a: a is held: its cycle was cut off"},
		{"priority first", "a off\nb off\nc off\nx off", func(n map[string]*room.DraftNode, _ *room.Draft) { n["c"].Priority = 5 }, nil, up, "a b c", "up c\nup a\nup b"},
		{"and last on the way down", "a on\nb on\nc on", func(n map[string]*room.DraftNode, _ *room.Draft) { n["a"].Priority = 5 }, nil, down, "a b c", "down b\ndown c\ndown a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := grown(t, tt.site, tt.change)
			s.held = tt.held
			got := steps(s, s.order(t, tt.order, tt.targets, plan.Policy{}))
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(got, "down c, down b", "down b, down c")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestStandingsDecide(t *testing.T) {
	checks := func(_ map[string]*room.DraftNode, d *room.Draft) {
		d.Checks = []room.DraftCheck{{Check: room.Check{Name: "tcp", Kind: "tcp", Starting: true}, Members: []string{"c"}}}
		d.Controls = []room.DraftControl{{Control: room.Control{Name: "ssh", Kind: "ssh"}, Members: []string{"s"}}}
	}
	for _, tt := range []struct {
		name   string
		goal   plan.Goal
		target string
		stands standing.State
		want   string
	}{
		{"not seen to come up", plan.Up, "c", standing.Initial, "up c"},
		{"seen to come up", plan.Up, "c", standing.OK, ""},
		{"its check failed", plan.Up, "c", standing.FailedToStart, "up c"},
		{"failed for good", plan.Up, "a", standing.NeverStarted, "blocked a: a has failed to start for good: why; when that is mended: millwright clear a"},
		{"failed for good, and goes down", plan.Down, "b", standing.NeverStarted, "down b"},
		{"never stopped", plan.Down, "b", standing.NeverStopped, "blocked b: b has failed to stop for good: why; when that is mended: millwright clear b"},
		{"forced on counts", plan.Up, "b", standing.ForcedOn, ""},
		{"disputed", plan.Up, "b", standing.Disputed, "up b"},
		{"a service that is up", plan.Down, "s", standing.OK, "down s"},
		{"a service that is down", plan.Down, "s", standing.Off, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := grown(t, "a off\nb on\nc on\ns cordless", checks)
			p := s.order(t, plan.Order{Goal: tt.goal}, tt.target, plan.Policy{
				Standing: func(room.NodeID) standing.Standing { return standing.Standing{State: tt.stands, Reason: "why"} },
			})
			if got := steps(s, p); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestForecast(t *testing.T) {
	const chain = "sw off\ndb off 10s: sw\nweb1 off: db\nweb2 off: db\nlone off"
	known := plan.Policy{Duration: func(_ room.NodeID, _ plan.Goal) (time.Duration, time.Duration, bool) {
		return 2 * time.Second, time.Second, true
	}}
	t.Run("times and the critical path", func(t *testing.T) {
		s := grown(t, chain, nil)
		p := s.order(t, plan.Order{Goal: plan.Up}, "sw db web1 web2 lone", known)
		f := p.Foresee(s.Room, func(room.NodeID) room.State { return room.StateOff }, known)
		if f.Total != 16*time.Second || strings.Join(s.Names(f.Critical), " ") != "sw db web1" || f.Guessed != 0 || f.Sd.Round(time.Millisecond) != 1732*time.Millisecond {
			t.Errorf("%+v", f)
		}
	})
	t.Run("limits", func(t *testing.T) {
		s := grown(t, "a off\nb off\nc off\nd off", func(n map[string]*room.DraftNode, d *room.Draft) {
			d.Limits = []room.DraftLimit{{Limit: room.Limit{AtOnce: 2}}}
			d.Devices[0].Stagger = 3 * time.Second
		})
		p := s.order(t, plan.Order{Goal: plan.Up}, "a b c d", known)
		f := p.Foresee(s.Room, nil, known)
		if f.Total != 11*time.Second { // one every three seconds, and each takes two
			t.Errorf("%+v", f)
		}
	})
	t.Run("what no feed can carry keeps nobody else", func(t *testing.T) {
		s := grown(t, "a off\nb off: a\nc off\nbig off", func(n map[string]*room.DraftNode, d *room.Draft) {
			d.Feeds = []room.Feed{{Name: "f", Amps: 10, Volts: 100}}
			d.Devices[0].Feed = "f"
			for _, node := range n {
				node.Watts = 250
			}
			n["big"].Watts, n["big"].Priority = 2000, 5
		})
		p := s.order(t, plan.Order{Goal: plan.Up}, "a b c big", known)
		f := p.Foresee(s.Room, func(id room.NodeID) room.State { return s.states[id] }, known)
		if len(f.Stranded) != 1 || s.Nodes[f.Stranded[0].Node].Name != "big" || f.Watts != 750 || f.Total != 4*time.Second {
			t.Errorf("%+v", f)
		}
	})
	t.Run("feeds", func(t *testing.T) {
		s := grown(t, "a off\nb off\nc on\nd off", func(n map[string]*room.DraftNode, d *room.Draft) {
			d.Feeds = []room.Feed{{Name: "main", Amps: 5}, {Name: "f", Amps: 10, Volts: 100, From: "main"}}
			d.Devices[0].Feed = "f"
			for _, node := range n {
				node.Watts, node.Inrush = 250, 500
			}
			n["d"].Watts = 2000
		})
		states := func(id room.NodeID) room.State { return s.states[id] }
		p := s.order(t, plan.Order{Goal: plan.Up}, "a b d", known)
		f := p.Foresee(s.Room, states, known)
		want := []plan.FeedUse{{"main", 1150, 250, 750, 1000, true}, {"f", 1000, 250, 750, 1000, true}}
		if diff := cmp.Diff(want, f.Feeds); diff != "" {
			t.Error(diff)
		}
		if len(f.Stranded) != 1 || s.Nodes[f.Stranded[0].Node].Name != "d" || f.Watts != 500 || f.Total != 3*time.Second {
			t.Errorf("%+v", f)
		}
		text := p.Text(s.Room)
		for _, line := range []string{"about 3s, give or take", "+500 W in the end", "250 W to 750 W, at most 1000 W of 1000 W; steps wait for it", "feed f would be above"} {
			if !strings.Contains(text, line) {
				t.Errorf("%q is not in\n%s", line, text)
			}
		}
	})
}

func TestEncode(t *testing.T) {
	s := grown(t, "a on\nb on: a\nc off: b\nd on: c\nx on", func(n map[string]*room.DraftNode, _ *room.Draft) {
		n["x"].Choices = []room.DraftChoice{{Least: 1, Members: []string{"a", "b"}}}
		n["a"].Settle = time.Minute
	})
	s.held = map[string]string{"d": "by ann"}
	for _, goal := range []plan.Goal{plan.Up, plan.Down, plan.Cycle, plan.Restart} {
		p := s.order(t, plan.Order{Goal: goal, Force: true}, "a x", plan.Policy{})
		got, names, err := plan.Decode(s.Room, p.Encode(s.Room))
		if err != nil {
			t.Fatal(err)
		}
		if steps(s, &got) != steps(s, &plan.Plan{Steps: p.Steps, Blocked: p.Blocked}) || !reflect.DeepEqual(got.Order, p.Order) || !reflect.DeepEqual(got.Asked, p.Asked) {
			t.Errorf("%v:\n%s\nbecame\n%s", goal, steps(s, p), steps(s, &got))
		}
		less := grown(t, "x on\nb on", nil)
		got, again, err := plan.Decode(less.Room, p.Encode(s.Room))
		if err != nil || !reflect.DeepEqual(names, again) {
			t.Error(err, names, again)
		}
		for i := range got.Steps {
			if id, found := less.Node(names[i]); found && got.Steps[i].Node != id || !found && got.Steps[i].Node != room.None {
				t.Errorf("%s is %d", names[i], got.Steps[i].Node)
			}
		}
	}
}

// Whatever lies in the store, reading it neither fails loudly nor gives a plan that
// refers to steps that are not there.
func FuzzDecode(f *testing.F) {
	s := grown(f, "a off\nb off: a\nc off: b", nil)
	p := s.order(f, plan.Order{Goal: plan.Up}, "c", plan.Policy{})
	f.Add(p.Encode(s.Room))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		p, names, err := plan.Decode(s.Room, data)
		if err == nil && len(names) != len(p.Steps) {
			t.Error("names are missing")
		}
		plan.NewDeps(&p).Begin()
		_ = p.Totals()
	})
}
