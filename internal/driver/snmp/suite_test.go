package snmp

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/snmp/agent"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/secret"
)

// What lets us in, long and odd enough to be found wherever it leaks to.
const (
	community  = "c0mmunity-Zaphod-4711"
	passphrase = "pr1vacy-Trillian-4712"
	user       = "millwright"
)

func credential(values map[string]string) secret.Resolved {
	r := secret.Resolved{User: user, Values: make(map[string]secret.Value)}
	for name, text := range values {
		r.Values[name] = secret.NewValue(text)
	}
	return r
}

// newAgent makes an agent for a test.
func newAgent(t testing.TB, cfg agent.Config) *agent.Agent {
	t.Helper()
	a, err := agent.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func builtin(t testing.TB, name string) *profile.Profile {
	t.Helper()
	p, ok := profile.Builtin(name)
	if !ok {
		t.Fatalf("there is no profile %q", name)
	}
	return p
}

// listen serves an agent on a socket until the test ends.
func listen(t testing.TB, a *agent.Agent) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	address, done, err := a.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return address, stop
}

func numbers(first, n int) (names []string) {
	for i := range n {
		names = append(names, strconv.Itoa(first+i))
	}
	return names
}

// rigOf is a device of some profile, reached in memory.
func rigOf(t *testing.T, s *Settings, cfg agent.Config, who secret.Resolved, outlets int) (drivertest.Rig, *agent.Agent) {
	cfg.Plugs = numbers(cfg.Profile.Index.First, outlets)
	s.Outlets = outlets
	a := newAgent(t, cfg)
	return drivertest.Rig{
		Settings: s, Plugs: cfg.Plugs, Credential: who, DialContext: a.Dial,
		Truth: drivertest.Truth{On: a.On, Set: a.Set, Moves: a.Moves},
		Faults: drivertest.Faults{
			Refuse:  a.Refuse,
			Hang:    func() { a.Change(func(f *agent.Fault) { f.Hang = true }) },
			Garbage: func() { a.Change(func(f *agent.Fault) { f.Garbage = true }) },
			Chatter: a.Chatter,
			Echo:    func() { a.Change(func(f *agent.Fault) { f.Echo = community + passphrase }) },
			Reject:  func(plug string) { a.Change(func(f *agent.Fault) { f.Reject = plug }) },
			Stick:   func(plug string) { a.Change(func(f *agent.Fault) { f.Stuck = plug }) },
		},
	}, a
}

// plainRig is a device of some profile, version and network, spoken to by communities.
func plainRig(name, version, network string, outlets int, change func(*Settings, *agent.Config)) func(*testing.T) drivertest.Rig {
	return func(t *testing.T) drivertest.Rig {
		s := defaults()
		s.Address, s.Version, s.Profile = network+"://pdu", version, name
		cfg := agent.Config{Profile: builtin(t, name), Community: community, Rest: time.Second, Delay: 300 * time.Millisecond}
		if change != nil {
			change(s, &cfg)
		}
		rig, a := rigOf(t, s, cfg, credential(map[string]string{secret.Password: community}), outlets)
		if network == "tcp" {
			rig.Faults.Cut = func() { a.Change(func(f *agent.Fault) { f.Cut = true }) }
			rig.Faults.Pieces = func() { a.Change(func(f *agent.Fault) { f.Pieces = true }) }
		}
		return rig
	}
}

func TestDriver(t *testing.T) {
	for name, subject := range map[string]drivertest.Subject{
		"2c rpdu2":         {New: plainRig("apc-rpdu2", "2c", "udp", 8, nil), Many: plainRig("apc-rpdu2", "2c", "udp", 1000, nil)},
		"1 px1":            {New: plainRig("raritan-px1", "1", "udp", 8, nil)},
		"2c sentry3, tcp":  {New: plainRig("sentry3", "2c", "tcp", 24, nil)},
		"2c eaton":         {New: plainRig("eaton-epdu", "2c", "udp", 8, nil)},
		"we cycle":         {New: plainRig("apc-rpdu", "2c", "udp", 8, func(s *Settings, _ *agent.Config) { s.Cycle = "driver" })},
		"relays at once":   {New: plainRig("apc-rpdu", "2c", "udp", 8, func(_ *Settings, c *agent.Config) { c.Delay, c.Rest = 0, 0 })},
		"asks what it is":  {New: plainRig("apc-rpdu2", "2c", "udp", 8, func(s *Settings, _ *agent.Config) { s.Profile = auto })},
		"3 authPriv":       {New: usmRig("sha256", "aes128", gosnmp.SHA256, gosnmp.AES)},
		"3 authNoPriv":     {New: usmRig("md5", "none", gosnmp.MD5, gosnmp.NoPriv)},
		"3 aes256 Cisco's": {New: usmRig("sha512", "aes256c", gosnmp.SHA512, gosnmp.AES256C)},
		"3 des":            {New: usmRig("sha", "des", gosnmp.SHA, gosnmp.DES)},
	} {
		subject.InMemory = true
		t.Run(name, func(t *testing.T) { drivertest.Run(t, subject) })
	}
}

// usmRig is a device that is spoken to by version 3.
func usmRig(auth, privacy string, authProto gosnmp.SnmpV3AuthProtocol, privProto gosnmp.SnmpV3PrivProtocol) func(*testing.T) drivertest.Rig {
	return func(t *testing.T) drivertest.Rig {
		s := defaults()
		s.Address, s.Version, s.Profile, s.Auth, s.Privacy = "pdu", version3, "raritan-px2", auth, privacy
		cfg := agent.Config{Profile: builtin(t, "raritan-px2"), User: &agent.User{
			Name: user, Password: community, Passphrase: passphrase, Auth: authProto, Privacy: privProto,
		}}
		rig, a := rigOf(t, s, cfg, credential(map[string]string{secret.Password: community, secret.Passphrase: passphrase}), 8)
		rig.Faults.BadPassword = func() { a.Change(func(f *agent.Fault) { f.Password = true }) }
		return rig
	}
}

// TestDriverOnSockets is the suite over real UDP.
func TestDriverOnSockets(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{New: func(t *testing.T) drivertest.Rig {
		s := defaults()
		s.Profile, s.Timeout, s.RetryAfter, s.Rest = "apc-rpdu2", 600*time.Millisecond, 100*time.Millisecond, 10*time.Millisecond
		rig, a := rigOf(t, s, agent.Config{
			Profile: builtin(t, s.Profile), Community: community, Delay: 20 * time.Millisecond, Rest: 20 * time.Millisecond,
		}, credential(map[string]string{secret.Password: community}), 8)
		rig.DialContext = nil
		var stop func()
		s.Address, stop = listen(t, a)
		rig.Faults.Refuse, rig.Faults.Chatter = stop, nil
		return rig
	}})
}
