package rehearse

import (
	"net"
	"net/url"

	"millwright.dev/millwright/internal/driver/amt"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/driver/ilo"
	"millwright.dev/millwright/internal/driver/ipal"
	ipmidriver "millwright.dev/millwright/internal/driver/ipmi"
	libvirtdriver "millwright.dev/millwright/internal/driver/libvirt"
	"millwright.dev/millwright/internal/driver/modbus"
	"millwright.dev/millwright/internal/driver/mqtt"
	"millwright.dev/millwright/internal/driver/redfish"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/snmp"
)

// leaveOut finds out whether a device of a driver that nobody can play can be out of
// reach in the copy: it has an address, which is then of a place where nobody answers.
// Others would act on the real room, by a broadcast, a program or a person.
func (d *Device) leaveOut(settings any) {
	switch s := settings.(type) {
	case *amt.Settings:
		d.Real, d.scheme = s.Address, "http"
	case *ilo.Settings:
		d.Real, d.scheme = s.Address, "https"
	case *ipal.Settings:
		d.Real, d.scheme = s.Address, "tcp"
	case *libvirtdriver.Settings:
		d.Real, d.scheme = s.Address, "qemu+tcp"
	case *modbus.Settings:
		d.Real, d.scheme = s.Address, "tcp"
	case *mqtt.Settings:
		d.Real, d.scheme = s.Address, "mqtt"
	default:
		return
	}
	d.Style, d.Why = None, "the driver "+d.Driver+" cannot be simulated"
}

// whereIs gives host and port of a device's address; "" if it has none.
func whereIs(settings any) string {
	var address string
	switch s := settings.(type) {
	case *script.Settings:
		return hostport(s.Address)
	case *snmp.Settings:
		return s.Peer().Address
	case *ipmidriver.Settings:
		return s.Peer().Address
	case *httpdriver.Settings:
		address = s.Address
	case *redfish.Settings:
		address = s.Address
	default:
		var d Device
		d.leaveOut(settings)
		address = d.Real
	}
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), u.Port())
}
