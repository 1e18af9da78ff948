package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// curtained is a room of which some see web only: all that they may not hear of has
// "hidden" in its name, or in what is said of it.
const curtained = `
room: curtained
http: {listen: "127.0.0.1:0"}
order: {start-attempts: 1, retry-after: 10ms, witness: 0s}
feeds: {a: {amps: 16}}
samples: {every: 1s}
devices:
  strip: {driver: dummy, feed: a, settings: {watts: 120}}
  hiddenpdu: {driver: dummy, feed: a, settings: {watts: 120}}
checks:
  fine: {kind: dummy, nodes: ["@all"], every: 100ms}
  poor: {kind: dummy, settings: {says: bad}, nodes: hiddendb, every: 100ms, retries: 0}
controls:
  os: {kind: exec, nodes: web, settings: {off: ["true"], status: ["true"]}}
nodes:
  hiddendb: {cords: "hiddenpdu:1", order: {start-within: 50ms}}
  hidden[6-7]: {cords: "hiddenpdu:[6-7]"}
  web: {cords: "strip:1", needs: [hiddendb, hiddengroup], needs-some: [{least: 2, of: "hidden[6-7]"}]}
  hiddengroup: {needs: [hidden6]}
  hiddenw: {cords: "strip:2", needs: [web]}
`

// TestWhatIsHiddenIsNotTold asks for everything as somebody who sees, or operates, one
// node only.
func TestWhatIsHiddenIsNotTold(t *testing.T) {
	s := newSite(t)
	s.socket = filepath.Join(t.TempDir(), "s")
	s.write("room.yaml", curtained)
	s.start()
	if s.https == "" {
		t.Fatal("it did not start:", s.stop())
	}
	viewer, operator := s.remote(s.token("eve", "view", "web")), s.remote(s.token("olga", "operate", "web"))
	root := s.local()
	within(t, root, wire.Order{Goal: "up"})
	stands(t, root, "hiddendb", standing.NeverStarted)
	if _, err := root.Hold(t.Context(), wire.NewHold{Targets: "hidden6", Kind: "hold", Reason: "hidden reasons"}); err != nil {
		t.Fatal(err)
	}
	for what, ask := range questions() {
		for who, c := range map[string]*client.Client{"viewer": viewer, "operator": operator} {
			answer, err := ask(t.Context(), c)
			if err != nil && (who == "operator" || room.CodeOf(err) != room.CodeRefused) {
				t.Errorf("%s asks for %s: %v", who, what, err)
			}
			text, _ := json.Marshal(answer)
			if strings.Contains(string(text), "hidden") {
				t.Errorf("%s asks for %s: %s", who, what, text)
			}
		}
	}
	for _, o := range []wire.Order{{Goal: "up", Targets: "web"}, {Goal: "up", Targets: "web", Only: true, Force: true}} {
		report, _ := json.Marshal(within(t, operator, o))
		if strings.Contains(string(report), "hidden") {
			t.Errorf("the report on %+v: %s", o, report)
		}
	}
	runs, err := operator.Runs(t.Context())
	if text, _ := json.Marshal(runs); err != nil || len(runs) != 2 || strings.Contains(string(text), "hidden") {
		t.Errorf("runs: %s, %v", text, err)
	}
	for u, err := range root.Events(t.Context(), event.Filter{}, false) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(u.Targets, "hidden") {
			return // so there was something to hide
		}
	}
	t.Error("there was nothing to hide")
}

type question = func(context.Context, *client.Client) (any, error)

func questions() map[string]question {
	list := map[string]question{
		"why":       func(ctx context.Context, c *client.Client) (any, error) { return c.Why(ctx, "web") },
		"standings": func(ctx context.Context, c *client.Client) (any, error) { return c.Standings(ctx, "", false) },
		"needs":     func(ctx context.Context, c *client.Client) (any, error) { return c.Ties(ctx, "web", false, true) },
		"needed by": func(ctx context.Context, c *client.Client) (any, error) { return c.Ties(ctx, "web", true, true) },
		"impact":    func(ctx context.Context, c *client.Client) (any, error) { return c.Impact(ctx, "web", nil, nil) },
		"impact of a device": func(ctx context.Context, c *client.Client) (any, error) {
			return c.Impact(ctx, "", []string{"strip"}, nil)
		},
		"graph": func(ctx context.Context, c *client.Client) (any, error) {
			return c.Graph(ctx, client.Picture{Power: true, Fold: true})
		},
		"holds":   func(ctx context.Context, c *client.Client) (any, error) { return c.Holds(ctx) },
		"checks":  func(ctx context.Context, c *client.Client) (any, error) { return c.Checks(ctx, "", false) },
		"look":    func(ctx context.Context, c *client.Client) (any, error) { return c.Look(ctx, "web", nil) },
		"control": func(ctx context.Context, c *client.Client) (any, error) { return c.Control(ctx, "web", "os", "status") },
		"samples": func(ctx context.Context, c *client.Client) (any, error) {
			return c.Samples(ctx, url.Values{"node": {"", "web", "hiddendb"}})
		},
		"chart": func(ctx context.Context, c *client.Client) (any, error) {
			return c.Chart(ctx, url.Values{"group": {"device"}})
		},
		"export": func(ctx context.Context, c *client.Client) (any, error) {
			r, err := c.ExportSamples(ctx, url.Values{"format": {"json"}})
			if err != nil {
				return nil, err
			}
			defer r.Close()
			data, err := io.ReadAll(r)
			return string(data), err
		},
		"runs":      func(ctx context.Context, c *client.Client) (any, error) { return c.Runs(ctx) },
		"questions": func(ctx context.Context, c *client.Client) (any, error) { return c.Questions(ctx) },
		"events": func(ctx context.Context, c *client.Client) (any, error) {
			var list []wire.Event
			for e, err := range c.Events(ctx, event.Filter{}, false) {
				if err != nil {
					return nil, err
				}
				list = append(list, e)
			}
			return list, nil
		},
	}
	for name, o := range map[string]wire.Order{
		"plan up": {Goal: "up", Targets: "web"}, "plan down": {Goal: "down", Targets: "web", Only: true}, "forced plan": {Goal: "up", Targets: "web", Force: true, Only: true},
	} {
		list[name] = func(ctx context.Context, c *client.Client) (any, error) { return c.Plan(ctx, o) }
	}
	return list
}
