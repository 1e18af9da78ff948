// Package standard names the drivers that are built in. Adding one means adding
// a line here.
package standard

import (
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/amt"
	"millwright.dev/millwright/internal/driver/dummy"
	"millwright.dev/millwright/internal/driver/exec"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/driver/ilo"
	"millwright.dev/millwright/internal/driver/ipal"
	ipmidriver "millwright.dev/millwright/internal/driver/ipmi"
	libvirtdriver "millwright.dev/millwright/internal/driver/libvirt"
	"millwright.dev/millwright/internal/driver/manual"
	"millwright.dev/millwright/internal/driver/modbus"
	"millwright.dev/millwright/internal/driver/mqtt"
	plugindriver "millwright.dev/millwright/internal/driver/plugin"
	"millwright.dev/millwright/internal/driver/redfish"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/snmp"
	"millwright.dev/millwright/internal/driver/wol"
)

// Drivers gives the built-in drivers, in the order in which docs list them.
func Drivers(opts script.Options) []driver.Driver {
	return []driver.Driver{
		script.New(opts),
		exec.New(),
		snmp.New(),
		httpdriver.New(),
		amt.New(),
		ilo.New(),
		ipmidriver.New(),
		redfish.New(),
		libvirtdriver.New(),
		ipal.New(),
		wol.New(),
		manual.New(),
		dummy.New(),
		mqtt.New(),
		modbus.New(),
		plugindriver.New(nil), // who has plugins gives it a host: plugindriver.WithHost
	}
}
