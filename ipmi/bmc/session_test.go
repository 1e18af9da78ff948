package bmc

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/rmcp"
)

func machine(t *testing.T, change func(*Config), host Host) *Machine {
	t.Helper()
	cfg := demo()
	if change != nil {
		change(&cfg)
	}
	m, err := New(cfg, host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// counter is a host that counts, and can be slow.
type counter struct {
	mu    sync.Mutex
	done  []chassis.Action
	block chan struct{}
}

func (h *counter) Powered(context.Context) (bool, error) { return true, nil }

func (h *counter) Power(ctx context.Context, _ Caller, a chassis.Action) error {
	if h.block != nil {
		select {
		case <-h.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, a)
	return nil
}

func TestARequestThatComesAgainIsDoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &counter{block: make(chan struct{})}
		m := machine(t, nil, h)
		c := signIn(t, m, "op", "operating", Operator)
		c.put(c.packet(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerCycle)))
		synctest.Wait()
		if got := c.put(c.repeat(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerCycle))); len(got) != 0 {
			t.Error("it was answered before it was done")
		}
		// The host takes its time; other commands do not wait for it.
		if code, _ := c.do(ipmi.NetFnApp, 0x01); code != ipmi.CodeOK {
			t.Errorf("meanwhile: %v", code)
		}
		c.seq--
		close(h.block)
		synctest.Wait()
		if code, _ := c.read(c.take()); code != ipmi.CodeOK {
			t.Errorf("the cycle: %v", code)
		}
		if code, _ := c.read(c.put(c.repeat(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerCycle)))); code != ipmi.CodeOK {
			t.Errorf("the cycle again: %v", code)
		}
		if len(h.done) != 1 {
			t.Fatalf("done %d times", len(h.done))
		}
		// With a number of its own it is another one, and with an old number too after a while.
		c.put(c.packet(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerCycle)))
		synctest.Wait()
		time.Sleep(replyAge + time.Second)
		c.put(c.repeat(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerCycle)))
		synctest.Wait()
		if len(h.done) != 3 {
			t.Errorf("done %d times, not 3", len(h.done))
		}
	})
}

func TestSessionsEndWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []Event
		m := machine(t, func(c *Config) { c.Notify = func(e Event) { events = append(events, e) } }, nil)
		c := signIn(t, m, "admin", "password", Administrator)
		time.Sleep(59 * time.Second)
		if code, _ := c.do(ipmi.NetFnApp, 0x01); code != ipmi.CodeOK {
			t.Errorf("after 59 s: %v", code)
		}
		time.Sleep(61 * time.Second)
		if got := c.put(c.packet(ipmi.NetFnApp, 0x01)); len(got) != 0 {
			t.Error("it was answered after 61 s")
		}
		if last := events[len(events)-1]; last.Kind != SessionExpired || last.User != "admin" {
			t.Errorf("last event %v", last)
		}
	})
}

func TestLoginsUnderWayGiveWay(t *testing.T) {
	m := machine(t, func(c *Config) { c.Limits = Limits{Sessions: 2, HalfOpen: 3} }, nil)
	w := newWire(m)
	first, _ := w.knock(t, 1, 17, Administrator)
	for id := uint32(2); id <= 4; id++ { // one too many
		if _, o := w.knock(t, id, 17, Administrator); o.Status != rmcp.StatusOK {
			t.Fatalf("login %d: %v", id, o.Status)
		}
	}
	r1 := rmcp.RAKP1{Managed: first.x.Managed, Role: 4, Name: []byte("admin")}
	if got := w.put(rmcp.AppendPlain(nil, rmcp.PayloadRAKP1, r1.Append(nil))); len(got) != 0 {
		t.Error("the oldest login was not forgotten")
	}
	a := signIn(t, m, "admin", "password", Administrator)
	signIn(t, m, "watch", "watching", User)
	if _, o := w.knock(t, 9, 17, User); o.Status != rmcp.StatusNoResources {
		t.Errorf("a third session: %v", o.Status)
	}
	if code, _ := a.do(ipmi.NetFnApp, 0x3c, byte(a.x.Managed), byte(a.x.Managed>>8), byte(a.x.Managed>>16), byte(a.x.Managed>>24)); code != ipmi.CodeOK {
		t.Errorf("closing: %v", code)
	}
	if _, o := w.knock(t, 10, 17, User); o.Status != rmcp.StatusOK {
		t.Errorf("after one was closed: %v", o.Status)
	}
}

func TestSuitesAreChosenFromTheProposal(t *testing.T) {
	for _, test := range []struct {
		suite rmcp.Suite
		have  []rmcp.Suite
		want  rmcp.Status
	}{
		{17, nil, rmcp.StatusOK},
		{3, nil, rmcp.StatusOK},
		{0, nil, rmcp.StatusAuthAlgorithm},
		{2, nil, rmcp.StatusConfidentiality},
		{1, nil, rmcp.StatusIntegrityAlg},
		{8, nil, rmcp.StatusAuthAlgorithm},
		{17, []rmcp.Suite{3}, rmcp.StatusAuthAlgorithm},
		{8, []rmcp.Suite{8}, rmcp.StatusOK},
	} {
		m := machine(t, func(c *Config) { c.Suites = test.have }, nil)
		_, o := newWire(m).knock(t, 5, test.suite, 0)
		if o.Status != test.want {
			t.Errorf("%v of %v: %v, not %v", test.suite, test.have, o.Status, test.want)
		}
		if a, _ := test.suite.Algorithms(); o.Status == rmcp.StatusOK && (o.Algorithms != a || o.Privilege != uint8(Administrator)) {
			t.Errorf("%v: answered %v at privilege %d", test.suite, o.Algorithms, o.Privilege)
		}
	}
	if _, err := New(Config{Suites: []rmcp.Suite{0}}, nil); err == nil {
		t.Error("suite 0 was taken")
	}
}

func TestUnknownUsersLookLikeWrongPasswords(t *testing.T) {
	answers := func(tell bool, user string) (rmcp.Status, int, rmcp.Status) {
		m := machine(t, func(c *Config) { c.TellUnknownUsers = tell }, nil)
		c, _ := newWire(m).knock(t, 5, 17, Administrator)
		two := c.name(user, "guess", Administrator)
		if two.Status != rmcp.StatusOK {
			return two.Status, 0, 0
		}
		return two.Status, len(two.Code), c.prove().Status
	}
	for _, user := range []string{"admin", "nobody", ""} {
		if a, n, b := answers(false, user); a != rmcp.StatusOK || n != 32 || b != rmcp.StatusIntegrity {
			t.Errorf("%q: %v, a code of %d bytes, %v", user, a, n, b)
		}
	}
	if a, _, _ := answers(true, "nobody"); a != rmcp.StatusName {
		t.Errorf("told: %v", a)
	}
}

func TestGuessingBecomesSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kinds []Kind
		m := machine(t, func(c *Config) { c.Notify = func(e Event) { kinds = append(kinds, e.Kind) } }, nil)
		w := newWire(m)
		tries := 0
		for ; tries < 50; tries++ {
			c, _ := w.knock(t, uint32(tries+1), 17, User)
			if c.name("admin", "guess", User).Status != rmcp.StatusOK {
				break
			}
			c.prove()
		}
		if tries < 5 || tries > 15 {
			t.Errorf("%d guesses in no time", tries)
		}
		if kinds[0] != LoginFailed || kinds[len(kinds)-1] != LoginLimited {
			t.Errorf("events %v", kinds)
		}
		time.Sleep(30 * time.Second)
		signIn(t, m, "admin", "password", User)
	})
}

func TestTheBMCsKeyIsNeeded(t *testing.T) {
	m := machine(t, func(c *Config) { c.Kg = []byte("the key") }, nil)
	c, _ := newWire(m).knock(t, 5, 3, Administrator)
	c.name("admin", "password", Administrator)
	copy(c.kg[:], "the key")
	if r := c.prove(); r.Status != rmcp.StatusOK {
		t.Fatal(r.Status)
	}
	if code, _ := c.do(ipmi.NetFnApp, 0x01); code != ipmi.CodeOK {
		t.Error(code)
	}
}

func TestNothingIsBelievedUnverified(t *testing.T) {
	h := &counter{}
	m := machine(t, nil, h)
	c := signIn(t, m, "admin", "password", Administrator)
	message := rmcp.Message{To: rmcp.AddressBMC, NetFn: 0, From: rmcp.AddressConsole, Seq: 9, Cmd: chassis.CmdControl, Data: []byte{0}}.Append(nil)
	good := c.packet(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerOff))
	clear := rmcp.AppendPlain(nil, rmcp.PayloadIPMI, message)
	inSession := bytes.Clone(clear)
	copy(inSession[6:10], good[6:10])
	plain15 := rmcp.AppendPlain15(nil, c.x.Managed, 5, message)
	forged := bytes.Clone(good)
	forged[len(forged)-1] ^= 1
	for name, b := range map[string][]byte{
		"in clear": clear, "in clear with the session's number": inSession, "as 1.5": plain15, "a wrong code": forged,
		"outside by 1.5": rmcp.AppendPlain15(nil, 0, 0, message), "cut": good[:len(good)-5],
	} {
		if got := c.put(b); len(got) != 0 {
			t.Errorf("%s: answered", name)
		}
	}
	replay := c.packet(ipmi.NetFnApp, 0x01)
	c.put(replay)
	if got := c.put(replay); len(got) != 0 {
		t.Error("a replay was answered")
	}
	if len(h.done) != 0 {
		t.Fatal("it was switched")
	}
	c.put(good)
	m.wait.Wait()
	if !slices.Equal(h.done, []chassis.Action{chassis.PowerOff}) {
		t.Errorf("the good one: %v", h.done)
	}
}

func TestLostAnswersOfTheLogin(t *testing.T) {
	m := machine(t, nil, nil)
	w := newWire(m)
	c, o := w.knock(t, 5, 17, User)
	if _, again := w.knock(t, 5, 17, User); again != o {
		t.Errorf("opened again: %v, first %v", again, o)
	}
	one := c.name("watch", "watching", User)
	if again := c.name("watch", "watching", User); again.Random != one.Random {
		t.Error("another random number for the same message")
	}
	if r := c.prove(); r.Status != rmcp.StatusOK {
		t.Fatal(r.Status)
	}
	if got := c.put(c.rakp3); len(got) != 1 {
		t.Error("the last message was not repeated")
	}
	if n := m.Sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestChangedUsersLoseTheirSessions(t *testing.T) {
	m := machine(t, nil, nil)
	a, b := signIn(t, m, "admin", "password", Administrator), signIn(t, m, "watch", "watching", User)
	if code, _ := a.do(ipmi.NetFnApp, 0x47, 4, 0); code != ipmi.CodeOK { // disabled
		t.Fatal(code)
	}
	if got := b.put(b.packet(ipmi.NetFnApp, 0x01)); len(got) != 0 {
		t.Error("the disabled user goes on")
	}
	if code, _ := a.do(ipmi.NetFnApp, 0x02); code != ipmi.CodeOK { // a cold reset
		t.Fatal(code)
	}
	if got := a.put(a.packet(ipmi.NetFnApp, 0x01)); len(got) != 0 || m.Sessions() != 0 {
		t.Error("a session outlived the reset")
	}
}
