package ockle_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/ockle"
)

// The network N1, with a server whose test never succeeds: what can be up is up, and why
// the rest is not can be seen.
func TestN1(t *testing.T) {
	t.Parallel()
	h := openN1(t, true, nil)
	if busy, err := h.client.AutoControl(t.Context()); busy || err != nil {
		t.Errorf("AutoControl is on before anybody asked: %v", err)
	}
	h.switched(true)
	h.want("switch=OK; storage=OK; db=OK; web=OK; bad=Permanently failed to start; afterbad=OFF")
	v, _, err := h.client.ServerView(t.Context(), "bad")
	if err != nil || v.StartAttempts != 3 || v.Tests["testtest1"].OpState != ockle.Failed {
		t.Errorf("bad is %+v, %v", v, err)
	}
	// The order, by what was written down as it happened.
	runs, err := h.local.Runs(t.Context())
	h.no(err)
	if len(runs) != 1 || runs[0].Door != "ockle" || !strings.Contains(runs[0].Said, "afterbad") || !strings.Contains(runs[0].Said, "bad") {
		t.Errorf("the run says %+v", runs)
	}
	if why, err := h.local.Why(t.Context(), "afterbad"); err != nil || !strings.Contains(flat(why.Because), "bad") {
		t.Errorf("why afterbad is not up: %+v, %v", why, err)
	}
	dot, err := h.client.Graph(t.Context())
	h.no(err)
	for _, want := range []string{`"switch" [color="green"];`, `"bad" [color="red"];`, `"afterbad" [color="#969696"];`, `"bad" -> "afterbad";`, `"storage" -> "web";`} {
		if !strings.Contains(dot, want) {
			t.Errorf("the graph has no %s:\n%s", want, dot)
		}
	}
}

// On, off and on again: all of it each time, with the flag off after it.
func TestOnOffOn(t *testing.T) {
	h := openN1(t, false, nil)
	for _, on := range []bool{true, false, true} {
		h.switched(on)
		want := "OFF"
		if on {
			want = "OK"
		}
		for _, server := range []string{"switch", "storage", "db", "web"} {
			if got := h.state(server); string(got) != want {
				t.Errorf("on is %t, and %s is %q", on, server, got)
			}
		}
	}
}

const control = `[server]
outlets = ["outlet1"]
tests = ["test1"]
controls = ["soft1"]
dependencies = ["switch"]
comment = the disks
[outlet1]
pdu = strip
[test1]
tester = says
[soft1]
controller = soft
simulate_shutdown_fail = %
`

// A control that cannot shut its server down: the power stays, and so does what the server
// needs.
func TestControlThatCannot(t *testing.T) {
	t.Parallel()
	h := openN1(t, false, files{"servers/storage.ini": strings.Replace(control, "%", "true", 1)})
	h.switched(true)
	h.want("storage=OK; web=OK")
	h.switched(false)
	h.want("web=OFF; db=OFF; storage=Permanently failed to Stop; switch=OK")
	v, _, err := h.client.ServerView(t.Context(), "storage")
	if err != nil || !v.Outlets["outletoutlet1"].State || !v.Controls["controlsoft1"].State {
		t.Errorf("its outlet was cut, or its control is off: %+v, %v", v, err)
	}
	if v, _, _ := h.client.ServerView(t.Context(), "web"); bool(v.Outlets["outletoutlet1"].State) {
		t.Errorf("web still has power: %+v", v)
	}
}

// One that can is asked before its power is cut.
func TestControlThatCan(t *testing.T) {
	h := openN1(t, false, files{"servers/storage.ini": strings.Replace(control, "%", "false", 1)})
	h.switched(true)
	h.switched(false)
	h.want("web=OFF; db=OFF; storage=OFF; switch=OFF")
	if v, _, err := h.client.ServerView(t.Context(), "storage"); err != nil || bool(v.Controls["controlsoft1"].State) || bool(v.Outlets["outletoutlet1"].State) {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestDependencyMap(t *testing.T) {
	h := openN1(t, true, nil)
	m, err := h.client.DependencyMap(t.Context(), "storage")
	h.no(err)
	names := func(m map[string]string) string { return strings.Join(slices.Sorted(maps.Keys(m)), " ") }
	if names(m.Available) != "afterbad bad" || names(m.Existing) != "switch" || m.Existing["switch"] != "the switch that all hangs on" {
		t.Errorf("got %+v", m)
	}
	if len(m.Disabled) != 2 || !slices.Equal(m.Disabled["db"], []string{"storage", "db"}) || m.Disabled["web"] == nil {
		t.Errorf("disabled: %v", m.Disabled)
	}
}

// While everything is being switched the network is busy, and can be stopped.
func TestBusyAndCancelled(t *testing.T) {
	// It never succeeds, and is given a long time to.
	h := openN1(t, true, files{"room.yaml": quick["room.yaml"] + "order: {start-within: 10m}\n"})
	said, err := h.client.SwitchNetwork(t.Context(), true)
	if err != nil || said != ockle.NetworkOn {
		t.Fatalf("%q, %v", said, err)
	}
	if busy, err := h.client.AutoControl(t.Context()); !busy || err != nil {
		t.Errorf("it is not on while it switches: %v", err)
	}
	for _, on := range []bool{true, false} {
		if said, err := h.client.SwitchNetwork(t.Context(), on); said != ockle.Busy || err != nil {
			t.Errorf("another says %q, %v", said, err)
		}
	}
	h.no(h.client.SetAutoControl(t.Context(), true)) // it is on
	h.no(h.client.SetAutoControl(t.Context(), false))
	h.quiet()
	if err := h.client.SetAutoControl(t.Context(), true); err == nil {
		t.Error("AutoControl can be on while nothing is done")
	}
	values, err := h.client.Call(t.Context(), ockle.SwitchNetwork, ockle.Values{{Key: "state", Text: "yes please"}})
	if code(err) != ockle.CodeInvalid {
		t.Errorf("an unknown word says %v, %v", values, err)
	}
	if busy, _ := h.client.AutoControl(t.Context()); busy {
		t.Error("an unknown word has switched the network")
	}
}

// flat gives all that is said in reasons.
func flat(list []wire.Why) string {
	var b strings.Builder
	for _, r := range list {
		b.WriteString(r.Subject + " " + r.State + " " + r.Said + "\n" + flat(r.Because))
	}
	return b.String()
}
