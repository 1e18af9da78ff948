package redfishpower

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/applet/prompt/prompttest"
	"millwright.dev/millwright/internal/applet/web"
)

const redfishPaths = "setstatpath redfish/v1/Systems/1\nsetonpath redfish/v1/Systems/1/Actions/ComputerSystem.Reset {\"ResetType\":\"On\"}\nsetoffpath Reset {\"ResetType\":\"ForceOff\"}\nsetcyclepath Reset {\"ResetType\":\"ForceRestart\"}\n"

func TestAnswers(t *testing.T) {
	r := newRoom(map[string]*bmc{
		"on": {state: "On"}, "off": {state: "oFF"}, "paused": {state: "Paused"}, "rising": {state: "PoweringOn"}, "odd": {state: "?\n"},
		"e400": {code: 400}, "e401": {code: 401}, "e404": {code: 404}, "e500": {code: 500}, "e503": {code: 503}, "moved": {code: 302},
		"text": {body: "hello"}, "list": {body: "[]"}, "none": {body: "{}"}, "number": {body: `{"PowerState":1}`}, "null": {body: `{"PowerState":null}`}, "empty": {body: "-"},
		"deep": {body: strings.Repeat(`{"a":`, 20_000)}, "long": {body: strings.Repeat(" ", web.MaxBody) + "{}"},
	})
	dial := r.onSockets(t)
	names := []string{"gone"}
	for name := range r.bmcs {
		names = append(names, name)
	}
	got := talk(t, dial, redfishPaths+"stat\n", "-h", strings.Join(names, ","))
	want := `deep: parse error
e400: bad request
e401: unauthorized
e404: not found
e500: http error (500)
e503: http error (503)
empty: no output error
gone: Could not connect to server
list: parse error
long: response longer than 4194304 bytes
moved: http error (302)
none: no powerstate
null: no powerstate
number: no powerstate
odd: unknown
off: off
on: on
paused: unknown
rising: unknown
text: parse error
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.log()
	got = talk(t, dial, redfishPaths+"on on,e401\ncycle on\nsetonpath %zz\non off\n", "-h", "on,off,e401")
	if want := "e401: unauthorized\noff: bad URL: invalid URL escape \"%zz\"\non: ok\non: ok\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWire looks at what reaches a BMC, and how often it is connected to.
func TestWire(t *testing.T) {
	r := newRoom(map[string]*bmc{"b1": {state: "Off"}, "b2": {state: "Off"}})
	got := talk(t, r.onSockets(t), "auth a:b\nsetheader Content-Type:application/json\n"+redfishPaths+strings.Repeat("stat\n", 20)+"on b2\n", "-h", "b[1-2]")
	if want := strings.Repeat("b1: off\n", 20) + strings.Repeat("b2: off\n", 20) + "b2: ok\n"; got != want {
		t.Errorf("got %q", got)
	}
	if r.conns != 2 {
		t.Errorf("%d connections for two BMCs and 42 requests, want 2", r.conns)
	}
	if l := r.log(); len(l) != 42 || !strings.HasSuffix(l[40], `POST b2/redfish/v1/Systems/1/Actions/ComputerSystem.Reset {"ResetType":"On"}`) {
		t.Errorf("%d requests, the one but last %q", len(l), l[max(0, len(l)-2)])
	}
	want := http.Header{"Accept": {"*/*"}, "Authorization": {"Basic YTpi"}, "Content-Type": {"application/json"}}
	if diff := cmp.Diff(want, r.last); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	talk(t, r.onSockets(t), "auth a:b\n"+redfishPaths+"stat b1\n", "-h", "b[1-2]", "--auth", "c:d")
	if got := r.last.Get("Authorization"); got != "Basic Yzpk" {
		t.Errorf("the option does not win: %q", got)
	}
}

func TestVerbose(t *testing.T) {
	r := newRoom(map[string]*bmc{"b1": {state: "Off"}, "b2": {code: 500, body: "out of order"}})
	var out, errs bytes.Buffer
	run(t.Context(), []string{"-vvv", "-h", "b[1-2],gone", "-A", "me:hush"}, strings.NewReader(redfishPaths+"stat\n"), &out, &errs, r.onSockets(t))
	if got := out.String(); !strings.Contains(got, "DEBUG: stat hostname=b1 plugname=b1 path=redfish/v1/Systems/1\n") {
		t.Errorf("stdout: %q", got)
	}
	for _, want := range []string{"> GET https://b1/redfish/v1/Systems/1; Accept: */*; Authorization: ***\n", "b2: GET https://b2/redfish/v1/Systems/1: 500 Internal Server Error: \"out of order\"\n", "gone: Get "} {
		if !strings.Contains(errs.String(), "redfishpower: "+want) {
			t.Errorf("no %q in stderr: %q", want, errs.String())
		}
	}
}

func TestVerifyTLS(t *testing.T) {
	r := newRoom(map[string]*bmc{"b1": {state: "On"}})
	if got, want := talk(t, r.onSockets(t), redfishPaths+"stat\n", "-h", "b1", "--verify-tls"), "b1: SSL peer certificate or SSH remote key was not OK\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// bubble runs the program over pipes, where time is simulated, and says how long
// it took.
func bubble(t *testing.T, r *room, stdin string, args ...string) (got string, took time.Duration) {
	t.Helper()
	r.begin = time.Now()
	dial, stop := r.inMemory(t)
	defer stop()
	got = talk(t, dial, redfishPaths+stdin, args...)
	return got, time.Since(r.begin)
}

func TestPolling(t *testing.T) {
	tests := []struct {
		name, in string
		bmc      bmc
		want     string
		took     time.Duration
	}{
		{"at once", "on\n", bmc{state: "Off"}, "b: ok\n", 1 * time.Second},
		{"already so", "off\n", bmc{state: "Off"}, "b: ok\n", 1 * time.Second},
		{"no wait", "cycle\n", bmc{state: "On"}, "b: ok\n", 0},
		{"a while", "on\n", bmc{state: "Off", turning: "PoweringOn", delay: 13 * time.Second}, "b: ok\n", 16 * time.Second},
		{"never", "on\n", bmc{state: "Off", delay: time.Hour}, "b: timeout - unexpected off\n", time.Minute},
		{"never off", "settimeout 5\noff\n", bmc{state: "On", delay: time.Hour}, "b: timeout - unexpected on\n", 5 * time.Second},
		{"just in time", "settimeout 5\noff\n", bmc{state: "On", delay: 4500 * time.Millisecond}, "b: ok\n", 5 * time.Second},
		{"going up", "settimeout 7\non\n", bmc{state: "Off", turning: "PoweringOn", delay: time.Hour}, "b: timeout - on still in progress\n", 7 * time.Second},
		{"going down", "settimeout 7\noff\n", bmc{state: "On", turning: "PoweringOff", delay: time.Hour}, "b: timeout - off still in progress\n", 7 * time.Second},
		{"odd state", "settimeout 7\noff\n", bmc{state: "On", turning: "Paused", delay: time.Hour}, "b: timeout\n", 7 * time.Second},
		{"mute", "stat\n", bmc{hang: true}, "b: Timeout was reached\n", 10 * time.Second},
		{"mute when ordered", "on\n", bmc{hang: true}, "b: Timeout was reached\n", 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRoom(map[string]*bmc{"b": &tt.bmc})
				got, took := bubble(t, r, tt.in, "-h", "b")
				if got != tt.want || took != tt.took {
					t.Errorf("got %q after %v, want %q after %v", got, took, tt.want, tt.took)
				}
			})
		})
	}
}

func TestPollingTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(map[string]*bmc{"b": {state: "Off", delay: time.Hour}})
		bubble(t, r, "settimeout 25\non\n", "-h", "b")
		var times []string
		for _, l := range r.log() {
			at, rest, _ := strings.Cut(l, " ")
			verb, _, _ := strings.Cut(rest, " ")
			times = append(times, verb+" "+at)
		}
		want := []string{"POST 0s", "GET 1s", "GET 2s", "GET 3s", "GET 4s", "GET 6s", "GET 8s", "GET 12s", "GET 16s", "GET 20s", "GET 24s", "GET 25s"}
		if diff := cmp.Diff(want, times); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestMessageTimeout: a look that is out when the time is up counts for nothing.
func TestMessageTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(map[string]*bmc{"b": {state: "Off", delay: time.Hour, takes: 1900 * time.Millisecond}})
		got, took := bubble(t, r, "settimeout 8\non\nstat\n", "-h", "b", "-m", "2")
		// 1.9 posting, looks at 2.9, 5.8 and 8 (cut off a second later), stat.
		if want := "b: off\nb: timeout - unexpected off\n"; got != want || took != 9*time.Second+1900*time.Millisecond {
			t.Errorf("got %q after %v, want %q", got, took, want)
		}
		got, took = bubble(t, r, "stat\n", "-h", "b", "-m", "1")
		if want := "b: Timeout was reached\n"; got != want || took != time.Second {
			t.Errorf("got %q after %v, want %q", got, took, want)
		}
	})
}

// TestDeadBMCsDelayNobody: a room of a thousand, most of them without power.
func TestDeadBMCsDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(map[string]*bmc{})
		for i := range 20 {
			r.bmcs[fmt.Sprintf("live%d", i)] = &bmc{state: "On"}
		}
		got, took := bubble(t, r, "stat\n", "-h", "dead[0-979],live[0-19]")
		if n := strings.Count(got, ": Timeout was reached\n"); n != 980 || strings.Count(got, ": on\n") != 20 {
			t.Errorf("%d dead, got\n%s", n, got)
		}
		if took < 10*time.Second || took > 13*time.Second {
			t.Errorf("it took %v, want 10 s and a little for coming through the gate", took)
		}
	})
}

func TestGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(map[string]*bmc{})
		for i := range 200 {
			r.bmcs[fmt.Sprintf("b%d", i)] = &bmc{state: "On", takes: 100 * time.Millisecond}
		}
		_, took := bubble(t, r, "stat\n", "-h", "b[0-199]")
		if r.most != together || took != 200*time.Millisecond {
			t.Errorf("at most %d at once in %v, want %d in 200ms", r.most, took, together)
		}
		r.most = 0
		_, took = bubble(t, r, "setplugs p[0-39] 0\nstat\n", "-h", "b0")
		if r.most != perBMC || took != time.Second {
			t.Errorf("at most %d at one BMC in %v, want %d in 1s", r.most, took, perBMC)
		}
	})
}

// TestEndOfContext: a command that is under way is broken off.
func TestEndOfContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(map[string]*bmc{"b": {hang: true}})
		dial, stop := r.inMemory(t)
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		if code := run(ctx, []string{"-h", "b,dead"}, strings.NewReader(redfishPaths+"stat\nstat\n"), io.Discard, io.Discard, dial); code != 1 || time.Since(begin) != 3*time.Second {
			t.Errorf("exit code %d after %v", code, time.Since(begin))
		}
	})
}

// TestHierarchyAsksOnce: those above are asked once in a command.
func TestHierarchyAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(map[string]*bmc{"h0": {state: "On"}, "h1": {state: "Off"}, "h2": {code: 500}})
		got, _ := bubble(t, r, "setplugs E 0\nsetplugs B0 1 E\nsetplugs B1 2 E\nsetplugs N[0-9] 1 B0\nsetplugs M[0-9] 2 B1\nstat N[0-9],M[0-9]\n", "-h", "h[0-2]")
		if n := len(r.log()); n != 3 || strings.Count(got, ": off\n") != 10 || strings.Count(got, ": http error (500)\n") != 10 {
			t.Errorf("%d requests, want 3; got\n%s", n, got)
		}
		got, _ = bubble(t, r, "setplugs E 0\nsetplugs B1 2 E\nsetplugs M 2 B1\noff M\noff M,E\noff E\n", "-h", "h[0-2]")
		if want := "E: ok\nE: ok\nM: cannot perform off, dependency http error (500) (host=h2 plug=B1)\nM: ok\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestResolvingOnce(t *testing.T) {
	var looked, dialed []string
	dial := remember(func(_ context.Context, _, address string) (net.Conn, error) {
		if dialed = append(dialed, address); strings.HasPrefix(address, "10.0.0.1:") {
			return nil, errors.New("refused")
		}
		near, far := net.Pipe()
		_ = far.Close()
		return near, nil
	}, func(_ context.Context, host string) ([]string, error) {
		if looked = append(looked, host); host == "none" {
			return nil, errors.New("no such host")
		}
		return []string{"10.0.0.1", "10.0.0.2"}, nil
	})
	for _, a := range []string{"a:443", "a:443", "none:443", "none:443", "noport"} {
		conn, err := dial(t.Context(), "tcp", a)
		if (err == nil) != strings.HasPrefix(a, "a:") {
			t.Errorf("%s: %v", a, err)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
	if want := []string{"a", "none", "none"}; !slices.Equal(looked, want) || len(dialed) != 4 {
		t.Errorf("looked up %q, dialed %q", looked, dialed)
	}
}

// TestPlugsOfADaemon: both daemons switch a chassis over the network, by a
// device file that defines plugs.
func TestPlugsOfADaemon(t *testing.T) {
	const spec = `specification "chassis" {
	timeout 20
	script login {
		expect "redfishpower> " send "auth me:hush\n" expect "redfishpower> "
		send "setplugs Box 0\n" expect "redfishpower> "
		send "setplugs Node[0-1] 0 Box\n" expect "redfishpower> "
		send "setpath Box,Node[0-1] stat redfish/v1/Chassis/{{plug}}\n" expect "redfishpower> "
		send "setpath Box,Node[0-1] on redfish/v1/Chassis/{{plug}}/Reset {\"ResetType\":\"On\"}\n" expect "redfishpower> "
		send "setpath Box,Node[0-1] off redfish/v1/Chassis/{{plug}}/Reset {\"ResetType\":\"ForceOff\"}\n" expect "redfishpower> "
	}
	script status_all {
		send "stat\n"
		foreachnode { expect "([^\n:]+): ([^\n]+\n)" setplugstate $1 $2 on="^on\n" off="^off\n" }
		expect "redfishpower> "
	}
	script on_ranged { send "on %s\n" expect "redfishpower> " }
	script off_ranged { send "off %s\n" expect "redfishpower> " }
}
`
	for _, daemon := range prompttest.Daemons() {
		t.Run(daemon, func(t *testing.T) {
			t.Parallel()
			r := newRoom(map[string]*bmc{})
			addr := r.listen(t)
			r.bmcs[addr] = &bmc{state: "Off"}
			conf := spec + fmt.Sprintf("device \"d\" \"chassis\" \"%s -h %s |&\"\nnode \"box,n[0-1]\" \"d\" \"Box,Node[0-1]\"\n", prompttest.Named(t, "redfishpower"), addr)
			got := prompttest.Converse(t, daemon, conf, "status", "on box", "status box", "status n[0-1]", "off n[0-1],box", "status n1")
			for request, want := range map[string]string{
				"status": "302 off:     box,n[0-1]\r\n", "on box": "102 ", "status box": "302 on:      box\r\n", "status n[0-1]": "302 on:      n[0-1]\r\n", "off n[0-1],box": "102 ", "status n1": "302 off:     n1\r\n",
			} {
				if !strings.Contains(got[request], want) {
					t.Errorf("%s: got %q, want %q", request, got[request], want)
				}
			}
		})
	}
}

// BenchmarkStat asks 1,000 BMCs, each 10 ms of round trip away, for their state:
// cold, where a connection takes two round trips (TCP; TLS 1.3) and the request
// a third, and warm, where the connections are there and it takes one.
func BenchmarkStat(b *testing.B) {
	const n, rtt = 1000, 10 * time.Millisecond
	for _, warm := range []bool{false, true} {
		b.Run(map[bool]string{false: "cold", true: "warm"}[warm], func(b *testing.B) {
			r := newRoom(map[string]*bmc{})
			for i := range n {
				r.bmcs[fmt.Sprintf("b%d", i)] = &bmc{state: "On"}
			}
			dial := far(r.onSockets(b), rtt)
			for b.Loop() {
				b.StopTimer()
				o, err := parse([]string{"-h", fmt.Sprintf("b[0-%d]", n-1), "-S", "redfish/v1/Systems/1"})
				if err != nil {
					b.Fatal(err)
				}
				var out bytes.Buffer
				s, err := newShell(o, &out, io.Discard, dial)
				if err != nil {
					b.Fatal(err)
				}
				if warm {
					s.command(b.Context(), []string{"stat"})
					out.Reset()
				}
				b.StartTimer()
				s.command(b.Context(), []string{"stat"})
				b.StopTimer()
				if got := strings.Count(out.String(), ": on\n"); got != n {
					b.Fatalf("%d answers", got)
				}
				b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
				s.close()
				b.StartTimer()
			}
			trips := 3
			if warm {
				trips = 1
			}
			b.ReportMetric(float64(time.Duration((n+together-1)/together*trips)*rtt)/1e6, "arithmetic-ms")
		})
	}
}

// far puts what a dialer reaches a round trip away: what is read comes no earlier
// than that after what was written.
func far(dial dialer, rtt time.Duration) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		time.Sleep(rtt)
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &farConn{Conn: c, rtt: rtt}, nil
	}
}

type farConn struct {
	net.Conn
	rtt  time.Duration
	sent atomic.Int64 // Unix time of the last Write, ns
}

func (c *farConn) Write(b []byte) (int, error) {
	c.sent.Store(time.Now().UnixNano())
	return c.Conn.Write(b)
}

func (c *farConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	time.Sleep(time.Until(time.Unix(0, c.sent.Load()).Add(c.rtt)))
	return n, err
}
