package ipmi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/rmcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter is a machine that counts what is done to it.
type counter struct {
	*bmc.Memory
	actions atomic.Int64
}

func (c *counter) Power(ctx context.Context, who bmc.Caller, a chassis.Action) error {
	c.actions.Add(1)
	return c.Memory.Power(ctx, who, a)
}

// serve starts a BMC of our own and gives its address.
func serve(tb testing.TB, host bmc.Host) string {
	tb.Helper()
	return serveFaulty(tb, host, nil)
}

func serveFaulty(tb testing.TB, host bmc.Host, f *bmc.Faults) string {
	tb.Helper()
	m, err := bmc.New(bmc.Config{
		Users:  []bmc.Account{{Name: "admin", Password: "secret", Privilege: 4}},
		Limits: bmc.Limits{Sessions: 100, HalfOpen: 100, Burst: 1 << 20, SELSize: 16},
		Faults: f,
	}, host)
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bmc.Serve(ctx, conn, m) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
		m.Close()
	})
	return conn.LocalAddr().String()
}

// On a bad network everything is answered, and nothing that must not be is done twice.
func TestBadNetwork(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.01, 0.05, 0.2} {
		t.Run(fmt.Sprintf("%g", share), func(t *testing.T) {
			t.Parallel()
			host := &counter{Memory: bmc.NewMemory(true)}
			p, err := ipmitest.NewProxy(serve(t, host), ipmitest.Faults{
				Loss: share, Double: share, Reorder: share, Spoil: share / 20, Jitter: 3 * time.Millisecond, Seed: 1,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			c := newClient(t)
			var sure, unsure atomic.Int64
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					if err := visit(t.Context(), c, p.Addr(), &sure, &unsure); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			done := host.actions.Load()
			if done < sure.Load() || done > sure.Load()+unsure.Load() {
				t.Errorf("%d cycles said to be done, %d unsure, and %d were done", sure.Load(), unsure.Load(), done)
			}
			t.Logf("%d sure, %d unsure; %+v", sure.Load(), unsure.Load(), p.Counts())
		})
	}
}

// visit logs in, asks some things, cycles the power, and leaves.
func visit(ctx context.Context, c *ipmi.Client, address string, sure, unsure *atomic.Int64) error {
	o := account()
	o.Timeout, o.Pipeline = time.Minute, 4
	s, err := c.Open(ctx, address, o)
	if err != nil {
		return err
	}
	defer s.Close(ctx)
	for range 6 {
		if b, err := s.Do(ctx, getID); err != nil || len(b) < 11 {
			return fmt.Errorf("device id %x: %w", b, err)
		}
	}
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err = s.Do(soon, cycle)
	var maybe *ipmi.UnsureError
	switch {
	case err == nil:
		sure.Add(1)
	case errors.As(err, &maybe):
		unsure.Add(1)
	default:
		return err
	}
	return nil
}

// Many at a time over one session, from many goroutines.
func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	address := serve(t, bmc.NewMemory(true))
	c := newClient(t)
	o := account()
	o.Pipeline, o.Timeout = 8, time.Minute
	s, err := c.Open(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				if b, err := s.Do(t.Context(), getID); err != nil || len(b) < 11 {
					t.Errorf("device id %x, %v", b, err)
					return
				}
			}
		})
	}
	all.Wait()
	_ = s.Close(t.Context())
}

// What BMCs of our own do wrong as real ones do, and what helps against it.
func TestFaultyBMCs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		faults *bmc.Faults
		quirks ipmi.Quirks
		want   ipmi.LoginKind
	}{
		{"privilege of Open Session", &bmc.Faults{OpenPrivilege: true}, ipmi.QuirkOpenPrivilege, 0},
		{"privilege of Open Session, unknown", &bmc.Faults{OpenPrivilege: true}, 0, ipmi.LoginWrongPassword},
		{"padded name", &bmc.Faults{PaddedName: true}, ipmi.QuirkIntel20, 0},
		{"short codes", &bmc.Faults{ShortCodes: 4}, ipmi.QuirkSupermicro20, 0},
		{"short codes, unknown", &bmc.Faults{ShortCodes: 4}, 0, ipmi.LoginWrongPassword},
		{"far too short codes", &bmc.Faults{ShortCodes: 30}, ipmi.QuirkSun20, ipmi.LoginWrongPassword},
		{"wrong checksums", &bmc.Faults{WrongChecksums: true}, ipmi.QuirkNoChecksum, 0},
		{"wrong tags", &bmc.Faults{WrongTags: true}, 0, ipmi.LoginNotBMC},
		{"echoed privilege", &bmc.Faults{EchoPrivilege: true}, 0, 0},
		{"no sessions", &bmc.Faults{NoSessions: true}, 0, ipmi.LoginNoSession},
		{"no suite 17", &bmc.Faults{RefuseSuites: []rmcp.Suite{17}}, 0, 0},
		{"a device id of 14 bytes", &bmc.Faults{ShortDeviceID: true}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address := serveFaulty(t, bmc.NewMemory(true), tt.faults)
			c := newClient(t)
			o := account()
			o.Quirks = tt.quirks
			if tt.want == ipmi.LoginNotBMC {
				o.Timeout = 2 * time.Second
			}
			s, err := c.Open(t.Context(), address, o)
			if tt.want != 0 {
				wantKind(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(t.Context())
			if b, err := s.Do(t.Context(), getID); err != nil || len(b) < 11 {
				t.Errorf("device id %x, %v", b, err)
			}
		})
	}
}
