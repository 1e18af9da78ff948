package ipmidoor_test

import (
	"errors"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/sol"
)

// Who may only look does not end the console of who works with it, whatever privilege IPMI
// asks for that.
func TestWhoLooksTakesNoConsoleAway(t *testing.T) {
	s := newStand(t)
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	open := func(user string, p ipmi.Privilege) *ipmi.Session {
		session, err := client.Open(t.Context(), s.at["m1"], ipmi.Options{User: user, Password: password, Privilege: p, Timeout: 30 * time.Second})
		s.check(err)
		return session
	}
	console, err := sol.Open(t.Context(), open("op", ipmi.PrivilegeOperator), sol.Options{})
	s.check(err)
	defer console.Close()
	look := open("look", ipmi.PrivilegeOperator)
	for _, p := range []ipmi.Privilege{ipmi.PrivilegeOperator, ipmi.PrivilegeUser} {
		_, err := look.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 0x3b, Data: []byte{byte(p)}})
		s.check(err)
		_, err = look.Do(t.Context(), ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 0x49, Data: []byte{1, 1, 0, 0, 0, 0}})
		if !errors.Is(err, ipmi.CodePrivilege) {
			t.Errorf("as %v: %v", p, err)
		}
	}
	_, err = console.Write([]byte("x"))
	s.check(err)
}
