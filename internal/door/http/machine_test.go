package httpdoor_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// The relays of these tests reach into their machines.

func (s *relaySession) Boot(_ context.Context, plug int) (driver.Boot, error) {
	return s.boot[plug], nil
}

func (s *relaySession) SetBoot(_ context.Context, plug int, b driver.Boot) error {
	if b.From == driver.BootSafe {
		return errors.New("there is no safe mode")
	}
	s.boot[plug] = b
	return nil
}

func (s *relaySession) Log(_ context.Context, _ int, tell func(driver.LogEntry)) error {
	for _, e := range s.entries {
		tell(e)
	}
	return nil
}

func (s *relaySession) ClearLog(context.Context, int) error {
	s.entries = nil
	return nil
}

func machineEntries() []driver.LogEntry {
	return []driver.LogEntry{{ID: "1", At: time.Unix(1e9, 0), Source: "Fan 3", Text: "lower critical", Severity: driver.Critical}, {ID: "2", Text: "log cleared", Ended: true}}
}

// TestMachines: boot device and log of a machine, each change an intent and a result.
func TestMachines(t *testing.T) {
	s := newStand(t, &relays{}, 2)
	for _, tt := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"PUT", "/v1/nodes/n1/boot", `{"from":"network","uefi":true}`, 200, "{}"},
		{"GET", "/v1/nodes/n1/boot", "", 200, `"from":"network","uefi":true`},
		{"PUT", "/v1/nodes/n1/boot", `{"from":"floppy"}`, 422, "from"},
		{"PUT", "/v1/nodes/n1/boot", `{"from":"safe"}`, 502, "no safe mode"},
		{"GET", "/v1/nodes/@all/boot", "", 400, "name one node"},
		{"GET", "/v1/nodes/n9/boot", "", 404, "n9"},
		{"GET", "/v1/nodes/n1/log", "", 200, `"source":"Fan 3","text":"lower critical","severity":"critical"`},
		{"POST", "/v1/nodes/n1/log/clear", "", 200, "{}"},
		{"GET", "/v1/nodes/n1/log", "", 200, `"items":[]`},
	} {
		r := s.ask(call{method: tt.method, path: tt.path, body: tt.body, user: "ann"})
		if r.status != tt.status || !strings.Contains(string(r.body), tt.holds) {
			t.Errorf("%s %s %s: %d %.300s", tt.method, tt.path, tt.body, r.status, r.body)
		}
		if r := s.ask(call{method: tt.method, path: tt.path, body: tt.body, user: "nobody"}); r.status != http.StatusUnauthorized {
			t.Errorf("%s %s by a stranger: %d", tt.method, tt.path, r.status)
		}
	}
	events := read[wire.Events](s, call{path: "/v1/events?limit=100"})
	var outcomes []string
	for _, e := range events.Items {
		if e.Op == "set boot device" {
			outcomes = append(outcomes, string(e.Kind)+" "+e.Outcome)
		}
	}
	if got := strings.Join(outcomes, ", "); got != "intent , result ok, intent , result failed" {
		t.Errorf("the events are: %s", got)
	}
}

// TestEveryOperationIsKnown: what the command line can ask for, the API takes.
func TestEveryOperationIsKnown(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	for _, op := range room.Ops() {
		r := s.ask(call{method: "POST", path: "/v1/operations", body: `{"op":"` + op.String() + `","targets":"n1","dry_run":true}`, user: "ann"})
		if r.status != http.StatusOK && r.status != http.StatusConflict { // 409: the device cannot do it
			t.Errorf("%s: %d %.200s", op, r.status, r.body)
		}
	}
}
