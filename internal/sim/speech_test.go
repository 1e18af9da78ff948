package sim_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// shouter is a make that answers each message, or each request, in capitals, and
// cycles its first outlet on "cycle".
type shouter struct{ unit *sim.Unit }

func (shouter) Name() string { return "shouter" }

func (s shouter) Serve(t *sim.Terminal) error {
	if s.unit.Name() == "web" {
		return t.Requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(s.answer(body))
		}))
	}
	return t.Messages(s.answer)
}

func (s shouter) answer(message []byte) []byte {
	if string(message) == "cycle" {
		_ = s.unit.Cycle(0, time.Second)
	}
	return bytes.ToUpper(message)
}

func shouting(name string, udp bool) sim.PDU {
	return sim.PDU{Name: name, UDP: udp, Outlets: sim.Numbered(1, 2), StartOn: true, Make: func(u *sim.Unit) (sim.Style, error) { return shouter{u}, nil }}
}

// ask sends a message to a unit and gives what it says within a while; "" if it says
// nothing.
func ask(t *testing.T, conn net.Conn, message string, patience time.Duration) string {
	t.Helper()
	if _, err := conn.Write([]byte(message)); err != nil {
		return ""
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, _ := conn.Read(buf)
	return string(buf[:n])
}

func TestUnitsOnUDPHaveFaults(t *testing.T) {
	room := start(t, sim.Config{PDUs: []sim.PDU{shouting("pdu1", true)}})
	one, err := net.Dial("udp", room.Addr("pdu1"))
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := net.Dial("udp", room.Addr("pdu1"))
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	const long, short = 10 * time.Second, 50 * time.Millisecond
	if a, b := ask(t, one, "one", long), ask(t, two, "two", long); a != "ONE" || b != "TWO" {
		t.Errorf("got %q and %q", a, b)
	}
	for _, f := range []struct {
		kind     sim.FaultKind
		patience time.Duration
		want     string
	}{{sim.Hang, short, ""}, {sim.Drop, long, "FO"}, {sim.Half, long, "F"}, {sim.Refuse, short, ""}} {
		if err := room.Break("pdu1", sim.Fault{Kind: f.kind}); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, one, "four", f.patience); got != f.want {
			t.Errorf("%s: got %q, want %q", f.kind, got, f.want)
		}
		if err := room.Heal("pdu1", ""); err != nil {
			t.Fatal(err)
		}
		again, err := net.Dial("udp", room.Addr("pdu1"))
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, again, "well", long); got != "WELL" {
			t.Errorf("after %s: got %q", f.kind, got)
		}
		again.Close()
	}
}

func TestACycleComesBackUnlessItIsToldOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, sim.Config{InMemory: true, PDUs: []sim.PDU{shouting("pdu1", true)}})
		conn, err := room.Dial(t.Context(), "udp", "pdu1")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, meanwhile := range []bool{false, true} {
			ask(t, conn, "cycle", time.Second)
			if relays(room, 0) != "01" {
				t.Errorf("in the middle: %s", relays(room, 0))
			}
			want := "11"
			if meanwhile {
				ask(t, conn, "cycle", time.Second) // anew
				time.Sleep(999 * time.Millisecond)
				want = "01"
			} else {
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if got := relays(room, 0); got != want {
				t.Errorf("afterwards, told otherwise %v: %s, want %s", meanwhile, got, want)
			}
		}
	})
}

func TestUnitsSpeakHTTP(t *testing.T) {
	room := start(t, sim.Config{PDUs: []sim.PDU{shouting("web", false)}})
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	post := func(text string) string {
		r, err := client.Post("http://"+room.Addr("web")+"/", "text/plain", strings.NewReader(text))
		if err != nil {
			return "error"
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "broken off"
		}
		return fmt.Sprint(r.StatusCode, " ", string(body))
	}
	for range 2 {
		if got := post("hello"); got != "202 HELLO" {
			t.Errorf("got %s", got)
		}
	}
	if s := room.Snapshot().PDUs[0]; s.Accepted != 1 || s.Commands != 2 {
		t.Errorf("%d connections and %d requests, want one that is kept, and 2", s.Accepted, s.Commands)
	}
	if err := room.Break("web", sim.Fault{Kind: sim.Garbage}); err != nil {
		t.Fatal(err)
	}
	if got := post("hello"); got != "error" {
		t.Errorf("noise was taken for %s", got)
	}
	if err := room.Heal("web", ""); err != nil {
		t.Fatal(err)
	}
	if got := post(strings.Repeat("x", 2<<20)); got == "202 "+strings.Repeat("X", 2<<20) {
		t.Error("a request without bounds was answered")
	}
	if got := post("hello"); got != "202 HELLO" {
		t.Errorf("after too much: %s", got)
	}
}
