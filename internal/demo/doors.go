package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/freeport"
)

// AsBMC is the node that the demo shows as a BMC of its own: one behind an outlet of a
// strip that knows nothing but telnet.
const AsBMC = "web1"

// User may operate the room by IPMI and by Redfish.
const User = "demo"

// passFile has the password of User, in the room's folder.
const passFile = "demo.pass"

// Password gives the password of User.
func (d *Demo) Password() (string, error) {
	text, err := os.ReadFile(filepath.Join(d.Config, passFile))
	return strings.TrimSpace(string(text)), err
}

// doorsText is the part of the room that the demo adds to its example, for ports are free
// or not at the moment.
const doorsText = `# Doors for programs that know nothing of this room: any node by Redfish, and one as
# if it had a BMC of its own.
redfish: {listen: ["%s"]}
ipmi:
  users: {%s: {password: "file:%s", privilege: administrator}}
  nodes: {%s: "%s"}
`

// openDoors reserves ports for the doors and writes the part of the room that opens
// them. The ports are to be released when the daemon has them.
func (d *Demo) openDoors() (release func(), err error) {
	var ports []*freeport.Port
	release = func() {
		for _, p := range ports {
			p.Release()
		}
	}
	for _, at := range []*string{&d.Redfish, &d.BMC} {
		p, err := freeport.Reserve("127.0.0.1")
		if err != nil {
			release()
			return nil, err
		}
		ports, *at = append(ports, p), p.Addr("127.0.0.1")
	}
	password := strings.ToLower(rand.Text()[:10])
	text := fmt.Sprintf(doorsText, d.Redfish, User, passFile, AsBMC, d.BMC)
	for name, text := range map[string]string{passFile: password + "\n", "doors.yaml": text} {
		if err := os.WriteFile(filepath.Join(d.Config, name), []byte(text), 0o600); err != nil {
			release()
			return nil, err
		}
	}
	return release, nil
}

// letIn makes the user of the doors.
func (d *Demo) letIn(ctx context.Context, c *client.Client) error {
	password, err := d.Password()
	if err != nil {
		return err
	}
	if err := c.AddUser(ctx, wire.NewUser{Name: User, Password: password}); err != nil {
		return fmt.Errorf("make the user %s: %w", User, err)
	}
	return c.AddGrant(ctx, wire.Grant{Principal: "user:" + User, Role: "operate", Nodes: "@all"})
}
