package bmc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sel"
)

// file is bmc.json.
type file struct {
	Name  string `json:"name"`
	GUID  string `json:"guid"` // as SMBIOS tools show it
	Users []struct {
		Name      string `json:"name"`
		Password  string `json:"password"`
		Privilege string `json:"privilege"`
		Disabled  bool   `json:"disabled"`
		NoSOL     bool   `json:"noConsole"`
	} `json:"users"`
	Kg      string       `json:"kg"`
	Suites  []rmcp.Suite `json:"suites"`
	V15     bool         `json:"ipmi15"`
	Address string       `json:"address"` // with the network's bits
	Gateway string       `json:"gateway"`
	MAC     string       `json:"mac"`
	DHCP    bool         `json:"dhcp"`
	Asset   string       `json:"asset"`
	Watts   uint16       `json:"watts"`
	Limit   uint16       `json:"limitWatts"`
}

// ReadConfig reads a machine from a folder of data files:
//
//   - bmc.json: name, guid, users (name, password, privilege, disabled, noConsole), kg, suites,
//     ipmi15, address, gateway, mac, dhcp, asset, watts, limitWatts;
//   - sdr.bin: sensor records one after the other, as "ipmitool sdr dump" writes them;
//   - fru0.bin to fru255.bin: inventory areas, as "ipmitool fru read" writes them;
//   - sel.bin: event records of 16 bytes each.
//
// Each but the first may be missing.
func ReadConfig(from fs.FS) (Config, error) {
	text, err := fs.ReadFile(from, "bmc.json")
	if err != nil {
		return Config{}, fmt.Errorf("reading a BMC's configuration: %w", err)
	}
	var f file
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Config{}, fmt.Errorf("reading bmc.json: %w", err)
	}
	c, err := f.config()
	if err != nil {
		return Config{}, fmt.Errorf("reading bmc.json: %w", err)
	}
	return c, c.readData(from)
}

func (f *file) config() (Config, error) {
	c := Config{
		Name: f.Name, Suites: f.Suites, V15: f.V15, LAN: LAN{DHCP: f.DHCP}, Asset: f.Asset,
		Power: Power{Watts: f.Watts, Limit: f.Limit},
	}
	for _, u := range f.Users {
		p, err := channel.ParsePrivilegeName(u.Privilege)
		if err != nil {
			return c, fmt.Errorf("user %q: %w", u.Name, err)
		}
		c.Users = append(c.Users, Account{Name: u.Name, Password: u.Password, Privilege: p, Disabled: u.Disabled, NoSOL: u.NoSOL})
	}
	if f.Kg != "" {
		k, err := rmcp.ParseKg(f.Kg)
		if err != nil {
			return c, err
		}
		c.Kg = k[:]
	}
	if f.GUID != "" {
		if err := c.readGUID(f.GUID); err != nil {
			return c, err
		}
	}
	return c, f.network(&c.LAN)
}

func (f *file) network(l *LAN) (err error) {
	if f.Address != "" {
		if l.Address, err = netip.ParsePrefix(f.Address); err != nil {
			return err
		}
	}
	if f.Gateway != "" {
		if l.Gateway, err = netip.ParseAddr(f.Gateway); err != nil {
			return err
		}
	}
	if f.MAC != "" {
		mac, err := net.ParseMAC(f.MAC)
		if err != nil || len(mac) != len(l.MAC) {
			return fmt.Errorf("%q is no MAC address", f.MAC)
		}
		copy(l.MAC[:], mac)
	}
	return nil
}

// readGUID takes a GUID as text and has its first three groups turned, as SMBIOS keeps them.
func (c *Config) readGUID(text string) error {
	digits := strings.ReplaceAll(text, "-", "")
	for i, at := range [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15} {
		if len(digits) != 32 {
			return fmt.Errorf("%q is no GUID", text)
		}
		b, err := strconv.ParseUint(digits[2*at:2*at+2], 16, 8)
		if err != nil {
			return fmt.Errorf("%q is no GUID", text)
		}
		c.GUID[i] = byte(b)
	}
	return nil
}

// maxData bounds a data file.
const maxData = 1 << 20

func (c *Config) readData(from fs.FS) error {
	sdr, err := optional(from, "sdr.bin")
	if err != nil {
		return err
	}
	for len(sdr) > 0 {
		if len(sdr) < sdrHeader || len(sdr) < sdrHeader+int(sdr[4]) {
			return fmt.Errorf("reading sdr.bin: record %d ends too early", len(c.SDR)+1)
		}
		n := sdrHeader + int(sdr[4])
		c.SDR, sdr = append(c.SDR, sdr[:n:n]), sdr[n:]
	}
	log, err := optional(from, "sel.bin")
	if err != nil {
		return err
	}
	for ; len(log) >= sel.Size; log = log[sel.Size:] {
		r, err := sel.ParseRecord(log[:sel.Size])
		if err != nil {
			return fmt.Errorf("reading sel.bin: %w", err)
		}
		c.SEL = append(c.SEL, r)
	}
	names, err := fs.Glob(from, "fru*.bin")
	if err != nil {
		return err
	}
	for _, name := range names {
		id, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(path.Base(name), "fru"), ".bin"), 10, 8)
		if err != nil {
			return fmt.Errorf("reading %s: its name must have a number from 0 to 255", name)
		}
		area, err := optional(from, name)
		if err != nil {
			return err
		}
		if c.FRU == nil {
			c.FRU = make(map[uint8][]byte)
		}
		c.FRU[uint8(id)] = area
	}
	return nil
}

func optional(from fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(from, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a BMC's data: %w", err)
	}
	if info.Size() > maxData {
		return nil, fmt.Errorf("reading %s: %d bytes are more than %d", name, info.Size(), maxData)
	}
	return fs.ReadFile(from, name)
}
