package sim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// request asks the operating systems of a room, and gives the status and what is said.
func request(t *testing.T, room *sim.Room, what string) (status int, s sim.HostState) {
	t.Helper()
	method, path, _ := strings.Cut(what, " ")
	w := httptest.NewRecorder()
	room.Hosts().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		t.Fatalf("%s: %v in %q", what, err, w.Body)
	}
	return w.Code, s
}

func TestMachinesAnswerAsTheyAre(t *testing.T) {
	type step struct {
		do     string // lines of the control protocol, or a request
		wait   time.Duration
		health int // what /db/health answers then
		state  string
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"a whole life", []step{
			{"machine db halt 4s", 0, 504, "off"},
			{"turn left/1 on", 30*time.Second - 1, 503, "booting"},
			{"", 1, 200, "up"},
			{"POST /db/shutdown", 4*time.Second - 1, 503, "halting"},
			{"POST /db/shutdown", 1, 504, "halted"}, // asking twice changes nothing
			{"POST /db/start", 30 * time.Second, 200, "up"},
			{"turn left/1 off", 0, 504, "off"},
			{"POST /db/start", time.Hour, 504, "off"},
		}},
		{"power that goes ends a halt", []step{
			{"turn left/1 on", time.Minute, 200, "up"},
			{"POST /db/shutdown", 9 * time.Second, 503, "halting"}, // a third of what it boots
			{"turn left/1 off", time.Minute, 504, "off"},
			{"turn left/1 on", time.Minute, 200, "up"},
		}},
		{"sick for a time, after two boots", []step{
			{"machine db sick times 2 for 5s", 0, 504, "off"},
			{"turn left/1 on", 35*time.Second - 1, 503, "up"},
			{"", 1, 200, "up"},
			{"turn left/1 off;turn left/1 on", 34 * time.Second, 503, "up"},
			{"turn left/1 off;turn left/1 on", 30 * time.Second, 200, "up"},
		}},
		{"sick at once, until it is well", []step{
			{"turn left/1 on", time.Minute, 200, "up"},
			{"machine db sick", time.Hour, 503, "up"},
			{"machine db well", 0, 200, "up"},
		}},
		{"wedged while it halts, once", []step{
			{"machine db wedged times 1;turn left/1 on", time.Minute, 200, "up"},
			{"POST /db/shutdown", time.Hour, 503, "halting"},
			{"turn left/1 off;turn left/1 on", time.Minute, 200, "up"},
			{"POST /db/shutdown", time.Hour, 504, "halted"},
		}},
		{"dead once, then late", []step{
			{"machine db dead times 1;machine db late for 5s;turn left/1 on", time.Hour, 503, "booting"},
			{"turn left/1 off;turn left/1 on", 35*time.Second - 1, 503, "booting"},
			{"", 1, 200, "up"},
			{"heal all;machine db boot 3s;turn left/1 off;turn left/1 on", 3 * time.Second, 200, "up"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				room := start(t, twoStrips())
				for i, s := range tt.steps {
					if strings.Contains(s.do, " /") {
						request(t, room, s.do)
					} else {
						for line := range strings.SplitSeq(s.do, ";") {
							do(t, room, line)
						}
					}
					time.Sleep(s.wait)
					synctest.Wait()
					health, state := request(t, room, "GET /db/health")
					if health != s.health || state.State != s.state {
						t.Fatalf("step %d, %q: it says %d and is %s, want %d and %s", i, s.do, health, state.State, s.health, s.state)
					}
				}
			})
		})
	}
}

func TestWhatHappensToAMachineIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, twoStrips())
		do(t, room, "turn left/1 on")
		time.Sleep(time.Minute)
		request(t, room, "POST /db/shutdown")
		time.Sleep(time.Minute)
		for range 2 {
			do(t, room, "turn left/1 off")
			do(t, room, "turn left/1 on")
		}
		m, _ := room.Machine("db")
		if want := (sim.Counts{PowerOns: 3, PowerOffs: 2, Starts: 3, Halts: 1, Cuts: 1}); m.Counts != want {
			t.Errorf("counted %+v, want %+v", m.Counts, want)
		}
		var out strings.Builder
		if err := room.Do("counts", &out); err != nil || !strings.HasPrefix(out.String(), "machine db: power on 3, power off 2, starts 3, resets 0, halts 1, cuts 1\n") {
			t.Errorf("counts: %v\n%s", err, &out)
		}
	})
}

func TestMachinesDrawByWhatTheyDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, twoStrips())
		if err := room.Script(strings.NewReader("# a quiet one\nmachine db,lamp standby 10 inrush 300 watts 100 noise 0\n\nmachine db boot 30s # as it was\n")); err != nil {
			t.Fatal(err)
		}
		draws := func(want float64) {
			t.Helper()
			if m, _ := room.Machine("db"); m.Watts != want {
				t.Errorf("it draws %v W, want %v", m.Watts, want)
			}
		}
		draws(0)
		do(t, room, "turn left/1 on")
		draws(300)
		time.Sleep(time.Minute)
		draws(100)
		do(t, room, "machine db noise 0.1")
		least, most := 100.0, 100.0
		for range 100 {
			m, _ := room.Machine("db")
			least, most = min(least, m.Watts), max(most, m.Watts)
			time.Sleep(time.Second)
		}
		if least < 90 || least > 97 || most < 103 || most > 110 {
			t.Errorf("it draws from %v to %v W", least, most)
		}
		request(t, room, "POST /db/shutdown")
		time.Sleep(time.Minute)
		draws(10)
		do(t, room, "turn left/1 off")
		draws(0)
	})
}

func TestCordsAreSwapped(t *testing.T) {
	room := start(t, twoStrips())
	do(t, room, "turn right/3 on") // the lamp's
	do(t, room, "swap left/1 right/3")
	if got := states(room); got != "booting off off" {
		t.Errorf("machines are %s", got)
	}
	do(t, room, "turn left/1 on")
	do(t, room, "turn right/3 off")
	if got := states(room); got != "off off up" {
		t.Errorf("machines are %s", got)
	}
}

func TestMachinesAnswerOnTheNetwork(t *testing.T) {
	cfg := twoStrips()
	cfg.InMemory, cfg.Hosts = false, "127.0.0.1:0"
	room := start(t, cfg)
	do(t, room, "turn right/3 on") // the lamp is up at once, when the relay is there
	if err := room.Await(t.Context(), func(s sim.Snapshot) bool { return s.Machines[2].State == sim.Up }); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]int{"/lamp/health": 200, "/db/health": 504, "/nobody/health": 504, "/": 200, "/lamp": 404} {
		resp, err := client.Get("http://" + room.HostsAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestWhatCannotBeOfMachinesIsSaid(t *testing.T) {
	room := start(t, twoStrips())
	for line, want := range map[string]string{
		"machine nobody sick":         `no machine "nobody"`,
		"machine db ill":              `"ill" needs a value, or is nothing that a machine has`,
		"machine db colour red":       `nothing like "colour"`,
		"machine db sick times -1":    "negative",
		"machine db sick times":       `"times" needs a value`,
		"machine db late":             "say how late",
		"machine db watts NaN":        "cannot draw NaN",
		"machine db boot -1s":         "less than no time",
		"machine db[1- well":          "not closed",
		"swap left/1 left/9":          `no outlet "9"`,
		"swap left/1 middle/1":        `no PDU "middle"`,
		"machine db sick for 1s at 2": `"at" is neither times nor for`,
	} {
		if err := room.Script(strings.NewReader("\n" + line)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: got %v, want %q", line, err, want)
		}
	}
}
