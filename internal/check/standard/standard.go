// Package standard lists the kinds of check that are built in. It is a plain list, made
// by hand, so that nothing registers itself behind anybody's back.
//
// Start at [Kinds].
package standard

import (
	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/composite"
	"millwright.dev/millwright/internal/check/dns"
	"millwright.dev/millwright/internal/check/dummy"
	"millwright.dev/millwright/internal/check/exec"
	"millwright.dev/millwright/internal/check/http"
	"millwright.dev/millwright/internal/check/icmp"
	"millwright.dev/millwright/internal/check/ntp"
	plugincheck "millwright.dev/millwright/internal/check/plugin"
	"millwright.dev/millwright/internal/check/power"
	"millwright.dev/millwright/internal/check/sensor"
	"millwright.dev/millwright/internal/check/snmp"
	"millwright.dev/millwright/internal/check/sql"
	"millwright.dev/millwright/internal/check/ssh"
	"millwright.dev/millwright/internal/check/systemd"
	"millwright.dev/millwright/internal/check/tcp"
	"millwright.dev/millwright/internal/check/tls"
)

// Kinds gives the built-in kinds, sorted by name.
func Kinds() []check.Kind {
	return []check.Kind{
		composite.New(),
		dns.New(),
		dummy.New(),
		exec.New(),
		http.New(),
		icmp.New(),
		ntp.New(),
		plugincheck.New(nil), // who has plugins gives it a host: plugincheck.WithHost
		power.New(),
		sensor.New(),
		snmp.New(),
		sql.New(),
		ssh.New(),
		systemd.New(),
		tcp.New(),
		tls.New(),
	}
}
