package httppower_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/applet/prompt/prompttest"
)

// outlets is a Digital Loggers power switch, as far as its device files look.
type outlets struct {
	mu sync.Mutex
	on [9]bool
	no string // what a request lacked
}

func (o *outlets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if user, _, _ := r.BasicAuth(); user != "admin" {
		o.no = "a password"
	}
	if r.URL.Path == "/outlet" {
		body, _ := io.ReadAll(r.Body)
		var n int
		var state string
		if _, err := fmt.Sscanf(string(body), "%d=%s", &n, &state); err == nil && n > 0 && n < len(o.on) {
			o.on[n] = state == "ON"
		}
		return
	}
	fmt.Fprintf(w, "<html><title>Controller: lpc</title>\n")
	for i, on := range o.on[1:] {
		fmt.Fprintf(w, "<td>Outlet %d</td><td><b>%s</b></td>\n", i+1, map[bool]string{true: "ON", false: "OFF"}[on])
	}
}

func TestDigitalLoggers(t *testing.T) {
	for _, daemon := range prompttest.Daemons() {
		for _, spec := range []string{"dli", "dli4"} {
			t.Run(daemon+" "+spec, func(t *testing.T) {
				t.Parallel()
				box := &outlets{}
				srv := httptest.NewServer(box)
				defer srv.Close()
				conf := fmt.Sprintf("include \"/etc/powerman/%s.dev\"\ndevice \"d\" %q \"%s -u %s |&\"\nnode \"p[1-8]\" \"d\" \"[1-8]\"\n", spec, spec, prompttest.Named(t, "httppower"), srv.URL)
				got := prompttest.Converse(t, daemon, conf, "status", "on p[2-3,7]", "off p3", "status p[1-8]", "cycle p[4-5]", "status p5")
				for request, want := range map[string]string{
					"status":        "302 off:     p[1-8]\r\n",
					"on p[2-3,7]":   "102 Command completed successfully\r\n",
					"status p[1-8]": "302 on:      p[2,7]\r\n302 off:     p[1,3-6,8]\r\n",
					"status p5":     "302 on:      p5\r\n",
				} {
					if !strings.Contains(got[request], want) {
						t.Errorf("%s: got %q, want %q", request, got[request], want)
					}
				}
				if box.no != "" {
					t.Errorf("a request came without %s", box.no)
				}
			})
		}
	}
}

// bmc is an OpenBMC board with its REST interface, and a Supermicro board with
// Redfish.
type bmc struct {
	mu   sync.Mutex
	on   bool
	logs int
	no   string
}

func (b *bmc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	switch path := r.URL.Path; {
	case path == "/login":
		http.SetCookie(w, &http.Cookie{Name: "SESSION", Value: "1", Path: "/"})
		b.logs++
	case path == "/logout":
		b.logs--
	case strings.HasPrefix(path, "/xyz/"):
		if c, err := r.Cookie("SESSION"); err != nil || c.Value != "1" {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		b.change(r, string(body))
		fmt.Fprintf(w, "{\"data\": \"xyz.openbmc_project.State.Chassis.PowerState.%s\"}\n", b.state())
	default:
		if user, pass, _ := r.BasicAuth(); user != "USER" || pass != "PASS" {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		b.change(r, string(body))
		fmt.Fprintf(w, "{\"Id\":\"1\",\"PowerState\":\"%s\"}\n", b.state())
	}
}

func (b *bmc) change(r *http.Request, body string) {
	if r.Method == http.MethodGet {
		return
	}
	if r.Header.Get("Content-Type") != "application/json" {
		b.no = "its content type"
	}
	b.on = strings.HasSuffix(body, "On\"}") || strings.HasSuffix(body, "Reboot\"}") || strings.HasSuffix(body, "Restart\"}")
}

func (b *bmc) state() string { return map[bool]string{true: "On", false: "Off"}[b.on] }

func TestServiceProcessors(t *testing.T) {
	for _, daemon := range prompttest.Daemons() {
		for spec, flags := range map[string]string{
			"openbmc":            "-H Content-Type:application/json -c",
			"redfish-supermicro": "-H Content-Type:application/json",
		} {
			t.Run(daemon+" "+spec, func(t *testing.T) {
				t.Parallel()
				board := &bmc{}
				srv := httptest.NewTLSServer(board)
				defer srv.Close()
				conf := fmt.Sprintf("include \"/etc/powerman/%s.dev\"\ndevice \"b\" %q \"%s -u %s %s |&\"\nnode \"n1\" \"b\" \"x\"\n", spec, spec, prompttest.Named(t, "httppower"), srv.URL, flags)
				got := prompttest.Converse(t, daemon, conf, "status", "on n1", "status n1", "off n1", "device", "cycle n1", "nodes")
				for request, want := range map[string]string{
					"status":    "302 off:     n1\r\n",
					"on n1":     "102 Command completed successfully\r\n",
					"status n1": "302 on:      n1\r\n",
					"off n1":    "102 Command completed successfully\r\n",
					"cycle n1":  "102 Command completed successfully\r\n",
				} {
					if !strings.Contains(got[request], want) {
						t.Errorf("%s: got %q, want %q", request, got[request], want)
					}
				}
				if !board.on || board.no != "" {
					t.Errorf("in the end: on %v; a request lacked %q", board.on, board.no)
				}
			})
		}
	}
}
