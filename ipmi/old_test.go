package ipmi_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/rmcp"
)

// oldConn has the BMC say of itself that it has IPMI 1.5 only.
type oldConn struct {
	net.PacketConn
	types uint8 // of authentication
	plus  bool  // answer code CC when asked about 2.0
}

func (o *oldConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := o.PacketConn.ReadFrom(b)
	if err != nil {
		return n, from, err
	}
	var p rmcp.Packet
	if p.Parse(b[:n]) != nil || p.ID != 0 {
		return n, from, nil
	}
	m, err := rmcp.ParseMessage(p.Payload)
	if err != nil || m.Cmd != rmcp.CmdGetAuthCaps {
		return n, from, nil
	}
	caps, err := rmcp.ParseAuthCaps(m.Data[1:])
	if err != nil {
		return n, from, nil
	}
	if caps.PlusValid && o.plus {
		m.Data = []byte{0xcc}
	} else {
		caps.PlusValid, caps.Plus20, caps.Types = false, false, o.types
		m.Data = caps.Append([]byte{0})
	}
	return copy(b, rmcp.AppendPlain15(nil, 0, 0, m.Append(nil))), from, nil
}

func TestIPMI15(t *testing.T) {
	t.Parallel()
	address := ipmitest.Sim(t, "")
	const md5, password, none = 1 << rmcp.AuthMD5, 1 << rmcp.AuthPassword, 1 << rmcp.AuthNone
	for _, tt := range []struct {
		name string
		conn oldConn
		o    ipmi.Options
		want ipmi.LoginKind
	}{
		{"MD5", oldConn{types: md5}, ipmi.Options{User: "admin", Password: "secret", IPMI15: true}, 0},
		{"a BMC that does not know the question of 2.0", oldConn{types: md5, plus: true}, ipmi.Options{User: "admin", Password: "secret", IPMI15: true}, 0},
		{"the password itself", oldConn{types: password}, ipmi.Options{User: "admin", Password: "secret", IPMI15: true, PlainPassword: true}, 0},
		{"the password itself, unasked", oldConn{types: password | none}, ipmi.Options{User: "admin", Password: "secret", IPMI15: true}, ipmi.LoginSuiteRefused},
		{"wrong password", oldConn{types: md5}, ipmi.Options{User: "admin", Password: "Secret", IPMI15: true}, ipmi.LoginWrongPassword},
		{"wrong name", oldConn{types: md5}, ipmi.Options{User: "nobody", Password: "secret", IPMI15: true}, ipmi.LoginWrongName},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := ipmi.NewClient(ipmi.ClientOptions{Listen: func(network string) (net.PacketConn, error) {
				conn, err := net.ListenPacket(network, ":0")
				return &oldConn{conn, tt.conn.types, tt.conn.plus}, err
			}})
			defer c.Close()
			tt.o.Timeout = time.Minute
			s, err := c.Open(t.Context(), address, tt.o)
			if tt.want != 0 {
				wantKind(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(t.Context())
			if _, plus := s.Suite(); plus || s.Privilege() != ipmi.PrivilegeAdmin {
				t.Errorf("2.0: %v, %v", plus, s.Privilege())
			}
			for range 20 {
				if b, err := s.Do(t.Context(), getID); err != nil || len(b) != 15 {
					t.Fatalf("device id %x, %v", b, err)
				}
			}
			var e *ipmi.CodeError
			if _, err := s.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnOEM, Cmd: 0x77}); !errors.As(err, &e) {
				t.Errorf("a command that there is not: %v", err)
			}
			if got := s.Stats(); got.Dropped[rmcp.FaultCode] != 0 || got.Dropped[rmcp.FaultClear] != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}
