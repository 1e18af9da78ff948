package roomfile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
)

// port is a kind of check and of control that wants a port.
type port struct {
	Port int `yaml:"port" doc:"The port." required:"true"`
}

func (p *port) valid() error {
	if p.Port < 1 {
		return &driver.FieldError{Field: "port", Err: errors.New("there is no such port")}
	}
	return nil
}

type portCheck struct {
	port `yaml:",inline"`
}

func (p *portCheck) Prepare() (check.Check, error) { return p, p.valid() }
func (p *portCheck) Run(context.Context, check.Env) check.Result {
	return check.Unclear("")
}

type portControl struct {
	port `yaml:",inline"`
}

func (p *portControl) Prepare() (control.Control, error)      { return p, p.valid() }
func (p *portControl) Can() control.Abilities                 { return control.Abilities{Off: true} }
func (p *portControl) Off(context.Context, control.Env) error { return nil }
func (p *portControl) On(context.Context, control.Env) error  { return control.ErrCannot }
func (p *portControl) Status(context.Context, control.Env) (room.State, error) {
	return room.StateUnknown, nil
}

func loadOrder(t *testing.T, text string) (*room.Room, error) {
	t.Helper()
	open, glob := roomfile.Replay(map[string][]byte{"room.yaml": []byte(text)})
	res, err := roomfile.Load(t.Context(), "room.yaml", roomfile.Options{
		Drivers: drivers(), Open: open, Glob: glob,
		Checks:   []check.Kind{{Name: "port", New: func() check.Settings { return &portCheck{} }}},
		Controls: []control.Kind{{Name: "port", New: func() control.Settings { return &portControl{} }}},
	})
	if err != nil {
		return nil, err
	}
	return res.Room, nil
}

const orderly = `
order: {grace: 1m, at-once: 8, groups: {web: {at-once: 2, stagger: 500ms}}}
feeds: {a: {amps: 16, reserve: 0.1}}
checks:
  ssh: {kind: port, settings: {port: 22}, nodes: ["@web", db1], every: 30s}
  sql: {kind: port, settings: {port: 5432}, starting: no}
controls:
  os: {kind: port, settings: {port: 22}, nodes: "@web"}
nodes:
  dns[1-3]: {}
  log: {}
  db1: {checks: [sql], watts: 250, inrush: 900, priority: 10, order: {after-grace: cut}}
  web[1-2]:
    needs: [db1]
    needs-some: [{least: 2, of: "dns[1-3]"}]
    wants: [log]
    address: 10.0.0.[11-12]
    groups: [web]
  web2: {address: 10.0.0.99, order: {start-attempts: 5}}
`

func TestOrder(t *testing.T) {
	r, err := loadOrder(t, orderly)
	if err != nil {
		t.Fatal(err)
	}
	id := func(name string) room.NodeID {
		id, found := r.Node(name)
		if !found {
			t.Fatal(name)
		}
		return id
	}
	web1, web2, db1 := &r.Nodes[id("web1")], id("web2"), id("db1")
	if r.Fold(web1.Needs) != "db1,dns[1-3],log" || r.Fold(web1.Hard()) != "db1" || r.Fold(web1.Wants) != "log" || web1.Choices[0].Least != 2 {
		t.Errorf("%s; %s; %+v", r.Fold(web1.Needs), r.Fold(web1.Hard()), web1.Choices)
	}
	if r.Where(id("web1")) != "10.0.0.11" || r.Where(web2) != "10.0.0.99" || r.Where(db1) != "db1" {
		t.Errorf("%s, %s, %s", r.Where(id("web1")), r.Where(web2), r.Where(db1))
	}
	if c := r.Conduct(web2); c.StartAttempts != 5 || c.Grace != time.Minute {
		t.Errorf("%+v", c)
	}
	if c := r.Conduct(db1); c.AfterGrace != room.Cut || r.Conduct(id("log")).AfterGrace != room.Hold {
		t.Errorf("%+v", c)
	}
	names := func(list []room.CheckID) (out []string) {
		for _, c := range list {
			out = append(out, r.Checks[c].Name)
		}
		return out
	}
	if got := names(r.Nodes[db1].Checks); !slices.Equal(got, []string{"ssh", "sql"}) {
		t.Error(got)
	}
	if len(web1.Controls) != 1 || len(r.Nodes[db1].Controls) != 0 || r.Checks[0].Every != 30*time.Second || r.Checks[1].Starting {
		t.Errorf("%+v, %+v", web1.Controls, r.Checks)
	}
	if len(r.Limits) != 2 || r.Limits[1].Name != "web" || !r.Limits[1].Covers(web2) || r.Limits[1].Covers(db1) || !r.Limits[0].Covers(db1) {
		t.Errorf("%+v", r.Limits)
	}
	if !r.Before(db1, id("dns1")) || !r.Before(id("dns1"), web2) {
		t.Error("priority goes first, then the name")
	}
}

func TestOrderProblems(t *testing.T) {
	for text, want := range map[string]string{
		"checks: {x: {kind: nosuch}}\nnodes: {a: {}}":                                `there is no kind of check "nosuch"; there are port`,
		"controls: {x: {kind: port, settings: {port: 0}}}\nnodes: {a: {}}":           "there is no such port",
		"checks: {x: {kind: port}}\nnodes: {a: {}}":                                  "port is missing",
		"checks: {x: {kind: port, settings: {port: 1}, nodes: b}}\nnodes: {a: {}}":   `there is no node "b"`,
		"checks: {x: {kind: port, settings: {port: 1}, every: 1ms}}\nnodes: {a: {}}": "made every",
		"nodes: {a: {checks: [y]}}":                                                  `there is no check "y"`,
		"nodes: {a: {controls: [y]}}":                                                `there is no control "y"`,
		"nodes: {a: {wants: [b]}, b: {needs-any: [a]}}":                              "needs itself: a → b → a",
		"nodes: {a: {needs-some: [{least: 3, of: \"b[1-2]\"}]}, \"b[1-2]\": {}}":     "needs 3 of 2 nodes",
		"nodes: {a: {order: {after-grace: burn}}}":                                   `"burn" is not one of hold, cut, ask`,
		"order: {groups: {nosuch: {at-once: 1}}}\nnodes: {a: {}}":                    `there is no group "nosuch"`,
		"order: {grace: 900h}\nnodes: {a: {}}":                                       "grace is at most",
		"feeds: {a: {reserve: 1}}\nnodes: {a: {}}":                                   "a reserve is a part",
	} {
		if _, err := loadOrder(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v", text, err)
		}
	}
}
