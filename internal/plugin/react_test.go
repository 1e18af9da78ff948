package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/plugin"
)

const oneReaction = `[{"kind": "reaction", "name": "r"}, {"kind": "notifier", "name": "n"}]`

// desk writes down what it is asked.
type desk struct {
	mu    sync.Mutex
	asked []any
	err   error
	wait  chan struct{}
}

func (d *desk) note(what any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what)
}

func (d *desk) Do(ctx context.Context, w plugin.Wish) (plugin.Outcome, error) {
	d.note(w)
	if d.wait != nil {
		select {
		case <-d.wait:
		case <-ctx.Done():
			d.note(context.Cause(ctx))
			return plugin.Outcome{}, context.Cause(ctx)
		}
	}
	return plugin.Outcome{Request: "r1", Said: "done"}, d.err
}

func (d *desk) RunCheck(_ context.Context, l plugin.Look) (plugin.CheckResult, error) {
	d.note(l)
	return plugin.CheckResult{Verdict: "ok", Said: "well"}, d.err
}

// reacting is a peer that asks for asks when it hears of an event, and keeps what it is
// answered.
func reacting(answers *[]string, asks ...string) *peer {
	return &peer{provides: oneReaction, handle: func(c *conn, m ask) {
		switch {
		case m.Method == "event":
			go func() {
				for _, a := range asks {
					c.raw(a + "\n")
				}
			}()
		case m.Method == "" && m.Error != nil:
			*answers = append(*answers, fmt.Sprintf("%s error %d %s", m.ID, m.Error.Code, m.Error.Message))
		case m.Method == "":
			*answers = append(*answers, string(m.ID)+" "+string(m.Result))
		default:
			c.answer(m, `{}`)
		}
	}}
}

func TestAReactionAsksInTheNameOfItsPrincipal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers []string
		p := reacting(
			&answers,
			`{"jsonrpc": "2.0", "id": "a", "method": "do", "params": {"op": "cycle", "nodes": "n[1-3]", "reason": "it\nhangs", "as": "root"}}`,
			`{"jsonrpc": "2.0", "id": 7, "method": "run_check", "params": {"node": "n1", "check": "ping"}}`,
			`{"jsonrpc": "2.0", "id": 8, "method": "add_user", "params": {}}`,
			`{"jsonrpc": "2.0", "id": 9, "method": "do", "params": {"op": "cycle"}}`,
			`{"jsonrpc": "2.0", "id": 10, "method": "do", "params": []}`,
		)
		h := host(t, p, func(s *plugin.Spec, _ *plugin.Options) { s.As = "mender" })
		d := &desk{}
		h.Connect(d)
		synctest.Wait()
		h.Publish(plugin.Event{Seq: 1, Kind: "machine"})
		synctest.Wait()
		if len(d.asked) != 2 {
			t.Fatalf("it asked for %v", d.asked)
		}
		for _, a := range d.asked {
			switch a := a.(type) {
			case plugin.Wish:
				if want := (plugin.Wish{Plugin: "p", As: "mender", Op: "cycle", Nodes: "n[1-3]", Reason: "it hangs"}); a != want {
					t.Errorf("it asked for %+v, want %+v", a, want)
				}
			case plugin.Look:
				if want := (plugin.Look{Plugin: "p", As: "mender", Node: "n1", Check: "ping"}); a != want {
					t.Errorf("it asked for %+v, want %+v", a, want)
				}
			}
		}
		all := strings.Join(answers, "\n")
		for _, want := range []string{
			`"a" {"request":"r1","said":"done"}`, `7 {"verdict":"ok","said":"well"}`,
			"8 error -32601", "9 error -32602 op and nodes are needed", "10 error -32602",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("it was answered\n%s\nwant %s", all, want)
			}
		}
	})
}

func TestAReactionIsRefused(t *testing.T) {
	wish := `{"jsonrpc": "2.0", "id": 1, "method": "do", "params": {"op": "off", "nodes": "n1", "reason": "x"}}`
	for _, tt := range []struct {
		as   string
		desk *desk
		want string
	}{
		{"", &desk{}, "1 error 1 this plugin has no rights"},
		{"mender", nil, "1 error 1 nobody answers yet"},
		{"mender", &desk{err: errors.New("mender may not")}, "1 error 1 mender may not"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var answers []string
			h := host(t, reacting(&answers, wish), func(s *plugin.Spec, _ *plugin.Options) { s.As = tt.as })
			if tt.desk != nil {
				h.Connect(tt.desk)
			}
			synctest.Wait()
			h.Publish(plugin.Event{Kind: "machine"})
			synctest.Wait()
			if len(answers) != 1 || !strings.HasPrefix(answers[0], tt.want) {
				t.Errorf("it was answered %q, want %q", answers, tt.want)
			}
		})
	}
}

func TestAFloodOfRequestsIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asks, answers []string
		for i := range 1000 {
			asks = append(asks, fmt.Sprintf(`{"jsonrpc": "2.0", "id": %d, "method": "run_check", "params": {"node": "n1", "check": "c"}}`, i))
		}
		d := &desk{}
		h := host(t, reacting(&answers, asks...), func(s *plugin.Spec, _ *plugin.Options) { s.As = "mender" })
		h.Connect(d)
		synctest.Wait()
		h.Publish(plugin.Event{Kind: "machine"})
		synctest.Wait()
		s := is(t, h)
		if len(d.asked) > 20 || len(d.asked) == 0 || s.TurnedAway+len(d.asked) != 1000 || s.State != plugin.Running {
			t.Errorf("%d of 1000 were answered; it is %+v", len(d.asked), s)
		}
		lines, _ := h.Log("p")
		said := 0
		for _, l := range lines {
			if strings.Contains(l.Text, "more than it may") {
				said++
			}
		}
		if said == 0 || said > 12 {
			t.Errorf("that is said %d times", said)
		}
	})
}

// What a plugin asked for ends with it, and when it says so.
func TestARequestOfAReactionEnds(t *testing.T) {
	wish := `{"jsonrpc": "2.0", "id": 1, "method": "do", "params": {"op": "off", "nodes": "n1", "reason": "x"}}`
	for name, after := range map[string]string{
		"it is cancelled": `{"jsonrpc": "2.0", "method": "cancel", "params": {"id": 1}}`,
		"it talks on":     strings.Repeat("nonsense\n", 200),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var answers []string
				d := &desk{wait: make(chan struct{})}
				h := host(t, reacting(&answers, wish, after), func(s *plugin.Spec, _ *plugin.Options) { s.As = "mender" })
				h.Connect(d)
				synctest.Wait()
				h.Publish(plugin.Event{Kind: "machine"})
				synctest.Wait()
				if len(d.asked) != 2 {
					t.Errorf("it asked for %v, want a wish and its end", d.asked)
				}
			})
		})
	}
}

func TestEventsGoToThoseWhoWantThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		p := &peer{provides: oneReaction, handle: func(c *conn, m ask) {
			if m.Method == "event" {
				heard = append(heard, string(m.Params))
			}
		}}
		h := host(t, p, func(s *plugin.Spec, _ *plugin.Options) { s.Events = []string{"ups", "run*"} })
		synctest.Wait()
		for _, kind := range []string{"machine", "ups", "run", "runner", "u"} {
			h.Publish(plugin.Event{Seq: 3, Kind: kind, Data: json.RawMessage(`{"a":1}`)})
		}
		synctest.Wait()
		if len(heard) != 3 || !strings.Contains(heard[0], `"kind":"ups"`) || !strings.Contains(heard[0], `"data":{"a":1}`) {
			t.Errorf("it heard %q", heard)
		}
	})
}

func TestEventsThatAPluginIsTooSlowForAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		p := &peer{provides: oneReaction, handle: func(*conn, ask) { <-stuck }}
		h := host(t, p, nil)
		synctest.Wait()
		for i := range 1000 {
			h.Publish(plugin.Event{Seq: int64(i), Kind: "state"})
		}
		synctest.Wait()
		s := is(t, h)
		if s.LostEvents < 500 || s.LostEvents > 800 {
			t.Errorf("%d of 1000 events are lost", s.LostEvents)
		}
		lines, _ := h.Log("p")
		if len(lines) != 1 || !strings.Contains(lines[0].Text, "too slow") {
			t.Errorf("its log is %v", lines)
		}
		close(stuck)
		synctest.Wait()
	})
}

func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard string
		p := &peer{provides: oneReaction, handle: func(c *conn, m ask) {
			heard = m.Method + string(m.Params)
			c.send(ask{ID: m.ID, Error: &plugin.Error{Code: plugin.Refused, Message: "the page is full"}})
		}}
		h := host(t, p, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := h.Notify(ctx, plugin.Use{Plugin: "p", Provides: "n"}, plugin.Event{Kind: "ups", Detail: "on battery"})
		var said *plugin.Error
		if !errors.As(err, &said) || said.Code != plugin.Refused || said.Message != "the page is full" {
			t.Errorf("notify: %v", err)
		}
		if !strings.HasPrefix(heard, `notify{"event":{`) || !strings.Contains(heard, `"on battery"`) || !strings.Contains(heard, `"timeout_ms":1000`) {
			t.Errorf("it heard %s", heard)
		}
	})
}

// Nobody answers to their own echo.
func TestAReactionDoesNotHearOfItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers []string
		h := host(t, reacting(&answers, `{"jsonrpc": "2.0", "id": 1, "method": "run_check", "params": {"node": "n1", "check": "c"}}`), func(s *plugin.Spec, _ *plugin.Options) { s.As = "mender" })
		h.Connect(&desk{})
		synctest.Wait()
		h.Publish(plugin.Event{Kind: "result", Actor: plugin.Actor("p")})
		synctest.Wait()
		if len(answers) != 0 {
			t.Errorf("it has heard of itself: %q", answers)
		}
		h.Publish(plugin.Event{Kind: "result", Actor: plugin.Actor("another")})
		synctest.Wait()
		if len(answers) != 1 {
			t.Errorf("of another it has heard %q", answers)
		}
	})
}
