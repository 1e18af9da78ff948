package httpdoor_test

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/client"
	httpdoor "millwright.dev/millwright/internal/door/http"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

func TestDo(t *testing.T) {
	c, _ := serve(t, &relays{}, 4)
	lines, err := do(t, c, wire.Do{Op: "on", Targets: "front,n[2-3],-n2", Verify: true})
	if err != nil || len(lines) != 4 {
		t.Fatalf("%v, %v", lines, err)
	}
	if b := lines[0]; b.Kind != wire.KindBegin || b.Request == "" || b.Nodes != "front,n3" || b.Count != 2 {
		t.Errorf("begin: %+v", b)
	}
	if r := lines[1]; r.Node != "front" || r.Own != "n1" || r.Outcome != fleet.OK || r.State != "on" {
		t.Errorf("result: %+v", r)
	}
	if e := lines[3]; e.Kind != wire.KindEnd || e.Counts[fleet.OK] != 2 || e.Request != lines[0].Request {
		t.Errorf("end: %+v", e)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range c.Events(t.Context(), event.Filter{Request: lines[0].Request}, false) {
		if err != nil || e.Actor != me.Username || e.Door != httpdoor.Local {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// Folded, results that are alike are one line.
func TestFold(t *testing.T) {
	c, _ := serve(t, &relays{}, 40)
	if _, err := do(t, c, wire.Do{Op: "on", Targets: "n[5-8]"}); err != nil {
		t.Fatal(err)
	}
	lines, err := do(t, c, wire.Do{Op: "status", Targets: "@all,-n40", Fold: true})
	if err != nil || len(lines) != 4 {
		t.Fatalf("%+v, %v", lines, err)
	}
	if l := lines[1]; l.Nodes != "n[1-4,9-39]" || l.Count != 35 || l.State != "off" || l.Outcome != fleet.OK {
		t.Errorf("%+v", l)
	}
	if l := lines[2]; l.Nodes != "n[5-8]" || l.Count != 4 || l.State != "on" {
		t.Errorf("%+v", l)
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	c, socket := serve(t, &relays{}, 4)
	for _, tt := range []struct {
		ask  wire.Do
		code room.Code
		said string
	}{
		{wire.Do{Op: "on", Targets: "n99"}, room.CodeNotFound, "no such node: n99"},
		{wire.Do{Op: "temp", Targets: "n1"}, room.CodeRefused, "cannot do temp"},
		{wire.Do{Op: "temp", Targets: "n1", DryRun: true}, room.CodeRefused, "cannot do temp"},
		{wire.Do{Op: "temp", Targets: "n1", Live: true}, room.CodeRefused, "cannot do temp"},
		{wire.Do{Op: "on"}, room.CodeInvalid, "@all"},
		{wire.Do{Op: "explode", Targets: "n1"}, room.CodeInvalid, "body.op: expected value to be one of"},
		{wire.Do{Op: "on", Targets: "n[1-"}, room.CodeInvalid, "character"},
		{wire.Do{Op: "on", Targets: "n1", Timeout: -1}, room.CodeInvalid, "body.timeout_seconds: expected number >= 0"},
	} {
		_, err := do(t, c, tt.ask)
		if room.CodeOf(err) != tt.code || !strings.Contains(fmt.Sprint(err), tt.said) {
			t.Errorf("%+v: %v: %v", tt.ask, room.CodeOf(err), err)
		}
	}
	if _, err := c.Run(t.Context(), "nothing"); room.CodeOf(err) != room.CodeNotFound {
		t.Error(err)
	}
	if err := c.Cancel(t.Context(), "nothing"); room.CodeOf(err) != room.CodeNotFound {
		t.Error(err)
	}
	var none *client.NoDaemon
	if _, err := client.New(socket + "x").Runs(t.Context()); !errors.As(err, &none) {
		t.Error(err)
	}
}

// A change goes on when its client leaves; a read is given up.
func TestClientThatLeaves(t *testing.T) {
	d := &relays{begun: make(chan struct{}), hold: make(chan struct{}), reads: make(chan struct{})}
	c, _ := serve(t, d, 4)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		for range c.Do(ctx, wire.Do{Op: "cycle", Targets: "n1"}) {
		}
	}()
	<-d.begun
	leave()
	<-left
	close(d.hold)
	for e, err := range c.Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Result}, Limit: 1}, true) {
		if err != nil || e.Op != "cycle" || e.Outcome != event.OK {
			t.Errorf("%+v, %v", e, err)
		}
	}

	ctx, leave = context.WithCancel(t.Context())
	left = make(chan struct{})
	go func() {
		defer close(left)
		for range c.Do(ctx, wire.Do{Op: "status"}) {
		}
	}()
	<-d.begun
	leave()
	<-left
	// The device is free again only if the read was given up, not held for ever.
	done := make(chan error)
	go func() {
		_, err := do(t, c, wire.Do{Op: "off", Targets: "n1"})
		done <- err
	}()
	<-d.begun
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	d := &relays{begun: make(chan struct{}, 9), hold: make(chan struct{})}
	c, _ := serve(t, d, 4)
	var outcome fleet.Outcome
	for line, err := range c.Do(t.Context(), wire.Do{Op: "on", Targets: "n1"}) {
		if err != nil {
			t.Fatal(err)
		}
		switch line.Kind {
		case wire.KindBegin:
			<-d.begun
			if err := c.Cancel(t.Context(), line.Request); err != nil {
				t.Error(err)
			}
		case wire.KindResult:
			outcome = line.Outcome
		}
	}
	if outcome != fleet.Unknown {
		t.Errorf("it is %s, and nobody can know what it is", outcome)
	}
	lines, err := do(t, c, wire.Do{Op: "on", Targets: "n1", Timeout: 0.01})
	if err != nil || lines[1].Outcome.Good() {
		t.Errorf("a timeout ends it: %+v, %v", lines, err)
	}
}

// BenchmarkStatus is the state of n nodes through the whole house, again and again
// on one connection; the device answers at once.
func BenchmarkStatus(b *testing.B) {
	for _, n := range []int{1, 1000, 10_000} {
		for _, live := range []bool{false, true} {
			b.Run(fmt.Sprintf("nodes=%d/live=%v", n, live), func(b *testing.B) {
				c, _ := serve(b, &relays{}, n)
				for b.Loop() {
					count := 0
					for line, err := range c.Do(b.Context(), wire.Do{Op: "status", Live: live}) {
						if err != nil {
							b.Fatal(err)
						}
						if line.Kind == wire.KindResult {
							count++
						}
					}
					if count != n {
						b.Fatal(count)
					}
				}
			})
		}
	}
}
