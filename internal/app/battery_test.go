package app_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/nut"
)

// soon is how long something may take that must happen.
const soon = 30 * time.Second

// supplied is a site whose strips hang on a UPS.
type supplied struct {
	*site
	bank *nut.Bank
	api  *client.Client
}

const stages = `battery:
  margin: 1s
  back-after: 100ms
  back-charge: 30
  stages:
    - {name: spare, nodes: "web[3-4]", immediately: yes}
    - {name: work, nodes: "web[1-2]", charge: 60}
    - {name: core, nodes: db1, low: yes}
`

func newSupplied(t *testing.T, more string) *supplied {
	t.Helper()
	s := &supplied{site: newSite(t), bank: nut.NewBank("", "")}
	s.put("OL", "100", "1200")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- (&nut.Server{Handler: s.bank}).Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); <-served })
	s.socket = filepath.Join(t.TempDir(), "s")
	text := strings.ReplaceAll(s.room("web[1-4]"), "script, settings", "script, feed: mains, settings")
	s.write("room.yaml", text+fmt.Sprintf(`feeds: {mains: {}}
samples: {every: 1s}
ups:
  rack: {address: %q, feeds: mains, poll: 100ms, hold: 100ms, settle: 100ms, patience: 2s}
%s`, l.Addr(), more))
	s.api = client.New(s.socket)
	t.Cleanup(s.api.Close)
	return s
}

func (s *supplied) put(status, charge, runtime string) {
	s.bank.Put("rack", "a UPS", nut.Vars{"ups.status": status, "battery.charge": charge, "battery.runtime": runtime, "ups.load": "40"})
}

func (s *supplied) begin() {
	s.t.Helper()
	s.start()
	if s.addr == "" {
		s.t.Fatalf("it did not start: %v", s.stop())
	}
}

// on switches nodes on.
func (s *supplied) on(targets string) {
	s.t.Helper()
	for line, err := range s.api.Do(s.t.Context(), wire.Do{Op: "on", Targets: targets}) {
		if err != nil {
			s.t.Fatal(line, err)
		}
	}
}

// await waits for an event, and gives it.
func (s *supplied) await(what string, is func(wire.Event) bool, kinds ...event.Kind) wire.Event {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), soon)
	defer cancel()
	var seen []string
	for e, err := range s.api.Events(ctx, event.Filter{Kinds: kinds}, true) {
		if err != nil {
			s.t.Fatalf("%s: %v; so far:\n%s", what, err, strings.Join(seen, "\n"))
		}
		if is(e) {
			return e
		}
		seen = append(seen, fmt.Sprint(e.Kind, " ", e.Op, " ", e.Outcome, " ", e.Detail))
	}
	s.t.Fatalf("%s did not come; so far:\n%s", what, strings.Join(seen, "\n"))
	return wire.Event{}
}

// stage waits until a stage is through with going down or coming back.
func (s *supplied) stage(op, name string) wire.Event {
	s.t.Helper()
	return s.await(op+" "+name, func(e wire.Event) bool {
		return e.Op == op && e.Outcome != "" && strings.HasPrefix(e.Detail, "stage "+name+":")
	}, event.Battery)
}

// begun gives which stages began to go which way, in order.
func (s *supplied) begun() string {
	s.t.Helper()
	var list []string
	for e, err := range s.api.Events(s.t.Context(), event.Filter{Kinds: []event.Kind{event.Battery}}, false) {
		if err != nil {
			s.t.Fatal(err)
		}
		if name, rest, ok := strings.Cut(e.Detail, " begins"); ok && rest != "" {
			list = append(list, strings.TrimPrefix(e.Op, "stage ")+" "+strings.TrimPrefix(name, "stage "))
		}
	}
	return strings.Join(list, ", ")
}

// lit gives the nodes that are on, as their strips have it.
func (s *supplied) lit() string {
	var on []string
	for i := range 5 {
		pdu, plug, node := "pdu1", fmt.Sprint(i+1), fmt.Sprintf("web%d", i+1)
		if i == 4 {
			pdu, plug, node = "pdu2", "1", "db1"
		}
		if state, _ := s.sim.Outlet(pdu, plug); state.On {
			on = append(on, node)
		}
	}
	slices.Sort(on)
	return strings.Join(on, " ")
}

func (s *supplied) want(lit string) {
	s.t.Helper()
	if got := s.lit(); got != lit {
		s.t.Errorf("on: %q, want %q", got, lit)
	}
}

// The mains fail: stages go down in their order, and come back in the reverse one, but
// for what was off before.
func TestOnBattery(t *testing.T) {
	s := newSupplied(t, stages)
	s.begin()
	s.on("web[1-3],db1") // and not web4
	s.put("OB DISCHRG", "90", "1000")
	if e := s.stage("stage down", "spare"); e.Outcome != event.OK || e.Targets != "web[3-4]" {
		t.Errorf("%+v", e)
	}
	s.want("db1 web1 web2")

	b, err := s.api.Battery(t.Context())
	if err != nil || !b.Out || b.Stages[0].State != "down" || b.Stages[0].Taken != "web3" || b.Stages[1].State != "up" || !b.Stages[1].Fits {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := s.api.WishBattery(t.Context(), true, nil); err == nil || !strings.Contains(err.Error(), "runs on batteries") {
		t.Errorf("it comes back on battery: %v", err)
	}

	s.put("OB DISCHRG", "50", "600")
	s.stage("stage down", "work")
	s.want("db1")
	s.put("OB LB DISCHRG", "8", "60")
	s.stage("stage down", "core")
	s.want("")

	s.put("OL CHRG", "20", "200") // the charge is not enough yet
	s.await("the mains", func(e wire.Event) bool { return e.Op == "online" }, event.UPS)
	s.want("")
	s.put("OL CHRG", "40", "400")
	s.stage("stage back", "spare")
	s.want("db1 web1 web2 web3")
	if got, want := s.begun(), "down spare, down work, down core, up core, up work, up spare"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if b, err := s.api.Battery(t.Context()); err != nil || b.Out || b.Stages[0].State != "up" {
		t.Errorf("%+v, %v", b, err)
	}
	list, err := s.api.UPSes(t.Context())
	if err != nil || len(list) != 1 || list[0].State != "online" || *list[0].Charge != 40 {
		t.Errorf("%+v, %v", list, err)
	}
	s.sampled("charge", "runtime", "load")
	s.await("a run of the battery's", func(e wire.Event) bool { return e.Actor == "battery" && e.Op == "down" && e.Outcome == event.OK }, event.Result)
}

// sampled waits until there are samples of the UPS.
func (s *supplied) sampled(quantities ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), soon)
	defer cancel()
	for {
		list, err := s.api.Samples(ctx, url.Values{"ups": {"rack"}, "quantity": {strings.Join(quantities, ",")}})
		if err == nil && len(list) == len(quantities) {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("samples: %+v, %v", list, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// A daemon that is gone while a stage goes down finds its way, and begins nothing twice.
func TestKilledOnBattery(t *testing.T) {
	s := newSupplied(t, stages)
	daemon := s.spawn()
	s.on("web[1-4],db1")
	if err := s.sim.Break("pdu1", sim.Fault{Kind: sim.Slow, Delay: 150 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	s.put("OB DISCHRG", "90", "1000")
	s.await("the stage", func(e wire.Event) bool { return e.Op == "stage down" }, event.Battery)
	s.kill(daemon)
	s.spawn()
	s.stage("stage down", "spare")
	s.want("db1 web1 web2")
	intents := 0
	for e, err := range s.api.Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Intent}}, false) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Actor == "battery" {
			intents++
		}
	}
	if intents != 1 {
		t.Errorf("the stage was begun %d times", intents)
	}
	s.put("OL", "90", "1000")
	s.stage("stage back", "spare")
	s.want("db1 web1 web2 web3 web4")
}

// spawn runs the daemon as a process of its own; kill ends it without a word.
func (s *supplied) spawn() *exec.Cmd {
	s.t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "MILLWRIGHT_TEST_ROOM="+filepath.Join(s.dir, "room.yaml"), "MILLWRIGHT_TEST_STATE="+s.state, "MILLWRIGHT_TEST_SOCKET="+s.socket)
	c.Stderr = &s.log
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.kill(c) })
	ctx, cancel := context.WithTimeout(s.t.Context(), soon)
	defer cancel()
	for {
		if _, err := s.api.Version(ctx); err == nil {
			return c
		} else if ctx.Err() != nil {
			s.t.Fatalf("the daemon does not answer: %v\n%s", err, s.log.String())
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *supplied) kill(c *exec.Cmd) {
	if c.ProcessState == nil {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

// By hand and while the mains are there, what goes down comes back by hand only.
func TestBatteryByHand(t *testing.T) {
	s := newSupplied(t, stages)
	s.begin()
	s.on("web[1-4],db1")
	if _, err := s.api.WishBattery(t.Context(), false, []string{"nosuch"}); err == nil || !strings.Contains(err.Error(), "no such stage") {
		t.Error(err)
	}
	if _, err := s.api.Hold(t.Context(), wire.NewHold{Targets: "web1", Kind: "hold"}); err != nil {
		t.Fatal(err)
	}
	got, err := s.api.WishBattery(t.Context(), false, []string{"work", "spare"})
	if err != nil || !slices.Equal(got, []string{"spare", "work"}) {
		t.Fatal(got, err)
	}
	s.stage("stage down", "work")
	s.want("db1 web1") // which is held
	b, err := s.api.Battery(t.Context())
	if err != nil || !b.Stages[1].Hand || b.Stages[1].State != "down" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := s.api.WishBattery(t.Context(), true, nil); err != nil {
		t.Fatal(err)
	}
	s.stage("stage back", "spare")
	s.want("db1 web1 web2 web3 web4")
	if got, want := s.begun(), "down spare, down work, up work, up spare"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A UPS that flaps begins nothing twice, and one that is lost on battery goes on emptying.
func TestFlappingAndLost(t *testing.T) {
	s := newSupplied(t, strings.Replace(stages, "low: yes", "runtime: 19m59s", 1))
	s.begin()
	s.on("web[1-4],db1")
	for range 5 {
		s.put("OB DISCHRG", "90", "1200")
		s.put("OL", "90", "1200")
	}
	s.put("OB DISCHRG", "90", "1200")
	s.stage("stage down", "spare")
	s.bank.Fail("rack", nut.DataStale)
	s.await("that it is lost", func(e wire.Event) bool { return e.Op == "lost" }, event.UPS)
	s.stage("stage down", "core") // its minutes went by all the same
	s.want("")
	if got, want := s.begun(), "down spare, down work, down core"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What would be done is worked out without touching anything.
func TestBatteryRehearsal(t *testing.T) {
	s := newSupplied(t, stages)
	s.begin()
	s.on("web[1-4],db1")
	r, err := s.api.TestBattery(t.Context(), 10*time.Minute)
	if err != nil || !r.Fits || len(r.Stages) != 3 || r.Stages[0].Stage != "spare" || !strings.HasPrefix(r.Said, "10m left, needs ") {
		t.Fatalf("%+v, %v", r, err)
	}
	if at := r.Stages[1].Begins; at < 235 || at > 245 { // 60 % of ten minutes are left then
		t.Errorf("work begins after %v s", at)
	}
	if r, err = s.api.TestBattery(t.Context(), time.Second); err != nil || r.Fits {
		t.Errorf("a second is enough: %+v, %v", r, err)
	}
	s.want("db1 web1 web2 web3 web4")
}

// Schedules are listed, foreseen over changes of the clocks, switched off for good, and
// done by hand.
func TestSchedules(t *testing.T) {
	s := newSupplied(t, `schedules:
  night: {do: down, nodes: "web[3-4]", days: "1", months: jan, at: "03:33", zone: UTC}
  dst: {do: up, at: "02:30", zone: Europe/Berlin, months: mar, days: last sun}
`)
	s.begin()
	s.on("web[1-4],db1")
	list, err := s.api.Schedules(t.Context())
	if err != nil || len(list) != 2 || list[0].Nodes != "web[3-4]" || !list[0].Enabled || list[0].Next.IsZero() || list[1].When != "last sun in mar at 02:30 Europe/Berlin" {
		t.Fatalf("%+v, %v", list, err)
	}
	firings, err := s.api.PreviewSchedules(t.Context(), "dst", 3)
	if err != nil || len(firings) != 3 {
		t.Fatal(firings, err)
	}
	for _, f := range firings {
		if f.At.Hour() != 3 || f.At.Minute() != 0 || f.Note == "" {
			t.Errorf("02:30 is left out by the clocks: %+v", f)
		}
	}
	if err := s.api.EnableSchedule(t.Context(), "night", false); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.begin()
	if list, err = s.api.Schedules(t.Context()); err != nil || list[0].Enabled {
		t.Errorf("after a restart: %+v, %v", list, err)
	}
	planned, err := s.api.RunSchedule(t.Context(), "night", wire.RunSchedule{})
	if err != nil {
		t.Fatal(err)
	}
	for u, err := range s.api.Updates(t.Context(), planned.Run, 0) {
		if err != nil {
			t.Fatal(u, err)
		}
	}
	s.want("db1 web1 web2")
	if err := s.api.EnableSchedule(t.Context(), "nosuch", true); room.CodeOf(err) != room.CodeNotFound {
		t.Error(err)
	}
}
