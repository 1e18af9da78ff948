package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// twoStrips is a room with two strips on a feed each, a machine with a cord to
// both, and one that waits for its button.
func twoStrips() sim.Config {
	return sim.Config{
		InMemory: true,
		PDUs: []sim.PDU{
			{Name: "left", Outlets: sim.Numbered(0, 4), Feed: "A"},
			{Name: "right", Outlets: sim.Numbered(0, 4), Feed: "B", SwitchDelay: 2 * time.Second},
		},
		Machines: []sim.Machine{
			{Name: "db", Boot: 30 * time.Second, Inlets: []sim.Inlet{{PDU: "left", Outlet: "1"}, {PDU: "right", Outlet: "1"}}},
			{Name: "old", Boot: 10 * time.Second, StayOff: true, Inlets: []sim.Inlet{{PDU: "left", Outlet: "2"}}},
			{Name: "lamp", Inlets: []sim.Inlet{{PDU: "right", Outlet: "3"}}},
		},
	}
}

func TestMachinesFollowTheirPower(t *testing.T) {
	type step struct {
		do   string        // a line of the control protocol
		wait time.Duration // after it
		want string        // states of db, old, lamp
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"a machine boots for its time, and not shorter", []step{
			{"turn left/1 on", 30*time.Second - 1, "booting off off"},
			{"", 1, "up off off"},
		}},
		{"one live cord is enough", []step{
			{"turn left/1 on", 10 * time.Second, "booting off off"},
			{"turn right/1 on", 0, "booting off off"},
			{"turn left/1 off", 20 * time.Second, "up off off"},
			{"turn right/1 off", 0, "off off off"},
		}},
		{"a machine that loses power while it boots starts from the beginning", []step{
			{"turn left/1 on", 29 * time.Second, "booting off off"},
			{"turn left/1 off", 0, "off off off"},
			{"turn left/1 on", 29 * time.Second, "booting off off"},
			{"", time.Second, "up off off"},
		}},
		{"power and button together start a machine that stays off", []step{
			{"turn left/2 on", time.Hour, "off off off"},
			{"press old", 10 * time.Second, "off up off"},
			{"turn left/2 off", 0, "off off off"},
			{"turn left/2 on", time.Hour, "off off off"},
		}},
		{"a dead feed takes what hangs on it alone", []step{
			{"turn left/1 on", 0, "booting off off"},
			{"turn right/1 on", 0, "booting off off"},
			{"turn right/3 on", time.Minute, "up off up"},
			{"feed B off", 0, "up off off"},
			{"feed A off", 0, "off off off"},
			{"feed B on", 30 * time.Second, "up off up"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				room := start(t, twoStrips())
				for i, s := range tt.steps {
					do(t, room, s.do)
					time.Sleep(s.wait)
					synctest.Wait()
					if got := states(room); got != s.want {
						t.Fatalf("step %d, %q: machines are %q, want %q", i, s.do, got, s.want)
					}
				}
			})
		})
	}
}

func do(t *testing.T, room *sim.Room, line string) {
	t.Helper()
	if err := room.Do(line, t.Output()); err != nil {
		t.Fatal(err)
	}
}

func states(room *sim.Room) string {
	text := ""
	for _, m := range room.Snapshot().Machines {
		text += " " + m.State.String()
	}
	return text[1:]
}

func TestRelaysTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, twoStrips())
		user := dial(t, room, "right")
		user.login()
		begin := time.Now()
		user.ask("on [0-2]", "0: OK\n1: OK\n2: OK\n1 OK\n")
		user.ask("", "2 vpc> ") // is held back until the relays have moved
		if got, want := time.Since(begin), 2*time.Second; got != want {
			t.Errorf("the prompt came after %v, want %v", got, want)
		}
		s := room.Snapshot()
		if got, want := relays(room, 1), "1110"; got != want {
			t.Errorf("relays are %s, want %s", got, want)
		}
		if got, want := []int{s.PDUs[0].PeakMoving, s.PDUs[1].PeakMoving, s.PeakMoving}, []int{0, 3, 3}; !slices.Equal(got, want) {
			t.Errorf("peaks of moving relays are %v, want %v", got, want)
		}
	})
}

func TestALaterCommandOvertakesARelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := twoStrips()
		cfg.PDUs[1].Style = "menu" // answers before the relay has moved
		room := start(t, cfg)
		turn := func(command string) {
			user := dial(t, room, "right")
			defer user.conn.Close()
			for _, key := range []string{"apc", "apc", "1", "2", "1", "2", "1", command, "YES"} {
				user.send(key + "\r")
			}
			user.until("Press <ENTER>")
		}
		turn("1")
		time.Sleep(time.Second)
		turn("2")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := relays(room, 1), "0000"; got != want {
			t.Errorf("relays are %s, want %s", got, want)
		}
		if got := room.History(sim.OutletOn); len(got) > 0 {
			t.Errorf("the relay moved: %v", got)
		}
	})
}

func TestHistoryKeepsTheOrderOfWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, twoStrips())
		var told []string
		cancel := room.Subscribe(func(h sim.Happening) { told = append(told, h.String()) })
		user := dial(t, room, "left")
		user.login()
		user.ask("on [3,1]", "3: OK\n1: OK\n1 OK\n")
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		user.ask("off 1", "1: OK\n2 OK\n")

		want := []string{"left outlet 3 on", "left outlet 1 on", "db booting", "db up"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		var ons []string
		for _, h := range room.History(sim.OutletOn, sim.OutletOff) {
			ons = append(ons, fmt.Sprint(h.Kind, h.Outlet))
		}
		if want := []string{"on3", "on1", "off1"}; !slices.Equal(ons, want) {
			t.Errorf("history is %q, want %q", ons, want)
		}
	})
}

func TestHistoryForgetsTheOldest(t *testing.T) {
	cfg := twoStrips()
	cfg.History = 3
	room := start(t, cfg)
	for range 10 {
		do(t, room, "turn left/0 on")
		do(t, room, "turn left/3 on")
		do(t, room, "turn left/0 off")
		do(t, room, "turn left/3 off")
	}
	got := room.History()
	if len(got) != 3 || got[0].String() != "left outlet 3 on" || got[2].String() != "left outlet 3 off" {
		t.Errorf("history is %v, want the last 3", got)
	}
}

func TestResetRebootsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, twoStrips())
		do(t, room, "turn left/1 on")
		time.Sleep(time.Minute)
		user := dial(t, room, "left")
		user.login()
		begin := time.Now()
		user.ask("reset *", "1 OK\n")
		if got := time.Since(begin); got != time.Second {
			t.Errorf("reset took %v, want 1s", got)
		}
		if got, want := states(room), "booting off off"; got != want {
			t.Errorf("machines are %q, want %q", got, want)
		}
	})
}

func TestAStripMayBeOnAtTheStart(t *testing.T) {
	cfg := twoStrips()
	cfg.PDUs[0].StartOn = true
	room := start(t, cfg)
	if got, want := relays(room, 0)+" "+relays(room, 1), "1111 0000"; got != want {
		t.Errorf("relays are %s, want %s", got, want)
	}
	if got, want := states(room), "up up off"; got != want {
		t.Errorf("machines are %q, want %q", got, want)
	}
}

func TestSwitchingOnWhatIsOnChangesNothing(t *testing.T) {
	room := start(t, twoStrips())
	u := dial(t, room, "left")
	u.login()
	for range 2 {
		u.send("on 0\n")
		u.until("0: OK\n")
	}
	if got := room.History(); len(got) != 1 {
		t.Errorf("history is %v, want one happening", got)
	}
	if got, _ := room.Outlet("left", "0"); got.Commands != 2 || !got.On || !got.Live {
		t.Errorf("the outlet is %+v, want it on, live and commanded twice", got)
	}
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, twoStrips())
		do(t, room, "turn left/1 on")
		begin := time.Now()
		isUp := func(s sim.Snapshot) bool { return s.Machines[0].State == sim.Up }
		if err := room.Await(t.Context(), isUp); err != nil {
			t.Error(err)
		}
		if got := time.Since(begin); got != 30*time.Second {
			t.Errorf("waited for %v, want 30s", got)
		}
		if m, ok := room.Machine("db"); !ok || m.State != sim.Up || m.Live != 1 || m.Inlets != 2 {
			t.Errorf("the machine is %+v, want it up on one of two cords", m)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := room.Await(ctx, func(sim.Snapshot) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want the deadline", err)
		}
	})
}
