package sim_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

func TestAllThatIsWrongWithARoomIsSaid(t *testing.T) {
	_, err := sim.Start(t.Context(), sim.Config{
		PDUs: []sim.PDU{
			{Name: "p", Style: "steam"},
			{Name: "p", Outlets: []string{"a", "a"}},
			{Name: "q", Outlets: sim.Numbered(1, 2)},
			{},
		},
		Machines: []sim.Machine{
			{Name: "m", Inlets: []sim.Inlet{{PDU: "x", Outlet: "1"}}},
			{Name: "m", Inlets: []sim.Inlet{{PDU: "q", Outlet: "3"}}},
			{Name: "n", Boot: -1},
		},
	})
	if err == nil {
		t.Fatal("the room started")
	}
	for _, want := range []string{
		`PDU "p": there is no style "steam"`, `two PDUs are named "p"`, `the name "a" is empty or not the only one`, "a PDU has no name",
		`machine "m": there is no PDU "x"`, `machine "m": PDU "q" has no outlet "3"`, `two machines are named "m"`, `machine "n" boots in less than no time`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestARoomEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	room, err := sim.Start(ctx, sim.Config{PDUs: []sim.PDU{{Name: "p", Outlets: sim.Numbered(0, 4)}}})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", room.Addr("p"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	bufio.NewReader(conn).ReadString('>')
	cancel()
	room.Wait()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("reading to the end: %v", err)
	}
	if _, err := net.Dial("tcp", room.Addr("p")); err == nil {
		t.Error("the listener is still there")
	}
}

func TestOutletNames(t *testing.T) {
	room := start(t, sim.Config{InMemory: true, PDUs: []sim.PDU{{Name: "p", Outlets: []string{"A1", "A2", "B1"}}}})
	u := dial(t, room, "p:23")
	u.login()
	u.ask("on A[1-2],B1", "A1: OK\nA2: OK\nB1: OK\n1 OK\n")
	u.ask("off A2", "A2: OK\n2 OK\n")
	u.ask("stat *", "plug A1: ON\nplug A2: OFF\nplug B1: ON\n3 OK\n")
	u.ask("on 7", "4 BADVAL: 7\n")
}

func TestEachMakeSaysThatAPlugIsBroken(t *testing.T) {
	tests := []struct{ style, keys, want string }{
		{"menu", "apc\rapc\r1\r2\r1\r2\r1\r1\rYES\r", "Command failed: the plug does not answer"},
		{"menu2", "apc\rapc\r1\r3\r2\r1\r1\rYES\r", "Command failed: the plug does not answer"},
		{"line", "\ron 2\r", "Error: the plug does not answer"},
		{"slash", "wti\r/on 2\r", "Plug 2: the plug does not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.style, func(t *testing.T) {
			cfg := oneStrip(tt.style)
			cfg.PDUs[0].Outlets = sim.Numbered(1, 8)
			room := start(t, cfg)
			do(t, room, "fault p/2 error")
			u := dial(t, room, "p")
			u.send(tt.keys)
			u.until(tt.want)
			if got, want := relays(room, 0), "00000000"; got != want {
				t.Errorf("relays are %s, want %s", got, want)
			}
		})
	}
}

func TestControlOnASocket(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	room := start(t, twoStrips())
	ln, err := net.Listen("unix", t.TempDir()+"/control")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- room.ServeControl(ctx, ln) }()
	conn, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, tt := range []struct{ line, want string }{
		{"turn left/1 on", "ok\n"},
		{"fault left/1 lie", "ok\n"},
		{"fault right hang after 2", "ok\n"},
		{"feed B off", "ok\n"},
		{"show", "feed A: live\nfeed B: dead\n" +
			"pdu left: vpc at left:23, 1 of 4 outlets on, 0 connections, 0 lines typed\n" +
			"pdu right: vpc at right:23, 0 of 4 outlets on, 0 connections, 0 lines typed, unreachable, hang after 2\n" +
			"machine db: booting, 1 of 2 cords live, 190 W\nmachine old: off, 0 of 1 cords live, 0 W\nmachine lamp: off, 0 of 1 cords live, 0 W\nok\n"},
		{"turn left/1 off", "ok\n"},
		{"show left", "pdu left: vpc at left:23, 0 of 4 outlets on, 0 connections, 0 lines typed\n" +
			"outlet 0: off\noutlet 1: off, says on, lie\noutlet 2: off\noutlet 3: off\nok\n"},
		{"jump", "error: \"jump\" is not understood; try help\n"},
	} {
		if _, err := io.WriteString(conn, tt.line+"\n"); err != nil {
			t.Fatal(err)
		}
		got := ""
		for len(got) < len(tt.want) {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%q: %v after %q", tt.line, err, got)
			}
			got += line
		}
		if got != tt.want {
			t.Errorf("%q: got\n%swant\n%s", tt.line, got, tt.want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ServeControl: %v", err)
	}
}

func TestAFullStripHangsUp(t *testing.T) {
	cfg := oneStrip("vpc")
	cfg.PDUs[0].Sessions = 1
	room := start(t, cfg)
	first := dial(t, room, "p")
	first.login()
	if _, err := room.Dial(t.Context(), "tcp", "p"); err == nil {
		t.Error("a second connection was taken")
	}
	first.send("logoff\n")
	first.rest()
	for t.Context().Err() == nil { // the place is free soon after the line has gone
		if conn, err := room.Dial(t.Context(), "tcp", "p"); err == nil {
			conn.Close()
			return
		}
	}
}
