package libvirt

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
)

// Description is what a machine's XML says, as far as it is of use here.
type Description struct {
	Name     string `xml:"name"`
	UUID     string `xml:"uuid"`
	Title    string `xml:"title"`
	Memory   Amount `xml:"memory"`
	VCPU     int    `xml:"vcpu"`
	OS       OS     `xml:"os"`
	Sysinfo  []Tag  `xml:"sysinfo>system>entry"` // what the machine shall think it is
	Metadata notes  `xml:"metadata"`
	Devices  Parts  `xml:"devices"`
}

// Amount is a number with its unit.
type Amount struct {
	Value uint64 `xml:",chardata"`
	Unit  string `xml:"unit,attr"`
}

// KiB gives the amount in KiB. The units are those of libvirt's format of domains.
func (a Amount) KiB() uint64 {
	switch a.Unit {
	case "b", "bytes":
		return a.Value >> 10
	case "KB":
		return a.Value * 1000 >> 10
	case "MB":
		return a.Value * 1000_000 >> 10
	case "M", "MiB":
		return a.Value << 10
	case "GB":
		return a.Value * 1000_000_000 >> 10
	case "G", "GiB":
		return a.Value << 20
	case "T", "TiB":
		return a.Value << 30
	}
	return a.Value
}

// OS is how a machine starts.
type OS struct {
	Firmware string `xml:"firmware,attr"`
	Type     struct {
		Name    string `xml:",chardata"`
		Arch    string `xml:"arch,attr"`
		Machine string `xml:"machine,attr"`
	} `xml:"type"`
	Loader struct {
		Type string `xml:"type,attr"`
	} `xml:"loader"`
	Boot []struct {
		Dev string `xml:"dev,attr"`
	} `xml:"boot"`
}

// Tag is a named text.
type Tag struct {
	Name string `xml:"name,attr"`
	Text string `xml:",chardata"`
}

// Parts are a machine's devices.
type Parts struct {
	All []Part `xml:",any"`
}

// Part is one device of a machine, of any kind.
type Part struct {
	XMLName xml.Name
	Device  string `xml:"device,attr"` // of disks: "disk", "cdrom", "floppy"
	Target  struct {
		Dev string `xml:"dev,attr"`
	} `xml:"target"`
	MAC struct {
		Address string `xml:"address,attr"`
	} `xml:"mac"`
	Alias struct {
		Name string `xml:"name,attr"`
	} `xml:"alias"`
	Boot struct {
		Order int `xml:"order,attr"`
	} `xml:"boot"`
}

// ParseDescription reads a machine's XML.
func ParseDescription(text string) (*Description, error) {
	d := new(Description)
	if err := xml.Unmarshal([]byte(text), d); err != nil {
		return nil, fmt.Errorf("the machine's description: %w", err)
	}
	return d, nil
}

// UEFI says whether the machine's firmware is UEFI, as far as its description tells.
func (d *Description) UEFI() bool { return d.OS.Firmware == "efi" || d.OS.Loader.Type == "pflash" }

// System gives what the machine shall think of itself: "manufacturer", "product",
// "version", "serial", "sku", "family"; empty if nothing is said.
func (d *Description) System(name string) string {
	for _, t := range d.Sysinfo {
		if t.Name == name {
			return strings.TrimSpace(t.Text)
		}
	}
	return ""
}

// MACs gives the addresses of the machine's network cards.
func (d *Description) MACs() []string {
	var list []string
	for _, p := range d.Devices.All {
		if p.XMLName.Local == "interface" && p.MAC.Address != "" {
			list = append(list, p.MAC.Address)
		}
	}
	return list
}

// HasConsole says whether the machine has a serial console.
func (d *Description) HasConsole() bool {
	return slices.ContainsFunc(d.Devices.All, func(p Part) bool { return p.XMLName.Local == "console" || p.XMLName.Local == "serial" })
}

// key names a device among those of its kind, in a way that outlasts changes to others.
func (p Part) key() string {
	if p.MAC.Address != "" {
		return p.MAC.Address
	}
	return p.Target.Dev
}

// element is a place in an XML text, found by walk.
type element struct {
	path  string // names from the root, with slashes: "domain/os/boot"
	nth   int    // which child of the devices it is in, from 0; -1 outside
	start int    // of its first tag
	inner int    // behind its first tag
	close int    // of its last tag
	end   int    // behind it
}

// maxDepth bounds how deep elements are nested that are looked at.
const maxDepth = 64

// walk finds the elements of a text, in the order in which they end.
func walk(text string) ([]element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var open, all []element
	device := -1
	for {
		before := int(d.InputOffset())
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) && len(open) == 0 {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the machine's description: %w", err)
		}
		after := int(d.InputOffset())
		switch t := token.(type) {
		case xml.StartElement:
			e := element{path: t.Name.Local, nth: -1, start: before, inner: after}
			if t.Name.Space != "" {
				e.path = t.Name.Space + ":" + t.Name.Local
			}
			if len(open) >= maxDepth {
				return nil, errors.New("the machine's description is nested too deep")
			}
			if len(open) > 0 {
				up := open[len(open)-1]
				e.path, e.nth = up.path+"/"+e.path, up.nth
				if up.path == "domain/devices" {
					device++
					e.nth = device
				}
			}
			open = append(open, e)
		case xml.EndElement:
			if len(open) == 0 {
				return nil, errors.New("the machine's description has an end too many")
			}
			e := open[len(open)-1]
			open = open[:len(open)-1]
			e.close, e.end = before, after
			all = append(all, e)
		}
	}
}

// edit is a piece of a text and what shall be there instead.
type edit struct {
	from, to int
	text     string
}

// apply makes changes, which do not overlap.
func apply(text string, edits []edit) string {
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].from < edits[j].from })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(text[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.WriteString(text[at:])
	return b.String()
}

// first finds an element by its path.
func first(all []element, path string) (element, bool) {
	i := slices.IndexFunc(all, func(e element) bool { return e.path == path })
	if i < 0 {
		return element{}, false
	}
	return all[i], true
}
