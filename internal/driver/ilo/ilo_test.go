package ilo_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/ilo"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = `long "and" <odd> & word`

// lights is a simulated iLO: it takes RIBCL by either carrier.
type lights struct {
	listener net.Listener
	pin      string
	old      bool // a second generation: no TOGGLE, and already-so is a refusal

	mu                                          sync.Mutex
	on, uid                                     bool
	moves, resets                               int
	password                                    string
	hang, cut, garbage, stuck, no, echo, pieces bool
	conns                                       map[net.Conn]bool
}

func start(t testing.TB, old bool) *lights {
	t.Helper()
	certified := httptest.NewUnstartedServer(http.NotFoundHandler())
	certified.StartTLS()
	pair, sum := certified.TLS.Certificates, sha256.Sum256(certified.Certificate().Raw)
	certified.Close()
	config := &tls.Config{Certificates: pair, MinVersion: tls.VersionTLS12}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	s := &lights{listener: l, pin: fmt.Sprintf("sha256:%x", sum), old: old, password: password, conns: make(map[net.Conn]bool)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.locked(func() { s.conns[c] = true })
			serving.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		s.refuse()
		serving.Wait()
	})
	return s
}

func (s *lights) refuse() {
	s.listener.Close()
	s.locked(func() {
		for c := range s.conns {
			c.Close()
		}
	})
}

func (s *lights) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// serve reads one script and answers it.
func (s *lights) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	head, err := in.Peek(4)
	if err != nil {
		return
	}
	var script []byte
	overHTTP := string(head) == "POST"
	if overHTTP {
		req, err := http.ReadRequest(in)
		if err != nil || req.URL.Path != "/ribcl" {
			return
		}
		script, err = io.ReadAll(req.Body)
		if err != nil {
			return
		}
	} else {
		for !bytes.Contains(script, []byte("</RIBCL>")) {
			line, err := in.ReadBytes('\n')
			if err != nil {
				return
			}
			script = append(script, line...)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hang {
		s.mu.Unlock()
		_, _ = in.ReadByte() // until the other end has had enough
		s.mu.Lock()
		return
	}
	answer := s.obey(string(script))
	if s.echo {
		var text bytes.Buffer
		_ = xml.EscapeText(&text, script)
		answer = wrong("Syntax error in: " + s.password + " " + text.String() + " " + string(script))
	}
	switch {
	case s.garbage:
		answer = "\xff\xfe<<<<" + strings.Repeat("?", 50)
	case s.cut:
		s.cut = false
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(answer))
		if !overHTTP {
			head = ""
		}
		_, _ = io.WriteString(c, head+answer[:20])
		return
	}
	if overHTTP {
		answer = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n" +
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(answer), answer)
	}
	for s.pieces && len(answer) > 7 {
		_, _ = io.WriteString(c, answer[:7])
		answer = answer[7:]
		time.Sleep(100 * time.Microsecond)
	}
	_, _ = io.WriteString(c, answer)
}

const fine = "<?xml version=\"1.0\"?>\r\n<RIBCL VERSION=\"2.22\">\r\n<RESPONSE\r\n    STATUS=\"0x0000\"\r\n    MESSAGE='No error'\r\n     />\r\n%s</RIBCL>\r\n"

func wrong(said string) string {
	return fmt.Sprintf("<?xml version=\"1.0\"?>\r\n<RIBCL VERSION=\"2.22\">\r\n<RESPONSE STATUS=\"0x000A\" MESSAGE='%s'/>\r\n</RIBCL>\r\n", said)
}

var login = regexp.MustCompile(`PASSWORD="([^"]*)"`)

// obey does what a script says, in the words of the manual.
func (s *lights) obey(script string) string {
	var word string
	if m := login.FindStringSubmatch(script); m != nil {
		_ = xml.Unmarshal([]byte("<x>"+m[1]+"</x>"), &word)
	}
	if word != s.password {
		return wrong("Login credentials rejected.")
	}
	has := func(what string) bool { return strings.Contains(script, what) }
	switch {
	case has("<GET_HOST_POWER_STATUS/>"):
		return fmt.Sprintf(fine, fmt.Sprintf("<GET_HOST_POWER\r\n    HOST_POWER=%q\r\n    />\r\n", map[bool]string{true: "ON", false: "OFF"}[s.on]))
	case has("<GET_UID_STATUS/>"):
		return fmt.Sprintf(fine, fmt.Sprintf("<GET_UID_STATUS UID=%q/>\r\n", map[bool]string{true: "ON", false: "OFF"}[s.uid]))
	case has("<GET_POWER_READINGS/>"):
		return fmt.Sprintf(fine, "<GET_POWER_READINGS><PRESENT_POWER_READING VALUE=\"142\" UNIT=\"Watts\"/></GET_POWER_READINGS>\r\n")
	case has("<GET_FW_VERSION/>"):
		return fmt.Sprintf(fine, "<GET_FW_VERSION FIRMWARE_VERSION=\"2.78\" MANAGEMENT_PROCESSOR=\"iLO4\"/>\r\n")
	case !has(`MODE="write"`):
		return wrong("Server information is open for read-only access. Write access is required for this operation.")
	case s.no:
		return wrong("User does NOT have correct privilege for action.")
	case has("UID_CONTROL"):
		s.uid = has(`UID="Yes"`)
	case has(`HOST_POWER="Yes"`):
		if s.on && s.old {
			return wrong("Host power is already ON.")
		}
		s.move(true)
	case has(`HOST_POWER="No"`), has(`<HOLD_PWR_BTN TOGGLE="No"/>`) && !s.old:
		s.move(false)
	case has("<HOLD_PWR_BTN/>"):
		s.move(!s.on)
	case has("<RESET_SERVER/>"):
		if !s.on {
			return wrong("Server is currently powered off.")
		}
		s.resets++
	default:
		return wrong("Syntax error: Line #3: syntax error near \"/\" in the line")
	}
	return fmt.Sprintf(fine, "")
}

func (s *lights) move(on bool) {
	if on != s.on && !s.stuck {
		s.on = on
		s.moves++
	}
}

func (s *lights) rig(carrier string) drivertest.Rig {
	c := ilo.New().New().(*ilo.Settings)
	c.Address, c.Carrier, c.TLS.Pins = "https://"+s.listener.Addr().String(), carrier, []string{s.pin}
	c.Rest, c.Timeout = time.Millisecond, 400*time.Millisecond
	set := func(b *bool) func() { return func() { s.locked(func() { *b = true }) } }
	return drivertest.Rig{
		Settings: c, Plugs: []string{"1"},
		Credential: secret.Resolved{User: "warden", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Truth: drivertest.Truth{
			On:    func(string) (on bool) { s.locked(func() { on = s.on }); return on },
			Set:   func(_ string, on bool) { s.locked(func() { s.on = on }) },
			Moves: func(string) (n int) { s.locked(func() { n = s.moves }); return n },
		},
		Faults: drivertest.Faults{
			Refuse: s.refuse, BadPassword: func() { s.locked(func() { s.password = "other" }) },
			Hang: set(&s.hang), Echo: set(&s.echo), Pieces: set(&s.pieces), Cut: set(&s.cut), Garbage: set(&s.garbage),
			Reject: func(string) { set(&s.no)() }, Stick: func(string) { set(&s.stuck)() },
		},
	}
}

func TestDriver(t *testing.T) {
	for carrier, old := range map[string]bool{"http": false, "raw": true} {
		t.Run(carrier, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{New: func(t *testing.T) drivertest.Rig { return start(t, old).rig(carrier) }})
		})
	}
}

// open opens a session with the simulated iLO.
func open(t *testing.T, r drivertest.Rig) driver.Session {
	t.Helper()
	if _, err := r.Settings.Traits(nil); err != nil {
		t.Fatal(err)
	}
	n, err := r.Settings.Open(t.Context(), driver.Env{
		Device: "ilo", Plugs: []driver.Plug{{Name: "1", Used: true}}, Credential: r.Credential,
		DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A whole conversation by each carrier, and what has been wrong elsewhere: a
// machine that is off is switched on by a cycle or a reset, and switching off one
// that is off does not switch it on.
func TestConversation(t *testing.T) {
	for _, tt := range []struct {
		carrier string
		old     bool
	}{{"http", false}, {"raw", true}} {
		t.Run(tt.carrier, func(t *testing.T) {
			s := start(t, tt.old)
			n := open(t, s.rig(tt.carrier))
			for i, step := range steps {
				got := do(t, n, step.op)
				if got != step.want {
					t.Errorf("step %d: %s: %s, want %s", i, step.op, got, step.want)
				}
			}
			s.locked(func() {
				if s.resets != 1 || s.on || s.moves != 8 {
					t.Errorf("%d resets, on is %t, %d moves", s.resets, s.on, s.moves)
				}
				s.no = true
			})
			if got := do(t, n, on); got != "failed: User does NOT have correct privilege for action." {
				t.Error(got)
			}
		})
	}
}

func TestMeasureAndDescribe(t *testing.T) {
	s := start(t, false)
	n := open(t, s.rig("http"))
	var got []driver.Reading
	if err := n.(driver.Meter).Measure(t.Context(), func(r driver.Reading) { got = append(got, r) }); err != nil || len(got) != 1 || got[0].Value != 142 {
		t.Errorf("%+v, %v", got, err)
	}
	if d, err := n.(driver.Describer).Describe(t.Context()); err != nil || d.Product != "iLO4" || d.Firmware != "2.78" {
		t.Errorf("%+v, %v", d, err)
	}
}

// Troubles of one iLO: what its session tells, and whether it is of more use.
func TestTroubles(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*lights)
		want  string
	}{
		{"it hangs", func(s *lights) { s.hang = true }, "unknown: it took too long"},
		{"it hangs up", func(s *lights) { s.cut = true }, "lost"},
		{"garbage", func(s *lights) { s.garbage = true }, "unknown: it answers what is no RIBCL"},
		{"another password", func(s *lights) { s.password = "x" }, "failed: Login credentials rejected."},
	} {
		for _, carrier := range []string{"http", "raw"} {
			t.Run(tt.name+" by "+carrier, func(t *testing.T) {
				s := start(t, false)
				n := open(t, s.rig(carrier))
				s.locked(func() { tt.spoil(s) })
				if got := do(t, n, on); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
	}
}

// An iLO that repeats a script shows the password as it stands there, and that is
// hidden too.
func TestScriptThatIsRepeated(t *testing.T) {
	s := start(t, false)
	n := open(t, s.rig("http"))
	s.locked(func() { s.echo = true })
	got := &sink{}
	if err := n.Do(t.Context(), driver.Batch{Op: on, Plugs: []int{0}, Trace: true}, got); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"&#34;and", "&lt;odd", "<odd>"} {
		if strings.Contains(got.told+got.trace.String(), part) {
			t.Errorf("%q of the password is in %q and %q", part, got.told, got.trace.String())
		}
	}
	if !strings.Contains(got.trace.String(), "SET_HOST_POWER") {
		t.Errorf("the trace is %q", got.trace.String())
	}
}

func TestNotTrusted(t *testing.T) {
	s := start(t, false)
	r := s.rig("http")
	c := r.Settings.(*ilo.Settings)
	c.TLS.Pins = []string{"sha256:" + strings.Repeat("ab", 32)}
	if _, err := c.Traits(nil); err != nil {
		t.Fatal(err)
	}
	_, err := c.Open(t.Context(), driver.Env{Device: "ilo", DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {}})
	var f *driver.Fault
	if !errors.As(err, &f) || f.Phase != driver.Connecting || !strings.Contains(err.Error(), s.pin) {
		t.Errorf("%v, want one that names the true pin", err)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		field string
		spoil func(*ilo.Settings)
	}{
		{"address", func(c *ilo.Settings) { c.Address = "http://ilo" }},
		{"carrier", func(c *ilo.Settings) { c.Carrier = "ssh" }},
		{"off", func(c *ilo.Settings) { c.Off = "maybe" }},
		{"tls", func(c *ilo.Settings) { c.TLS.Min = "0.9" }},
		{"timeout", func(c *ilo.Settings) { c.Timeout = 0 }},
	} {
		c := ilo.New().New().(*ilo.Settings)
		c.Address = "https://ilo"
		tt.spoil(c)
		_, err := c.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}
