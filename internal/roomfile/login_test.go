package roomfile_test

import (
	"context"
	"errors"
	"testing"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
)

// locked is the settings of a driver that cannot do without some values.
type locked struct{ wants []string }

func (l *locked) Traits(driver.Shelf) (driver.Traits, error) {
	return driver.Traits{Type: "locked", Login: l.wants}, nil
}

func (*locked) Open(context.Context, driver.Env) (driver.Session, error) {
	return nil, errors.New("it is not there")
}

// TestLogin: what a driver cannot log in without is missed before there is any
// contact.
func TestLogin(t *testing.T) {
	for name, c := range map[string]struct{ device, want string }{
		"none":       {"board1: {driver: relay8}", `room.yaml:2:19: device board1: driver relay8 needs a credential with a password`},
		"several":    {"\"board[1-2]\": {driver: relay8}", `room.yaml:2:25: devices board[1-2]: driver relay8 needs a credential with a password`},
		"another":    {"board1: {driver: relay8, credential: keys}", `room.yaml:2:48: device board1: driver relay8 needs a credential with a password`},
		"two values": {"board1: {driver: shell}", `room.yaml:2:19: device board1: driver shell needs a credential with a key and a passphrase`},
		"one of two": {"board1: {driver: shell, credential: keys}", `room.yaml:2:47: device board1: driver shell needs a credential with a passphrase`},
		"unknown":    {"board1: {driver: relay8, credential: all}", `room.yaml:2:48: device board1: there is no credential "all"`},
		"well":       {"board1: {driver: relay8, credential: boards}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(map[string][]byte{"room.yaml": []byte("credentials: {boards: {password: env:BOARD}, keys: {user: me, key: env:KEY}}\n" +
				"devices: {" + c.device + "}\nnodes: {n: }\n")})
			for driverName, wants := range map[string][]string{"relay8": {secret.Password}, "shell": {secret.Key, secret.Passphrase}} {
				o.Drivers = append(o.Drivers, driver.Driver{Name: driverName, New: func() driver.Settings { return &locked{wants} }})
			}
			_, err := roomfile.Load(t.Context(), "room.yaml", o)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}
