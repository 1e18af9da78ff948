package cli

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/run"
)

func TestTheDisplayOfARunShowsWhatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := &program{stdout: &out, out: style{utf8: true, set: true, width: 80}}
		t.Setenv("COLUMNS", "60")
		l := newLive(p, "R", 5, 10*time.Second)
		defer l.close()
		now := time.Now()
		n := 0
		shows := func(want ...string) {
			t.Helper()
			l.mu.Lock()
			defer l.mu.Unlock()
			lines := l.lines()
			for i, line := range lines {
				lines[i] = strings.Join(strings.Fields(line), " ")
				if utf8.RuneCountInString(line) > 60 {
					t.Errorf("too wide: %q", line)
				}
			}
			if got := strings.Join(lines[1:], "|"); got != strings.Join(want, "|") {
				t.Errorf("after %d it shows\n%q, want\n%q", n, got, want)
			}
		}
		take := func(u run.Update) {
			n++
			u.N, u.Time = n, now
			l.take(u)
		}
		take(run.Update{Kind: run.StepBegan, Nodes: "db[1-2],sw1", Op: "on"})
		shows("switching on db[1-2],sw1")
		take(run.Update{Kind: run.Phase, Nodes: "db1", Act: "checks"})
		take(run.Update{Kind: run.Result, Nodes: "sw1", Outcome: fleet.OK})
		shows("switching on db2", "checking db1")
		take(run.Update{Kind: run.Retrying, Nodes: "db1", Attempt: 2, Until: now.Add(3 * time.Second), Said: "not well"})
		take(run.Update{Kind: run.Awaiting, Nodes: "web[1-2]", By: "db1"})
		take(run.Update{Kind: run.Settling, Nodes: "db2", Until: now.Add(4 * time.Second)})
		shows("settling db2, for another 4.0s", "tried again db1, attempt 2 in 3.0s", "waiting web[1-2] for db1")
		if !strings.Contains(out.String(), "db1: not well; attempt 2 in 3s") || !strings.Contains(out.String(), "web[1-2]: waiting for db1, which is tried again") {
			t.Errorf("it does not stay on the screen:\n%q", out.String())
		}
		take(run.Update{Kind: run.Settled, Nodes: "db2"})
		take(run.Update{Kind: run.StepBegan, Nodes: "db1", Op: "on"})
		shows("switching on db1", "waiting web[1-2] for db1")
		take(run.Update{Kind: run.Result, Nodes: "db1", Outcome: fleet.OK})
		take(run.Update{Kind: run.PausedNow, By: "ann"})
		shows("paused by ann")
		take(run.Update{Kind: run.Resumed, By: "ann"})
		list := make([]string, 200)
		for i := range list {
			list[i] = fmt.Sprintf("n%d", 3*i)
		}
		take(run.Update{Kind: run.StepBegan, Nodes: strings.Join(list, ","), Op: "off"})
		shows("switching off " + "n[0,3,6,9,12,15,18,21,24,27,30,33,36,39,42…")
		l.mu.Lock()
		head := l.lines()[0]
		l.mu.Unlock()
		if !strings.Contains(head, "2 of 202") || !strings.Contains(head, "about 10s to go") {
			t.Errorf("the head is %q", head)
		}
	})
}
