package powerman_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/store"
)

// TestTCPWrappers: tables are honoured from the first client on, or the daemon
// does not start.
func TestTCPWrappers(t *testing.T) {
	d := newDevice(t, ok)
	conf := "tcpwrappers yes\n" + plain("5") + "device \"d\" \"plain\" \"" + d.addr + "\"\nnode \"n[1-3]\" \"d\"\n"
	h := prepare(t, conf)
	h.tables("powermand: 127.0.0.1\n", "ALL: ALL\n")
	h.start()
	h.dial().want("on n1", "102 Command completed successfully")

	h.tables("powermand: 10.0.0.1\n", "ALL: ALL\n")
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if said, _ := io.ReadAll(conn); len(said) > 0 {
		t.Errorf("a client that may not come in was told %q", said)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	refused := h.events(event.Refusal)
	if len(refused) != 1 || refused[0].Remote != conn.LocalAddr().String() || !strings.HasSuffix(refused[0].Detail, "hosts.deny:1") {
		t.Errorf("events: %+v", refused)
	}

	h.tables("powermand: ALL: spawn (mail root)\n", "")
	if err := h.tryStart(); err == nil || !strings.Contains(err.Error(), "hosts.allow:1: \"spawn (mail root)\": shell commands") {
		t.Errorf("with a table that cannot be honoured: %v", err)
	}

	// A reload that asks for tables gets them, or is not taken.
	h.write(strings.TrimPrefix(conf, "tcpwrappers yes\n"))
	h.start()
	c := h.dial()
	h.write(conf)
	if err := h.reloadNow(); err == nil {
		t.Error("a reload took tables that cannot be honoured")
	}
	h.tables("", "powermand: 127.\n")
	h.mustReload()
	conn, err = net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if said, _ := io.ReadAll(conn); len(said) > 0 {
		t.Errorf("after the reload a client was told %q", said)
	}
	c.want("on n1", "102 Command completed successfully") // who is in stays in
}

// tables writes hosts.allow and hosts.deny.
func (h *house) tables(allow, deny string) {
	h.t.Helper()
	h.put(filepath.Join(filepath.Dir(h.conf), "hosts.allow"), allow)
	h.put(filepath.Join(filepath.Dir(h.conf), "hosts.deny"), deny)
}

// events reads the log of a daemon that has stopped.
func (h *house) events(kinds ...event.Kind) []event.Event {
	h.t.Helper()
	s, err := store.Open(context.Background(), h.state, store.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	list, err := event.New(s, nil).Read(context.Background(), event.Filter{Kinds: kinds})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}
