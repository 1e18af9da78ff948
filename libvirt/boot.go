package libvirt

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Boot is what a machine boots from.
type Boot struct {
	Device string // "network", "hd", "cdrom" or "fd"; empty: as the machine was before anybody changed it, or nobody knows
	Once   bool   // at the next start only
	UEFI   bool   // its firmware; it cannot be changed
}

// What a machine boots from is part of its description, which counts from its next
// start on. So a change is kept there, and so is what was before it: in an element of
// the description's metadata that is ours. Each change has a token, and since a running machine's description is what it
// was started with, a token that is in that too has been started with, whoever was there
// to see it.

// namespace of our element.
const namespace = "https://millwright.dev/xmlns/libvirt/boot/1"

// notes are a description's metadata.
type notes struct {
	Boot *note `xml:"https://millwright.dev/xmlns/libvirt/boot/1 boot"`
}

// note is what was before a change.
type note struct {
	ID   string `xml:"id,attr"`   // tells this change from others
	Once string `xml:"once,attr"` // "yes" if it is for one start
	OS   []struct {
		Dev string `xml:"dev,attr"`
	} `xml:"os"`
	Device []noted `xml:"device"`
}

// noted is a device that had a place in the order of booting.
type noted struct {
	Kind  string `xml:"kind,attr"`
	Key   string `xml:"key,attr"`
	Order int    `xml:"order,attr"`
}

// boot says what the description's machine boots from.
func (d *Description) boot() Boot {
	b := Boot{UEFI: d.UEFI(), Once: d.Metadata.Boot != nil && d.Metadata.Boot.Once != ""}
	if len(d.OS.Boot) > 0 {
		b.Device = d.OS.Boot[0].Dev
		return b
	}
	least := 0
	for _, p := range d.Devices.All {
		if o := p.Boot.Order; o <= 0 || least > 0 && o >= least {
			continue
		}
		least = p.Boot.Order
		switch kind := p.XMLName.Local; {
		case kind == "interface":
			b.Device = "network"
		case kind == "disk" && p.Device == "cdrom":
			b.Device = "cdrom"
		case kind == "disk" && p.Device == "floppy":
			b.Device = "fd"
		case kind == "disk":
			b.Device = "hd"
		default:
			b.Device = ""
		}
	}
	return b
}

// Boot reads what a machine will boot from at its next start.
func (c *Conn) Boot(ctx context.Context, d Domain) (Boot, error) {
	text, err := c.LastingXML(ctx, d)
	if err != nil {
		return Boot{}, err
	}
	is, err := ParseDescription(text)
	if err != nil {
		return Boot{}, err
	}
	return is.boot(), nil
}

// SetBoot says what a machine shall boot from; its present order comes after that. For
// once it is for the next start, after which [Conn.SettleBoot] puts back what was
// before; an empty device puts it back now. A machine that is gone when it is switched
// off cannot be changed, and firmware cannot be made another.
func (c *Conn) SetBoot(ctx context.Context, d Domain, b Boot) error {
	lasting, err := c.Persistent(ctx, d)
	if err != nil {
		return err
	}
	if !lasting {
		return fmt.Errorf("%s is not defined beyond its present run, so that nothing can be set for its next", d.Name)
	}
	text, err := c.LastingXML(ctx, d)
	if err != nil {
		return err
	}
	is, err := ParseDescription(text)
	if err != nil {
		return err
	}
	if b.UEFI && !is.UEFI() {
		return fmt.Errorf("%s has no UEFI firmware", d.Name)
	}
	if text, err = withBoot(text, is, b, rand.Text()); err != nil || text == "" {
		return err
	}
	_, err = c.Define(ctx, text)
	return err
}

// SettleBoot puts back what a machine booted from before a change that was for one
// start, if that start has been. It is to be called when the machine has started, and
// once for each machine by whoever may have missed that.
func (c *Conn) SettleBoot(ctx context.Context, d Domain) error {
	text, err := c.LastingXML(ctx, d)
	if err != nil || !strings.Contains(text, namespace) {
		return err
	}
	is, err := ParseDescription(text)
	if err != nil || is.Metadata.Boot == nil || is.Metadata.Boot.Once == "" {
		return err
	}
	if used, err := c.startedWith(ctx, d, is); err != nil || !used {
		return err
	}
	if text, err = withBoot(text, is, Boot{}, ""); err != nil || text == "" {
		return err
	}
	_, err = c.Define(ctx, text)
	return err
}

// startedWith says whether a machine runs as it was started after the change in its
// lasting description.
func (c *Conn) startedWith(ctx context.Context, d Domain, lasting *Description) (bool, error) {
	if now, err := c.State(ctx, d); err != nil || now.Off() {
		return false, err
	}
	text, err := c.XML(ctx, d)
	if err != nil {
		return false, err
	}
	runs, err := ParseDescription(text)
	if err != nil {
		return false, err
	}
	return runs.Metadata.Boot != nil && runs.Metadata.Boot.ID == lasting.Metadata.Boot.ID, nil
}

// Restart presses a machine's reset button. But what a machine boots from was settled
// when it was started: if that has been changed since by [Conn.SetBoot], the machine is
// switched off and on.
func (c *Conn) Restart(ctx context.Context, d Domain) error {
	text, err := c.LastingXML(ctx, d)
	if err != nil {
		return err
	}
	if !strings.Contains(text, namespace) {
		return c.Reset(ctx, d)
	}
	is, err := ParseDescription(text)
	if err != nil {
		return err
	}
	if is.Metadata.Boot == nil {
		return c.Reset(ctx, d)
	}
	switch with, err := c.startedWith(ctx, d, is); {
	case err != nil:
		return err
	case with:
		return c.Reset(ctx, d)
	}
	if err := c.Destroy(ctx, d); err != nil {
		return err
	}
	return c.Start(ctx, d)
}

// withBoot changes what a description boots from; "" if there is nothing to change.
func withBoot(text string, is *Description, b Boot, token string) (string, error) {
	before := is.Metadata.Boot
	if b.Device == "" && before == nil {
		return "", nil
	}
	if !slices.Contains([]string{"", "network", "hd", "cdrom", "fd"}, b.Device) {
		return "", fmt.Errorf("libvirt has no way to boot %q", b.Device)
	}
	all, err := walk(text)
	if err != nil {
		return "", err
	}
	system, ok := first(all, "domain/os")
	if !ok || system.inner == system.end || system.close <= system.inner {
		return "", errors.New("the machine's description does not say how it starts")
	}
	if before == nil {
		before = is.present()
	}
	var edits []edit
	for _, e := range all {
		ours := e.path == "domain/os/boot" || strings.HasPrefix(e.path, "domain/devices/") && strings.Count(e.path, "/") == 3 && strings.HasSuffix(e.path, "/boot")
		if ours {
			edits = append(edits, edit{from: e.start, to: e.end})
		}
	}
	edits = append(edits, edit{from: system.close, to: system.close, text: before.order(b.Device)})
	if b.Device == "" {
		edits = append(edits, before.putBack(is, all)...)
	}
	kept := ""
	if b.Device != "" {
		before.ID, before.Once = token, ""
		if b.Once {
			before.Once = "yes"
		}
		kept = before.xml()
	}
	return apply(text, append(edits, annotate(text, all, kept)...)), nil
}

// present notes what a description boots from.
func (d *Description) present() *note {
	n := &note{OS: d.OS.Boot}
	for _, p := range d.Devices.All {
		if p.Boot.Order > 0 {
			n.Device = append(n.Device, noted{p.XMLName.Local, p.key(), p.Boot.Order})
		}
	}
	return n
}

// order is what stands in the description of the operating system: the device, if any,
// and what was there before.
func (n *note) order(device string) string {
	var devices []string
	if device != "" {
		devices = append(devices, device)
	}
	for _, o := range n.OS {
		if o.Dev != device {
			devices = append(devices, o.Dev)
		}
	}
	var b strings.Builder
	for _, dev := range devices {
		b.WriteString("<boot dev='" + escape(dev) + "'/>")
	}
	return b.String()
}

// putBack gives devices their places back. Those that are no longer there have none.
func (n *note) putBack(is *Description, all []element) []edit {
	var edits []edit
	for i, p := range is.Devices.All {
		for _, was := range n.Device {
			if was.Kind != p.XMLName.Local || was.Key != p.key() {
				continue
			}
			for _, e := range all {
				if e.nth == i && strings.Count(e.path, "/") == 2 && e.close > e.inner {
					edits = append(edits, edit{from: e.close, to: e.close, text: "<boot order='" + strconv.Itoa(was.Order) + "'/>"})
				}
			}
			break
		}
	}
	return edits
}

// xml writes the note.
func (n *note) xml() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<mw:boot xmlns:mw="%s" id="%s" once="%s">`, namespace, escape(n.ID), escape(n.Once))
	for _, o := range n.OS {
		fmt.Fprintf(&b, `<mw:os dev="%s"/>`, escape(o.Dev))
	}
	for _, d := range n.Device {
		fmt.Fprintf(&b, `<mw:device kind="%s" key="%s" order="%d"/>`, escape(d.Kind), escape(d.Key), d.Order)
	}
	return b.String() + "</mw:boot>"
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// annotate puts our element into a description's metadata, in the place of one that is
// there; an empty one takes it out.
func annotate(text string, all []element, ours string) []edit {
	var edits []edit
	for _, e := range all {
		if strings.HasPrefix(e.path, "domain/metadata/") && strings.Count(e.path, "/") == 2 && strings.Contains(text[e.start:e.inner], namespace) {
			edits = append(edits, edit{from: e.start, to: e.end})
		}
	}
	data, there := first(all, "domain/metadata")
	root, _ := first(all, "domain")
	switch {
	case ours == "":
	case !there:
		edits = append(edits, edit{from: root.close, to: root.close, text: "<metadata>" + ours + "</metadata>"})
	case data.close > data.inner:
		edits = append(edits, edit{from: data.close, to: data.close, text: ours})
	default: // <metadata/>
		edits = append(edits, edit{from: data.start, to: data.end, text: "<metadata>" + ours + "</metadata>"})
	}
	return edits
}
