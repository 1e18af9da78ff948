package powermand_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/store"
)

// strip is a simulated device that remembers what it was told, and says nothing
// to a cycle or a reset.
type strip struct {
	addr  string
	heard buffer
	told  chan string // each line
}

func newStrip(t *testing.T) *strip {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &strip{addr: ln.Addr().String(), told: make(chan string, 1<<16)}
	var all sync.WaitGroup
	t.Cleanup(func() { ln.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.serve(conn) })
		}
	})
	return s
}

func (s *strip) serve(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fmt.Fprintln(&s.heard, lines.Text())
		s.told <- lines.Text()
		if verb, _, _ := strings.Cut(lines.Text(), " "); verb != "cycle" && verb != "reset" {
			_, _ = io.WriteString(conn, "ok\n")
		}
	}
}

func (s *strip) conf() string {
	return fmt.Sprintf(`specification "strip" {
	timeout 60
	plug name { "1" "2" "3" "4" }
	script login { send "login\n" expect "ok\n" }
	script on { send "on %%s\n" expect "ok\n" }
	script off { send "off %%s\n" expect "ok\n" }
	script cycle { send "cycle %%s\n" expect "ok\n" }
	script reset { send "reset %%s\n" expect "ok\n" }
	script status { send "stat %%s\n" expect "(ok)\n" setplugstate $1 on="ok" }
}
device "d" "strip" %q
node "n[1-4]" "d"
`, s.addr)
}

// history reads the log of a daemon that is gone.
func history(t *testing.T, state string) []event.Event {
	t.Helper()
	s, err := store.Open(t.Context(), state, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := event.New(s, nil).Read(t.Context(), event.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestKilledAfterAnswers kills the daemon under load: of each request that was
// answered there are its intent and its result, and no device was told twice.
func TestKilledAfterAnswers(t *testing.T) {
	strip, state := newStrip(t), t.TempDir()
	var answered atomic.Int64
	for round := range 5 {
		s := serve(t, strip.conf(), "--state", state)
		var clients sync.WaitGroup
		for i := range 4 {
			clients.Go(func() {
				conn, err := net.Dial("tcp", s.addrs[0])
				if err != nil {
					return
				}
				defer conn.Close()
				r := bufio.NewReader(conn)
				for n := 0; ; n++ {
					verb := [2]string{"on", "off"}[n%2]
					if _, err := fmt.Fprintf(conn, "%s n%d\n", verb, i+1); err != nil {
						return
					}
					for {
						line, err := r.ReadString('\n')
						if err != nil {
							return
						}
						if strings.Contains(line, "102 ") {
							answered.Add(1)
							break
						}
					}
				}
			})
		}
		for range 20 + 17*round { // a moment that differs from round to round
			<-strip.told
		}
		_ = s.Process.Kill()
		_ = s.Wait()
		clients.Wait()
	}
	intents, results, ok := map[string]bool{}, map[string]int{}, 0
	for _, e := range history(t, state) {
		switch e.Kind {
		case event.Intent:
			intents[e.Request] = true
		case event.Result:
			results[e.Request]++
			if e.Outcome == event.OK {
				ok++
			}
		}
	}
	for id, n := range results {
		if n != 1 || !intents[id] {
			t.Errorf("request %s has %d results, intent %v", id, n, intents[id])
		}
	}
	if int64(ok) < answered.Load() || answered.Load() == 0 {
		t.Errorf("%d requests were answered, %d have their result in the log", answered.Load(), ok)
	}
	switched := strings.Count(strip.heard.String(), "on ") + strings.Count(strip.heard.String(), "off ")
	if switched > len(intents) {
		t.Errorf("the device was told to switch %d times for %d requests", switched, len(intents))
	}
	t.Logf("%d answered, %d intents, %d results, %d switched", answered.Load(), len(intents), len(results), switched)
}

// TestKilledInACycle: what was cut off is unknown, is not done again by itself,
// and states are read anew.
func TestKilledInACycle(t *testing.T) {
	for _, verb := range []string{"cycle", "reset"} {
		t.Run(verb, func(t *testing.T) {
			strip, state := newStrip(t), t.TempDir()
			s := serve(t, strip.conf(), "--state", state)
			client := exec.Command("/usr/bin/powerman", "-h", s.addrs[0], "--"+verb, "n2")
			if err := client.Start(); err != nil {
				t.Fatal(err)
			}
			strip.waitFor(t, verb+" 2")
			_ = s.Process.Kill()
			_ = s.Wait()
			_ = client.Wait()

			s = serve(t, strip.conf(), "--state", state)
			if out, status := run(t, "/usr/bin/powerman", "-h", s.addrs[0], "-Q", "n2"); status != 0 || !strings.Contains(out, "on:      n2\n") {
				t.Errorf("after the restart: %d, %s", status, out)
			}
			if n := strings.Count(strip.heard.String(), verb); n != 1 {
				t.Errorf("the device was told to %s %d times", verb, n)
			}
			if !strings.HasSuffix(strip.heard.String(), "stat 2\n") {
				t.Errorf("the state was not read from the device:\n%s", &strip.heard)
			}
			if !strings.Contains(s.stderr.String(), "interrupted") {
				t.Errorf("stderr says nothing of it: %s", s.stderr)
			}
			_ = s.Process.Kill()
			_ = s.Wait()
			for _, e := range history(t, state) {
				if e.Kind == event.Result && e.Op == verb {
					if e.Outcome != event.Unknown || e.Targets != "n2" {
						t.Errorf("event: %+v", e)
					}
					return
				}
			}
			t.Error("no event says how it went")
		})
	}
}

func (s *strip) waitFor(t *testing.T, line string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-s.told:
			if got == line {
				return
			}
		case <-late:
			t.Fatalf("the device was not told %q, but\n%s", line, &s.heard)
		}
	}
}
