package host

import (
	"context"
	"io"

	"millwright.dev/millwright/ipmi/oem"
)

// The methods of this file can be done by makers' own commands only. Where none are known
// for the machine they give an [oem.UnsupportedError].

// LEDs reads the machine's lights.
func (h *Host) LEDs(ctx context.Context) ([]oem.LED, error) {
	m, err := can[oem.LEDs](ctx, h, "read the lights")
	if err != nil {
		return nil, err
	}
	return m.LEDs(ctx)
}

// NTP is where the controller has its time from.
type NTP struct {
	Enabled bool
	Servers []string
}

// NTP reads where the controller has its time from.
func (h *Host) NTP(ctx context.Context) (NTP, error) {
	m, err := can[oem.NTP](ctx, h, "read the NTP servers")
	if err != nil {
		return NTP{}, err
	}
	on, err := m.NTPEnabled(ctx)
	if err != nil {
		return NTP{}, err
	}
	servers, err := m.NTPServers(ctx)
	return NTP{on, servers}, err
}

// SetNTP sets where the controller has its time from.
func (h *Host) SetNTP(ctx context.Context, n NTP) error {
	m, err := can[oem.NTP](ctx, h, "set the NTP servers")
	if err != nil {
		return err
	}
	for i, s := range n.Servers {
		if err := m.SetNTPServer(ctx, i, s); err != nil {
			return err
		}
	}
	return m.SetNTPEnabled(ctx, n.Enabled)
}

// DomainName reads the controller's DNS domain.
func (h *Host) DomainName(ctx context.Context) (string, error) {
	m, err := can[oem.DomainName](ctx, h, "read the domain")
	if err != nil {
		return "", err
	}
	return m.DomainName(ctx)
}

// SetDomainName sets the controller's DNS domain.
func (h *Host) SetDomainName(ctx context.Context, name string) error {
	m, err := can[oem.DomainName](ctx, h, "set the domain")
	if err != nil {
		return err
	}
	return m.SetDomainName(ctx, name)
}

// Description says where the machine is, such as its slot and height.
func (h *Host) Description(ctx context.Context) (map[string]string, error) {
	m, err := can[oem.Description](ctx, h, "read where the machine is")
	if err != nil {
		return nil, err
	}
	return m.Description(ctx)
}

// ReseatBay takes a bay of the enclosure off its power and puts it back.
func (h *Host) ReseatBay(ctx context.Context, bay int) error {
	m, err := can[oem.Bays](ctx, h, "reseat a bay")
	if err != nil {
		return err
	}
	return m.ReseatBay(ctx, bay)
}

// Video gives the graphical console.
func (h *Host) Video(ctx context.Context) (oem.RemoteVideo, error) {
	return can[oem.RemoteVideo](ctx, h, "open the graphical console")
}

// Media gives the images that the machine sees as drives.
func (h *Host) Media(ctx context.Context) (oem.Media, error) {
	return can[oem.Media](ctx, h, "attach media")
}

// Licences gives what was paid for.
func (h *Host) Licences(ctx context.Context) (oem.Licences, error) {
	return can[oem.Licences](ctx, h, "manage licences")
}

// SystemConfig gives the settings of the machine's own firmware.
func (h *Host) SystemConfig(ctx context.Context) (oem.SystemConfig, error) {
	return can[oem.SystemConfig](ctx, h, "reach the settings of the system")
}

// BMCConfig gives the controller's own settings.
func (h *Host) BMCConfig(ctx context.Context) (oem.BMCConfig, error) {
	return can[oem.BMCConfig](ctx, h, "reach the settings of the BMC")
}

// Storage gives the RAID controllers.
func (h *Host) Storage(ctx context.Context) (oem.Storage, error) {
	return can[oem.Storage](ctx, h, "reach the storage")
}

// UpdateFirmware writes new firmware. progress may be nil.
func (h *Host) UpdateFirmware(ctx context.Context, image io.Reader, bank string, progress func(phase string, percent float64)) error {
	m, err := can[oem.FirmwareUpdate](ctx, h, "update firmware")
	if err != nil {
		return err
	}
	return m.UpdateFirmware(ctx, image, bank, progress)
}

// Diagnostics writes what the maker's support wants to see. progress may be nil.
func (h *Host) Diagnostics(ctx context.Context, to io.Writer, progress func(phase string, percent float64)) error {
	m, err := can[oem.Diagnostics](ctx, h, "gather diagnostics")
	if err != nil {
		return err
	}
	return m.Diagnostics(ctx, to, progress)
}
