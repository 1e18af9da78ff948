package ipmi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

const bmc1 = "10.0.0.1:623"

func account() ipmi.Options { return ipmi.Options{User: "admin", Password: "secret"} }

func mustOpen(t *testing.T, c *ipmi.Client, o ipmi.Options) *ipmi.Session {
	t.Helper()
	s, err := c.Open(t.Context(), bmc1, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantSteps(t *testing.T, f *fake, want ...string) {
	t.Helper()
	if got := f.steps(); !slices.Equal(got, want) {
		t.Errorf("the BMC heard %v, want %v", got, want)
	}
}

func wantKind(t *testing.T, err error, want ipmi.LoginKind) {
	t.Helper()
	var e *ipmi.LoginError
	if !errors.As(err, &e) || e.Kind != want {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestLoginAndOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.guid = [16]byte{1, 2, 3}
		s := mustOpen(t, c, account())
		if _, err := s.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: 1}); err != nil {
			t.Error(err)
		}
		if suite, plus := s.Suite(); suite != 17 || !plus || s.Privilege() != ipmi.PrivilegeAdmin || s.GUID() != f.guid || s.Addr().String() != bmc1 {
			t.Errorf("%v, %v, %x, %v", suite, s.Privilege(), s.GUID(), s.Addr())
		}
		if rtt := s.RTT(); rtt != 2*time.Millisecond {
			t.Errorf("round trip %v, want 2 ms", rtt)
		}
		select {
		case <-s.Done():
			t.Error("done before it was closed")
		default:
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		<-s.Done()
		wantSteps(t, f, "open", "rakp1", "rakp3", "06/3b", "00/01", "06/3c")
		if _, err := s.Do(t.Context(), ipmi.Request{}); !errors.Is(err, ipmi.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// Nothing at the address: tries come at growing distances, and end.
func TestLoginNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.change = func(string, int, []byte) [][]byte { return nil }
		_, err := c.Open(t.Context(), bmc1, account())
		wantKind(t, err, ipmi.LoginNoAnswer)
		if d := time.Since(begin); d != 15*time.Second {
			t.Errorf("given up after %v", d)
		}
		tries := f.times("open")
		wait := 250 * time.Millisecond
		for i := 1; i < len(tries); i++ {
			if d := tries[i].when - tries[i-1].when; d < wait || d > wait*5/4 {
				t.Errorf("try %d came %v after the one before, want %v and up to a quarter more", i+1, d, wait)
			}
			wait = min(wait*3/2, 4*time.Second)
		}
		if len(tries) < 7 {
			t.Errorf("%d tries", len(tries))
		}
		if len(f.times("caps")) == 0 {
			t.Error("it was never asked what it is")
		}
	})
}

func TestLoginEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newNetwork(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Open(ctx, bmc1, account())
		wantKind(t, err, ipmi.LoginNoAnswer)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// Two silent tries at a stage of the handshake, and it begins anew.
func TestLoginRestarts(t *testing.T) {
	for _, step := range []string{"rakp2", "rakp4"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newNetwork(t)
				f := n.add(bmc1)
				f.change = deaf(step, 2)
				mustOpen(t, c, account())
				if len(f.times("open")) != 2 {
					t.Errorf("the BMC heard %v", f.steps())
				}
				if d := time.Since(begin); d > time.Second {
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

func TestLoginErrors(t *testing.T) {
	guid := [16]byte{9}
	for _, tt := range []struct {
		name string
		set  func(*fake)
		o    ipmi.Options
		want ipmi.LoginKind
	}{
		{"wrong password", nil, ipmi.Options{User: "admin", Password: "other"}, ipmi.LoginWrongPassword},
		{"wrong name", nil, ipmi.Options{User: "eve", Password: "secret"}, ipmi.LoginWrongName},
		{"wrong key", func(f *fake) { f.kg = rmcp.Key{1} }, account(), ipmi.LoginWrongKey},
		{"another BMC", nil, ipmi.Options{User: "admin", Password: "secret", GUID: &guid}, ipmi.LoginWrongGUID},
		{"privilege", func(f *fake) { f.most = 3 }, ipmi.Options{User: "admin", Password: "secret", Privilege: ipmi.PrivilegeAdmin}, ipmi.LoginPrivilege},
		{"no downgrade", func(f *fake) { f.suites = []rmcp.Suite{3} }, ipmi.Options{User: "admin", Password: "secret", NoDowngrade: true}, ipmi.LoginSuiteRefused},
		{"no suite of ours", func(f *fake) { f.suites = []rmcp.Suite{0, 2} }, account(), ipmi.LoginSuiteRefused},
		{"crowded", func(f *fake) { f.status = slices.Repeat([]rmcp.Status{rmcp.StatusNoResources}, 9) }, account(), ipmi.LoginNoSession},
		{"1.5 only", func(f *fake) { f.only15 = true }, account(), ipmi.LoginNotBMC},
		{"another suite than was asked for", func(f *fake) {
			f.change = func(step string, _ int, b []byte) [][]byte {
				if step == "open" {
					b[4+12+12+4] = rmcp.AuthAlgSHA1
				}
				return [][]byte{b}
			}
		}, ipmi.Options{User: "admin", Password: "secret", NoDowngrade: true}, ipmi.LoginSuiteChanged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newNetwork(t)
				f := n.add(bmc1)
				if tt.set != nil {
					tt.set(f)
				}
				_, err := c.Open(t.Context(), bmc1, tt.o)
				wantKind(t, err, tt.want)
				if d := time.Since(begin); d > 5*time.Second {
					t.Errorf("it took %v to find out", d)
				}
			})
		})
	}
}

func TestLoginSucceedsNevertheless(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*fake)
		o    ipmi.Options
		most time.Duration
	}{
		{"17 refused", func(f *fake) { f.suites = []rmcp.Suite{3} }, account(), 20 * time.Millisecond},
		{"less privilege", func(f *fake) { f.most = 2 }, account(), 50 * time.Millisecond},
		{"crowded for a while", func(f *fake) { f.status = []rmcp.Status{1, 1} }, account(), 2 * time.Second},
		{"handshake forgotten", func(f *fake) { f.change = refuse("rakp4", rmcp.StatusSessionID) }, account(), 50 * time.Millisecond},
		{"two tries mixed up", func(f *fake) { f.change = refuse("rakp4", rmcp.StatusIntegrity) }, account(), 50 * time.Millisecond},
		{"a forged refusal first", func(f *fake) { f.change = before("rakp2", rmcp.StatusParameter) }, account(), 50 * time.Millisecond},
		{"a forged proof first", func(f *fake) {
			f.change = func(step string, _ int, b []byte) [][]byte {
				forged := bytes.Clone(b)
				forged[len(b)-1] ^= 1
				return [][]byte{forged, b}
			}
		}, account(), 50 * time.Millisecond},
		{"an answer to another try first", func(f *fake) {
			f.change = func(step string, _ int, b []byte) [][]byte {
				other := bytes.Clone(b)
				other[16] += 77
				return [][]byte{other, b}
			}
		}, account(), 50 * time.Millisecond},
		{"everything twice", func(f *fake) {
			f.change = func(_ string, _ int, b []byte) [][]byte { return [][]byte{b, b} }
		}, account(), 20 * time.Millisecond},
		{"privilege 0 in answers", func(f *fake) {
			f.code = func(m rmcp.Message, _ int) []byte {
				if m.Cmd == rmcp.CmdSetPrivilege {
					return []byte{0, 0}
				}
				return nil
			}
		}, account(), 20 * time.Millisecond},
		{"silent to suite 17", func(f *fake) {
			f.change = func(step string, nth int, b []byte) [][]byte {
				if step == "open" && b[4+12+1] != 0 {
					return nil
				}
				return [][]byte{b}
			}
			f.suites = []rmcp.Suite{3}
		}, account(), 5 * time.Second},
		{"privilege refused once logged in", func(f *fake) {
			f.code = func(m rmcp.Message, _ int) []byte {
				if m.Cmd == rmcp.CmdSetPrivilege && m.Data[0] == 4 {
					return []byte{0x81}
				}
				return nil
			}
		}, account(), 20 * time.Millisecond},
		{"no answer about the privilege", func(f *fake) { f.change = deaf("06/3b", 4) }, account(), 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newNetwork(t)
				f := n.add(bmc1)
				tt.set(f)
				s := mustOpen(t, c, tt.o)
				if d := time.Since(begin); d > tt.most {
					t.Errorf("it took %v; the BMC heard %v", d, f.steps())
				}
				if _, err := s.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 1}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// refuse has the first answer of a step be a refusal.
func refuse(step string, status rmcp.Status) func(string, int, []byte) [][]byte {
	return func(s string, nth int, b []byte) [][]byte {
		if s == step && nth == 1 {
			b[4+12+1] = byte(status)
		}
		return [][]byte{b}
	}
}

// before has a refusal arrive before the answers of a step.
func before(step string, status rmcp.Status) func(string, int, []byte) [][]byte {
	return func(s string, nth int, b []byte) [][]byte {
		if s != step {
			return [][]byte{b}
		}
		forged := bytes.Clone(b)
		forged[4+12+1] = byte(status)
		return [][]byte{forged, b}
	}
}

func TestQuirks(t *testing.T) {
	q, err := ipmi.ParseQuirks("sun20, AuthCap,none")
	if err != nil || q != ipmi.QuirkSun20|ipmi.QuirkAuthCap || q.String() != "authcap,sun20" {
		t.Errorf("%v, %v", q, err)
	}
	if _, err := ipmi.ParseQuirks("sun21"); err == nil {
		t.Error("sun21 is no quirk")
	}
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		f := n.add(bmc1)
		f.change = func(step string, _ int, b []byte) [][]byte {
			if step == "rakp2" || step == "rakp4" { // too many bytes in the code
				b = append(b, 0xaa)
				b[4+10]++
			}
			return [][]byte{b}
		}
		_, err := c.Open(t.Context(), bmc1, account())
		wantKind(t, err, ipmi.LoginWrongPassword)
		o := account()
		o.Quirks = ipmi.QuirkSupermicro20
		mustOpen(t, c, o)
	})
}

func TestOptionsRefused(t *testing.T) {
	_, c := newNetwork(t)
	for _, o := range []ipmi.Options{
		{User: "seventeen bytes !"},
		{User: "ääääääääö"},
		{Password: "twenty-one bytes here"},
		{Kg: "0xgg"},
		{Suites: []rmcp.Suite{4}},
		{Privilege: 9},
		{Timeout: -1},
	} {
		if _, err := c.Open(t.Context(), bmc1, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	for _, address := range []string{"", "a:b:c", "host:0", "host:99999", "[::1", ":623"} {
		_, err := c.Open(t.Context(), address, account())
		wantKind(t, err, ipmi.LoginUnresolved)
	}
}

// Of all the addresses of a name the one that answers is taken.
func TestLoginAddresses(t *testing.T) {
	all, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	type place struct{ address, at string }
	places := []place{
		{"[2001:db8::1]", "[2001:db8::1]:623"},
		{"2001:db8::1", "[2001:db8::1]:623"},
		{"[fe80::1%eth0]:6230", "[fe80::1%eth0]:6230"},
		{"fe80::1%eth0", "[fe80::1%eth0]:623"},
		{"10.0.0.1:6230", "10.0.0.1:6230"},
		{"::ffff:10.0.0.1", "10.0.0.1:623"},
	}
	for _, a := range all {
		places = append(places, place{"localhost:6230", netip.AddrPortFrom(a.Unmap(), 6230).String()})
	}
	for _, p := range places {
		t.Run(p.at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c := newNetwork(t)
				n.add(p.at)
				s, err := c.Open(t.Context(), p.address, account())
				if err != nil {
					t.Fatal(err)
				}
				if got := s.Addr().String(); got != p.at || time.Since(begin) > time.Second {
					t.Errorf("%s after %v", got, time.Since(begin))
				}
			})
		})
	}
}

// More logins than may begin at a time, most of them to where nobody is.
func TestManyLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, c := newNetwork(t)
		n.in = make(chan datagram, 1)
		n.add(bmc1)
		var dead, well sync.WaitGroup
		for i := range 1000 {
			dead.Add(1)
			c.OpenFunc(t.Context(), fmt.Sprintf("10.1.%d.%d", i>>8, i&255), account(), func(_ *ipmi.Session, err error) {
				if err == nil {
					t.Error("logged in to nobody")
				}
				dead.Done()
			})
		}
		start := time.Now()
		for range 50 {
			well.Go(func() {
				if _, err := c.Open(t.Context(), bmc1, account()); err != nil {
					t.Error(err)
				}
			})
		}
		well.Wait()
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("those that are there waited %v for those that are not", d)
		}
		dead.Wait()
	})
}
