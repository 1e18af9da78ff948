package ups

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// stand is "NAME STATE FOR CHARGE% RUNTIME FEED,FEED [settling|lost]"; "-" is not said.
func stand(t interface{ Fatal(...any) }, text string) Standing {
	words := strings.Fields(text)
	held, err := time.ParseDuration(words[2])
	if err != nil {
		t.Fatal(err)
	}
	s := Standing{Source: words[0], State: State(words[1]), Since: noon.Add(-held), Contact: !strings.HasSuffix(text, "lost"), Settling: strings.HasSuffix(text, "settling")}
	if s.State.Out() {
		s.Battery = s.Since
	}
	var charge float64
	if n, _ := fmt.Sscanf(words[3], "%f%%", &charge); n == 1 {
		s.Charge = &charge
	}
	if left, err := time.ParseDuration(words[4]); err == nil {
		s.Runtime = &left
	}
	s.Feeds = strings.Split(words[5], ",")
	return s
}

// The room of the tests: three stages; n1 hangs on feed a, n2 on a and b, n3 on b,
// n4 on a and a feed without UPS, n5 on that alone; g is a group.
func roomOf(t interface{ Fatal(...any) }, standings ...string) Situation {
	s := Situation{
		Now:    noon,
		Supply: map[string][]string{"n1": {"a"}, "n2": {"a", "b"}, "n3": {"b"}, "n4": {"a", "street"}, "n5": {"street"}},
		Forecast: map[string]Forecast{
			"lab": {Expected: time.Minute}, "services": {Expected: 200 * time.Second, Spread: 40 * time.Second}, "storage": {Expected: 2 * time.Minute},
		},
		Progress: map[string]Progress{},
	}
	for _, text := range standings {
		s.Standings = append(s.Standings, stand(t, text))
	}
	return s
}

func policy() Policy {
	return Policy{
		Stages: []Stage{
			{Name: "lab", Nodes: []string{"n1", "n5"}, When: When{AtOnce: true}},
			{Name: "services", Nodes: []string{"n2", "n1", "n4"}, When: When{After: 5 * time.Minute, Charge: 40}},
			{Name: "storage", Nodes: []string{"n3", "g"}, When: When{Low: true, Runtime: 4 * time.Minute}},
		},
		Margin:   time.Minute,
		Comeback: Comeback{Steady: 5 * time.Minute, Charge: 50},
	}
}

// due writes what is due: "lab[n1] services[n1 n2]".
func due(d Decision) string {
	var parts []string
	for _, v := range d.Due() {
		parts = append(parts, fmt.Sprintf("%s%v", v.Stage, v.Nodes))
	}
	return strings.Join(parts, " ")
}

func TestWhatIsDue(t *testing.T) {
	for _, c := range []struct {
		name, want string
		standings  []string
		change     func(*Policy, *Situation)
	}{
		{"all is well", "", []string{"A online 1h 100% 30m a", "B online 1h 100% 30m b"}, nil},
		{"one of two", "lab[n1]", []string{"A on-battery 10s 99% 30m a", "B online 1h 100% 30m b"}, nil},
		{"one of two, unless told", "lab[n1] services[n1 n2 n4]", []string{"A on-battery 6m 99% 30m a", "B online 1h 100% 30m b"}, func(p *Policy, _ *Situation) { p.Single = true }},
		{"one of two, for long: who has one feed", "lab[n1] services[n1 n4]", []string{"A on-battery 5m 99% 30m a", "B online 1h 100% 30m b"}, nil},
		{"a feed without a UPS is trusted if told", "lab[n1] services[n1]", []string{"A on-battery 5m 99% 30m a", "B online 1h 100% 30m b"}, func(p *Policy, _ *Situation) { p.TrustUnwatched = true }},
		{"the other is lost: that is no blackout", "lab[n1]", []string{"A on-battery 10s 99% 30m a", "B unknown 1h - - b lost"}, nil},
		{"the other gives no power", "lab[n1] services[n1 n2 n4]", []string{"A on-battery 6m 99% 30m a", "B off 1h - - b"}, nil},
		{"both", "lab[n1]", []string{"A on-battery 10s 99% 30m a", "B on-battery 10s 99% 30m b"}, nil},
		{"both, for long", "lab[n1] services[n1 n2 n4]", []string{"A on-battery 5m 99% 30m a", "B on-battery 10s 99% 30m b"}, nil},
		{"the charge of the worse one", "lab[n1] services[n1 n2 n4]", []string{"A on-battery 1m 99% 30m a", "B on-battery 1m 39% 30m b"}, nil},
		{"the last drags those before it", "lab[n1] services[n1 n2 n4] storage[g n3]", []string{"A on-battery 1m 99% 30m a", "B low 1m 90% 30m b"}, nil},
		{"runtime below", "lab[n1] services[n1 n2 n4] storage[g n3]", []string{"A on-battery 1m 99% 30m a", "B on-battery 1m 90% 3m50s b"}, nil},
		{"it only just fits", "lab[n1]", []string{"A on-battery 1m 99% 8m1s a", "B on-battery 1m 99% 8m1s b"}, nil},
		{"no later: the last moment", "lab[n1] services[n1 n2 n4] storage[g n3]", []string{"A on-battery 1m 99% 8m a", "B on-battery 1m 99% 8m b"}, nil},
		{"the mains seem to be back", "", []string{"A on-battery 10m 20% 2m a settling", "B on-battery 10m 20% 2m b settling"}, nil},
		{"the mains of one seem to be back", "services[n2] storage[g n3]", []string{"A on-battery 10m 20% 2m a settling", "B low 10m 20% 2m b"}, func(_ *Policy, s *Situation) {
			s.Progress["lab"] = Progress{Begun: noon, Down: true}
		}},
		{"nothing is said of the runtime", "lab[n1]", []string{"A on-battery 1m 99% - a", "B on-battery 1m - - b"}, nil},
		{"in parallel one is enough", "", []string{"A on-battery 10m 99% 30m a,b", "B online 1h 100% 30m a,b"}, nil},
		{"what was begun is not begun again", "", []string{"A on-battery 4m 99% 30m a", "B online 1h 100% 30m b"}, func(_ *Policy, s *Situation) {
			s.Progress["lab"] = Progress{Begun: noon.Add(-time.Minute)}
		}},
		{"who comes later is taken too", "services[n2]", []string{"A on-battery 6m 99% 30m a", "B on-battery 10s 100% 30m b"}, func(_ *Policy, s *Situation) {
			s.Progress["lab"] = Progress{Begun: noon.Add(-6 * time.Minute), Nodes: []string{"n1"}, Down: true}
			s.Progress["services"] = Progress{Begun: noon.Add(-time.Minute), Nodes: []string{"n1", "n4"}, Down: true}
		}},
		{"an outage after one that is over", "lab[n1]", []string{"A on-battery 10s 99% 30m a", "B on-battery 10s 99% 30m b"}, func(_ *Policy, s *Situation) {
			s.Progress["lab"] = Progress{Begun: noon.Add(-time.Hour), Nodes: []string{"n1"}, Down: true, Back: true}
		}},
	} {
		p, s := policy(), roomOf(t, c.standings...)
		if c.change != nil {
			c.change(&p, &s)
		}
		d := p.Decide(s)
		if got := due(d); got != c.want {
			t.Errorf("%s: %q, want %q\n%s", c.name, got, c.want, told(d))
		}
	}
}

func told(d Decision) string {
	lines := []string{d.Said}
	for _, v := range d.Verdicts {
		lines = append(lines, v.Said)
	}
	return strings.Join(lines, "\n")
}

func TestTheProof(t *testing.T) {
	both := func(left string) []string {
		return []string{"A on-battery 10s 99% " + left + " a", "B on-battery 10s 99% " + left + " b"}
	}
	for left, want := range map[string]string{
		"12m": `on battery: A, B; begin lab; what waits is down in time
stage lab needs 1m; 12m left, down after 1m: fits with 11m margin; A is on battery
stage services needs 3m20s ± 40s; 12m left, down after 5m: fits with 7m margin; it waits: for 5m on battery or a charge below 40 %, or the last moment at which it fits
stage storage needs 2m; 12m left, down after 7m: fits with 5m margin; it waits: for less than 4m left or a low battery, or the last moment at which it fits`,
		"6m30s": `on battery: A, B; begin lab, services, storage; it is not proved that all is down in time
stage lab needs 1m; 6m30s left, down after 1m: fits with 5m30s margin; A is on battery
stage services needs 3m20s ± 40s; 6m30s left, down after 5m: fits with 1m30s margin; it does not fit and begins now: 7m until stage storage is down, with 1m margin, and 6m30s left
stage storage needs 2m; 6m30s left, down after 7m: does not fit with 1m margin; it does not fit and begins now: 7m until stage storage is down, with 1m margin, and 6m30s left`,
		"-": `on battery: A, B; begin lab; it is not proved that all is down in time
stage lab needs 1m; its UPS does not say how long it lasts, so nothing is proved; A is on battery
stage services needs 3m20s ± 40s; its UPS does not say how long it lasts, so nothing is proved; it waits: for 5m on battery or a charge below 40 %, or the last moment at which it fits
stage storage needs 2m; its UPS does not say how long it lasts, so nothing is proved; it waits: for less than 4m left or a low battery, or the last moment at which it fits`,
	} {
		if diff := cmp.Diff(want, told(policy().Decide(roomOf(t, both(left)...)))); diff != "" {
			t.Errorf("%s left:\n%s", left, diff)
		}
	}
}

func TestWhatComesBack(t *testing.T) {
	down := func(s *Situation, stages ...string) {
		for _, name := range stages {
			s.Progress[name] = Progress{Begun: noon.Add(-time.Hour), Down: true}
		}
	}
	for _, c := range []struct {
		name, want, said string
		standings        []string
		change           func(*Situation)
	}{
		{"nothing was down", "", "no stage is down", []string{"A online 1h 100% 30m a"}, nil},
		{"the last first", "storage[g n3]", "stage storage: B has mains for 6m", []string{"A online 6m 60% 30m a", "B online 6m 60% 30m b"}, func(s *Situation) { down(s, "lab", "services", "storage") }},
		{"then the next", "services[n1 n2 n4]", "stage services: A has mains for 6m", []string{"A online 6m 60% 30m a", "B online 6m 60% 30m b"}, func(s *Situation) {
			down(s, "lab", "services")
			s.Progress["storage"] = Progress{Begun: noon, Down: true, Back: true}
		}},
		{"not for long enough", "", "stage lab: A has mains for 2m of 5m", []string{"A online 2m 60% 30m a"}, func(s *Situation) { down(s, "lab"); delete(s.Supply, "n5") }},
		{"not full enough", "", "stage lab: A has 49 % charge of 50 %", []string{"A online 9m 49% 30m a"}, func(s *Situation) { down(s, "lab") }},
		{"charge not said", "lab[n1 n5]", "stage lab: A has mains for 9m, and does not say its charge", []string{"A online 9m - 30m a"}, func(s *Situation) { down(s, "lab") }},
		{"only settling", "", "stage lab: A has mains again, but not for long enough to count", []string{"A on-battery 9m 90% 30m a settling"}, func(s *Situation) { down(s, "lab") }},
		{"still going down", "", "stage lab: it is still going down", []string{"A online 9m 90% 30m a"}, func(s *Situation) { s.Progress["lab"] = Progress{Begun: noon} }},
		{"one of two is enough", "services[n2]", "stage services: A has mains for 9m", []string{"A online 9m 90% 30m a", "B off 1h - - b"}, func(s *Situation) {
			s.Progress["services"] = Progress{Begun: noon, Down: true, Nodes: []string{"n2"}}
		}},
		{"but not while the other runs dry", "", "stage services: B is on-battery", []string{"A online 9m 90% 30m a", "B on-battery 1h 10% 1m b"}, func(s *Situation) { down(s, "services") }},
		{"lost since", "", "stage lab: A is unknown", []string{"A unknown 9m 90% 30m a lost"}, func(s *Situation) { down(s, "lab") }},
	} {
		s := roomOf(t, c.standings...)
		if c.change != nil {
			c.change(&s)
		}
		d := policy().Return(s)
		if due(d) != c.want || d.Said != c.said {
			t.Errorf("%s: %q (%s), want %q (%s)", c.name, due(d), d.Said, c.want, c.said)
		}
	}
}

// anySituation draws a room, a policy and how it stands.
func anySituation(t *rapid.T) (Policy, Situation) {
	feeds := []string{"a", "b", "c", "street"}
	p := Policy{Margin: time.Duration(rapid.IntRange(0, 300).Draw(t, "margin")) * time.Second}
	s := Situation{Now: noon, Supply: map[string][]string{}, Forecast: map[string]Forecast{}, Progress: map[string]Progress{}}
	for i := range 4 {
		stage := Stage{Name: fmt.Sprint("s", i), When: When{
			AtOnce: rapid.IntRange(0, 9).Draw(t, "at once") == 0, After: time.Duration(rapid.IntRange(0, 900).Draw(t, "after")) * time.Second,
			Charge: float64(rapid.IntRange(0, 60).Draw(t, "charge")), Low: rapid.Bool().Draw(t, "low"),
		}}
		for n := range rapid.IntRange(1, 3).Draw(t, "nodes") {
			node := fmt.Sprintf("n%d%d", i, n)
			stage.Nodes = append(stage.Nodes, node)
			s.Supply[node] = slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom(feeds), 1, 3).Draw(t, "feeds"))))
		}
		p.Stages = append(p.Stages, stage)
		s.Forecast[stage.Name] = Forecast{time.Duration(rapid.IntRange(0, 300).Draw(t, "expected")) * time.Second, time.Duration(rapid.IntRange(0, 60).Draw(t, "spread")) * time.Second}
		if rapid.IntRange(0, 5).Draw(t, "begun") == 0 {
			s.Progress[stage.Name] = Progress{Begun: noon.Add(-time.Minute), Down: rapid.Bool().Draw(t, "down")}
		}
	}
	for i, feed := range feeds[:3] {
		state := rapid.SampledFrom([]State{Online, OnBattery, Low, Off, Unknown}).Draw(t, "state")
		s.Standings = append(s.Standings, stand(t, fmt.Sprintf("u%d %s %ds %d%% %ds %s", i, state, rapid.IntRange(0, 900).Draw(t, "held"),
			rapid.IntRange(0, 100).Draw(t, "charge"), rapid.IntRange(0, 2000).Draw(t, "runtime"), feed)))
	}
	return p, s
}

func TestDecisionsAreSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, s := anySituation(t)
		d := p.Decide(s)
		states := map[string]State{}
		for _, st := range s.Standings {
			states[st.Feeds[0]] = st.State
		}
		later, total := false, time.Duration(0)
		for i := len(d.Verdicts) - 1; i >= 0; i-- {
			v := d.Verdicts[i]
			pending := len(v.Nodes) > 0
			if later && pending && !v.Due {
				t.Fatalf("%s waits though one behind it is due:\n%s", v.Stage, told(d))
			}
			later = later || v.Due
			if v.Due && (!pending || begun(s.Progress[v.Stage])) {
				t.Fatalf("%s is due for nothing:\n%s", v.Stage, told(d))
			}
			for _, n := range v.Nodes {
				for _, feed := range s.Supply[n] {
					if state := states[feed]; state == Online || state == Unknown {
						t.Fatalf("%s is concerned, though feed %s is %s", n, feed, state)
					}
				}
			}
		}
		for _, v := range d.Verdicts { // what waits can wait: all of it in turn, beginning now, is down in time
			if v.Needs > 0 {
				total += v.Needs
			}
			if len(v.Nodes) > 0 && !v.Due && total+p.Margin > *v.Left {
				t.Fatalf("%s waits and is not down in time:\n%s", v.Stage, told(d))
			}
		}
		other := s
		other.Standings = slices.Clone(s.Standings)
		rand.Shuffle(len(other.Standings), func(i, j int) {
			other.Standings[i], other.Standings[j] = other.Standings[j], other.Standings[i]
		})
		if diff := cmp.Diff(d, p.Decide(other)); diff != "" {
			t.Fatalf("the order of the UPSes matters:\n%s", diff)
		}
	})
}

// Power that is back brings everything back, one stage at a time, in the reverse order.
func TestAllComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, s := anySituation(t)
		for i := range s.Standings {
			s.Standings[i] = stand(t, fmt.Sprintf("u%d online 1h 100%% 30m %s", i, s.Standings[i].Feeds[0]))
		}
		var want, got []string
		for _, stage := range slices.Backward(p.Stages) {
			if prog := s.Progress[stage.Name]; begun(prog) {
				prog.Down = true
				s.Progress[stage.Name] = prog
				want = append(want, stage.Name)
			}
		}
		for range len(p.Stages) {
			for _, v := range p.Return(s).Due() {
				got = append(got, v.Stage)
				prog := s.Progress[v.Stage]
				prog.Back = true
				s.Progress[v.Stage] = prog
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v came back, want %v", got, want)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p, s := policy(), Situation{Now: noon, Supply: map[string][]string{}, Forecast: map[string]Forecast{}}
	for i := range 1000 {
		n := fmt.Sprint("n", i)
		p.Stages[i%3].Nodes = append(p.Stages[i%3].Nodes, n)
		s.Supply[n] = []string{fmt.Sprint("f", i%4), fmt.Sprint("f", i%5)}
	}
	for i := range 5 {
		s.Standings = append(s.Standings, stand(b, fmt.Sprintf("u%d on-battery 1m 90%% 20m f%d", i, i)))
	}
	for b.Loop() {
		p.Decide(s)
	}
}
