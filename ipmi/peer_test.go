package ipmi_test

import (
	"errors"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/rmcp"
)

func newClient(t *testing.T) *ipmi.Client {
	t.Helper()
	c := ipmi.NewClient(ipmi.ClientOptions{})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Every suite that the simulator can do (it has 7, 8 and 12, and answers nothing in them, to
// FreeIPMI's tools neither): log in, ask what it is, log out.
func TestIPMISim(t *testing.T) {
	t.Parallel()
	address := ipmitest.Sim(t, "")
	c := newClient(t)
	if a, err := c.Ping(t.Context(), address); err != nil || !a.IPMI {
		t.Errorf("ping: %+v, %v", a, err)
	}
	for _, suite := range []rmcp.Suite{0, 1, 2, 3, 6, 11} {
		t.Run(suite.String(), func(t *testing.T) {
			s, err := c.Open(t.Context(), address, ipmi.Options{User: "admin", Password: "secret", Suites: []rmcp.Suite{suite}, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(t.Context())
			for range 20 {
				b, err := s.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 1})
				if err != nil || len(b) != 15 || b[1] != 3 {
					t.Fatalf("device id %x, %v", b, err)
				}
			}
			if got, plus := s.Suite(); got != suite || !plus || s.Privilege() != ipmi.PrivilegeAdmin {
				t.Errorf("%v, %v", got, s.Privilege())
			}
		})
	}
	for _, tt := range []struct {
		name string
		o    ipmi.Options
		want ipmi.LoginKind
	}{
		{"suite 17 only", ipmi.Options{User: "admin", Password: "secret", NoDowngrade: true}, ipmi.LoginSuiteRefused},
		{"wrong password", ipmi.Options{User: "admin", Password: "Secret"}, ipmi.LoginWrongPassword},
		{"wrong name", ipmi.Options{User: "nobody", Password: "secret"}, ipmi.LoginWrongName},
		{"Kg that it has not", ipmi.Options{User: "admin", Password: "secret", Kg: "0x01"}, ipmi.LoginWrongKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Timeout = time.Minute
			s, err := c.Open(t.Context(), address, tt.o)
			var e *ipmi.LoginError
			if !errors.As(err, &e) || e.Kind != tt.want {
				t.Errorf("%v, %v; want %v", s, err, tt.want)
			}
		})
	}
}
