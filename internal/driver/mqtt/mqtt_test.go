package mqtt_test

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/mqtt"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "long-and-odd-word"

// broker is Debian's mosquitto.
type broker struct {
	testing.TB
	dir, address string
	cmd          *exec.Cmd
	more         string // lines of its configuration
}

func newBroker(t testing.TB, more string) *broker {
	t.Helper()
	b := &broker{TB: t, dir: t.TempDir(), address: freeport.For(t, "127.0.0.1"), more: more}
	b.password(password)
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *broker) password(word string) {
	b.Helper()
	path := filepath.Join(b.dir, "passwords")
	out, err := exec.Command("mosquitto_passwd", "-b", "-c", path, "warden", word).CombinedOutput()
	if err == nil {
		out, err = exec.Command("mosquitto_passwd", "-b", path, "plug", password).CombinedOutput()
	}
	if err != nil {
		b.Fatalf("mosquitto_passwd: %v\n%s", err, out)
	}
}

// start starts it and waits until it listens.
func (b *broker) start() {
	b.Helper()
	_, port, _ := net.SplitHostPort(b.address)
	config := filepath.Join(b.dir, "conf")
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous false\npassword_file %s/passwords\nuser root\n%s\n", port, b.dir, b.more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // where an ordinary user's PATH does not lead
	}
	b.cmd = exec.Command(program, "-c", config, "-v")
	said, err := b.cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	in := bufio.NewScanner(said)
	for in.Scan() {
		if strings.Contains(in.Text(), "running") {
			go func() {
				for in.Scan() { // it must not block
				}
			}()
			return
		}
	}
	b.Fatal("mosquitto does not run")
}

func (b *broker) stop() {
	_ = b.cmd.Process.Kill()
	_, _ = b.cmd.Process.Wait()
}

func (b *broker) client(id, willTopic, will string) paho.Client {
	b.Helper()
	o := paho.NewClientOptions().AddBroker("tcp://" + b.address).SetClientID(id).SetUsername("plug").SetPassword(password).
		SetConnectRetry(true).SetConnectRetryInterval(10 * time.Millisecond).SetAutoReconnect(true).SetMaxReconnectInterval(20 * time.Millisecond).SetCleanSession(false).SetWriteTimeout(5 * time.Second)
	if willTopic != "" {
		o.SetWill(willTopic, will, 1, true)
	}
	c := paho.NewClient(o)
	b.wait(c.Connect())
	b.Cleanup(func() { c.Disconnect(10) })
	return c
}

func (b *broker) wait(t paho.Token) {
	b.Helper()
	if !t.WaitTimeout(10 * time.Second) {
		b.Fatal("the broker does not answer")
	}
	if t.Error() != nil {
		b.Fatal(t.Error())
	}
}

// words are what a make of plug understands and says.
type words struct {
	style    string
	plug     func(i int) string                                // its text in the settings
	hears    func(i int) []string                              // topics
	obey     func(payload string, was bool) (on, command bool) // on: what it then is
	says     func(i int, on bool) (topic, payload string)
	will     func(i int) (topic, here, gone string)
	measures func(i int) (topic, payload string) // "" if it does not
}

// set is a set of simulated plugs of one make.
type set struct {
	words
	broker *broker
	client paho.Client
	out    chan said
	closed chan struct{}

	mu      sync.Mutex
	on      []bool
	moves   []int
	stuck   []bool
	hang    bool
	garbage bool
}

// said is what a plug has to say. The library hangs if that is published from where it
// tells what was heard, so speak does it.
type said struct {
	topic, payload string
	keep           bool
}

func (s *set) say(topic, payload string, keep bool) {
	select {
	case s.out <- said{topic, payload, keep}:
	case <-s.closed:
	}
}

func (s *set) speak() {
	for {
		select {
		case m := <-s.out:
			s.client.Publish(m.topic, 1, m.keep, m.payload)
		case <-s.closed:
			return
		}
	}
}

const plugCount = 5

func newSet(t testing.TB, w words) *set {
	s := &set{words: w, broker: newBroker(t, ""), on: make([]bool, plugCount), moves: make([]int, plugCount), stuck: make([]bool, plugCount)}
	s.client, s.out, s.closed = s.broker.client("plugs", "", ""), make(chan said, 1000), make(chan struct{})
	var speaking sync.WaitGroup
	speaking.Go(s.speak)
	t.Cleanup(func() {
		close(s.closed)
		speaking.Wait()
	})
	ears := make(map[string][]int)
	for i := range plugCount {
		topic, here, _ := w.will(i)
		s.broker.wait(s.client.Publish(topic, 1, true, here))
		for _, topic := range w.hears(i) {
			ears[topic] = append(ears[topic], i)
		}
	}
	for topic, whose := range ears {
		s.broker.wait(s.client.Subscribe(topic, 1, func(_ paho.Client, m paho.Message) {
			for _, i := range whose {
				s.hear(i, m)
			}
		}))
	}
	return s
}

// hear obeys a command or answers a question.
func (s *set) hear(i int, m paho.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hang {
		return
	}
	on, command := s.obey(string(m.Payload()), s.on[i])
	if command && on != s.on[i] && !s.stuck[i] {
		s.on[i] = on
		s.moves[i]++
	}
	topic, payload := s.says(i, s.on[i])
	if s.garbage {
		payload = "\xff\x00{{{"
	}
	s.say(topic, payload, true)
	if s.measures == nil {
		return
	}
	if topic, payload := s.measures(i); topic != "" && !s.garbage {
		s.say(topic, payload, false)
	}
}

func (s *set) locked(f func()) func() {
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f()
	}
}

func plainly(on, off string) func(string, bool) (bool, bool) {
	return func(payload string, was bool) (bool, bool) {
		switch payload {
		case on:
			return true, true
		case off:
			return false, true
		}
		return was, false
	}
}

func choose(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

// makes are the makes of plug, as their makers' pages describe them.
var makes = []words{
	{
		style: "tasmota", plug: func(i int) string { return fmt.Sprintf("strip/%d", i+1) },
		hears: func(i int) []string {
			return []string{fmt.Sprintf("cmnd/strip/POWER%d", i+1), "cmnd/strip/STATUS"}
		},
		obey: plainly("ON", "OFF"),
		says: func(i int, on bool) (string, string) {
			return fmt.Sprintf("stat/strip/POWER%d", i+1), choose(on, "ON", "OFF")
		},
		will: func(int) (string, string, string) { return "tele/strip/LWT", "Online", "Offline" },
		measures: func(int) (string, string) {
			return "stat/strip/STATUS8", `{"StatusSNS":{"Time":"2026-01-01T00:00:00","ENERGY":{"Total":1.5,"Power":118,"Voltage":230,"Current":0.512}}}`
		},
	},
	{
		style: "zigbee2mqtt", plug: func(i int) string { return fmt.Sprintf("rack plug %d", i) },
		hears: func(i int) []string {
			at := fmt.Sprintf("zigbee2mqtt/rack plug %d", i)
			return []string{at + "/set", at + "/get"}
		},
		obey: plainly(`{"state":"ON"}`, `{"state":"OFF"}`),
		says: func(i int, on bool) (string, string) {
			return fmt.Sprintf("zigbee2mqtt/rack plug %d", i), fmt.Sprintf(`{"linkquality":90,"power":118,"voltage":230,"current":0.512,"energy":1.5,"state":"%s"}`, choose(on, "ON", "OFF"))
		},
		will: func(i int) (string, string, string) {
			return fmt.Sprintf("zigbee2mqtt/rack plug %d/availability", i), `{"state":"online"}`, `{"state":"offline"}`
		},
	},
	{
		style: "shelly1", plug: func(i int) string { return fmt.Sprintf("shelly4pro/%d", i) },
		hears: func(i int) []string {
			return []string{fmt.Sprintf("shellies/shelly4pro/relay/%d/command", i), "shellies/shelly4pro/command"}
		},
		obey: plainly("on", "off"),
		says: func(i int, on bool) (string, string) {
			return fmt.Sprintf("shellies/shelly4pro/relay/%d", i), choose(on, "on", "off")
		},
		will: func(int) (string, string, string) { return "shellies/shelly4pro/online", "true", "false" },
	},
	{
		style: "shelly2", plug: func(i int) string { return fmt.Sprintf("pro4pm-0123/%d", i) },
		hears: func(i int) []string {
			return []string{fmt.Sprintf("pro4pm-0123/command/switch:%d", i)}
		},
		obey: plainly("on", "off"),
		says: func(i int, on bool) (string, string) {
			return fmt.Sprintf("pro4pm-0123/status/switch:%d", i),
				fmt.Sprintf(`{"id":%d,"source":"MQTT","output":%t,"apower":118,"voltage":230,"current":0.512,"pf":0.98,"aenergy":{"total":1500},"temperature":{"tC":41.5}}`, i, on)
		},
		will: func(int) (string, string, string) { return "pro4pm-0123/online", "true", "false" },
	},
}

func (s *set) settings() (*mqtt.Settings, []string) {
	c := mqtt.New().New().(*mqtt.Settings)
	c.Address, c.Style, c.Plugs, c.Rest = "mqtt://"+s.broker.address, s.style, make(map[string]string), time.Millisecond
	c.Timeout = 700 * time.Millisecond
	for i := range plugCount {
		c.Plugs[fmt.Sprintf("p%d", i)] = s.plug(i)
	}
	return c, slices.Sorted(maps.Keys(c.Plugs))
}

func place(plug string) int { return int(plug[1] - '0') }

func rig(t *testing.T, w words) drivertest.Rig {
	s := newSet(t, w)
	c, plugs := s.settings()
	return drivertest.Rig{
		Settings: c, Plugs: plugs,
		Credential: secret.Resolved{User: "warden", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Truth: drivertest.Truth{
			On:    func(plug string) (on bool) { s.locked(func() { on = s.on[place(plug)] })(); return on },
			Set:   func(plug string, on bool) { s.locked(func() { s.on[place(plug)] = on })() },
			Moves: func(plug string) (n int) { s.locked(func() { n = s.moves[place(plug)] })(); return n },
		},
		Faults: drivertest.Faults{
			Refuse: s.broker.stop,
			BadPassword: func() {
				s.broker.password("other")
				s.broker.stop()
				s.broker.start()
			},
			HangUp: func() {
				s.broker.stop()
				s.broker.start()
			},
			Hang:    s.locked(func() { s.hang = true }),
			Garbage: s.locked(func() { s.garbage = true }),
			Stick:   func(plug string) { s.locked(func() { s.stuck[place(plug)] = true })() },
		},
	}
}

// The suite takes seconds, since real time passes: one style goes through all of
// it, and the others differ in words alone.
func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{Abreast: true, New: func(t *testing.T) drivertest.Rig { return rig(t, makes[0]) }})
}

func TestStyles(t *testing.T) {
	for _, w := range makes {
		t.Run(w.style, func(t *testing.T) {
			s := newSet(t, w)
			session := open(t, s)
			for _, step := range []struct {
				op   room.Op
				want string
			}{{room.Status, "off"}, {room.On, "done"}, {room.Status, "on"}, {room.Cycle, "done"}, {room.Status, "on"}, {room.Off, "done"}, {room.Status, "off"}} {
				got := do(t, session, step.op)
				for i := range plugCount {
					if got[i] != step.want {
						t.Errorf("%s: plug %d: %s, want %s", step.op, i, got[i], step.want)
					}
				}
			}
			s.locked(func() {
				for i, n := range s.moves {
					if n != 4 || s.on[i] {
						t.Errorf("plug %d moved %d times and is on: %t", i, n, s.on[i])
					}
				}
			})()
		})
	}
}

// What a plug's last will says keeps it from being told anything.
func TestOffline(t *testing.T) {
	for _, w := range makes {
		t.Run(w.style, func(t *testing.T) {
			s := newSet(t, w)
			topic, _, gone := w.will(2)
			s.broker.wait(s.client.Publish(topic, 1, true, gone))
			got := do(t, open(t, s), room.On)
			if got[2] != "failed: the broker says that it is offline" || s.on[2] {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestMeasure(t *testing.T) {
	for _, w := range makes {
		if w.style == "shelly1" {
			continue // it tells what it measures unasked, when it likes
		}
		t.Run(w.style, func(t *testing.T) {
			s := newSet(t, w)
			got := make(map[driver.Quantity]float64)
			meter := open(t, s).(driver.Meter)
			if err := meter.Measure(t.Context(), func(r driver.Reading) {
				if r.Plug == 1 {
					got[r.Quantity] = r.Value
				}
			}); err != nil {
				t.Fatal(err)
			}
			for q, want := range map[driver.Quantity]float64{driver.Power: 118, driver.Energy: 1500} {
				if got[q] != want {
					t.Errorf("%s is %v, want %v", q, got[q], want)
				}
			}
		})
	}
}

func open(t *testing.T, s *set) driver.Session {
	t.Helper()
	c, plugs := s.settings()
	if _, err := c.Traits(nil); err != nil {
		t.Fatal(err)
	}
	env := driver.Env{
		Device: "strip", DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {},
		Credential: secret.Resolved{User: "warden", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
	}
	for _, name := range plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: name, Used: true})
	}
	session, err := c.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		field string
		spoil func(*mqtt.Settings)
	}{
		{"address", func(c *mqtt.Settings) { c.Address = "tcp://broker:1883" }},
		{"address", func(c *mqtt.Settings) { c.Address = "mqtt://warden:secret@broker" }},
		{"style", func(c *mqtt.Settings) { c.Style = "sonoff" }},
		{"plugs", func(c *mqtt.Settings) { c.Plugs = nil }},
		{"plugs", func(c *mqtt.Settings) { c.Plugs["p0"] = "all/#" }},
		{"topics", func(c *mqtt.Settings) { c.Style = "topics" }},
		{"timeout", func(c *mqtt.Settings) { c.Timeout = 0 }},
		{"tls", func(c *mqtt.Settings) { c.TLS.Pins = []string{"x"} }},
	} {
		c := mqtt.New().New().(*mqtt.Settings)
		c.Address, c.Plugs = "mqtt://broker", map[string]string{"p0": "plug"}
		tt.spoil(c)
		_, err := c.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}
