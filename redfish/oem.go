package redfish

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Vendor is a maker whose machines are known to want something of their own.
type Vendor string

// The makers.
const (
	Generic    Vendor = ""
	Dell       Vendor = "Dell"
	HPE        Vendor = "HPE"
	Lenovo     Vendor = "Lenovo"
	Supermicro Vendor = "Supermicro"
	OpenBMC    Vendor = "OpenBMC"
)

// Vendor tells the maker by the Oem members of the machine, of its links and of its
// managers, and by what the root says.
func (s *System) Vendor(ctx context.Context) (Vendor, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return Generic, err
	}
	said := slices.Concat(d.Keys("Oem"), d.Keys("Links", "Oem"), s.client.root.Keys("Oem"), []string{s.client.root.String("Vendor")})
	if v := vendor(said); v != Generic {
		return v, nil
	}
	managers, err := s.linked(ctx, "ManagedBy", "Managers")
	for _, m := range managers {
		said = append(append(said, m.Keys("Oem")...), m.Keys("Links", "Oem")...)
	}
	if v := vendor(append(said, d.String("Manufacturer"))); v != Generic {
		return v, nil
	}
	return Generic, err
}

// vendor knows the makers by the words with which their names begin.
func vendor(said []string) Vendor {
	for _, text := range said {
		text = strings.ToLower(text)
		for _, v := range []struct {
			begins string
			is     Vendor
		}{{"dell", Dell}, {"hp", HPE}, {"hewlett", HPE}, {"lenovo", Lenovo}, {"supermicro", Supermicro}, {"super micro", Supermicro}, {"openbmc", OpenBMC}} {
			if strings.HasPrefix(text, v.begins) {
				return v.is
			}
		}
	}
	return Generic
}

// BootMedia has the machine boot, once, from the image that is in a virtual drive. The
// schema knows no difference between a CD and one that is not there; where the maker
// does, its own way is taken:
//
//   - Dell: ServerBoot attributes of the manager (iDRAC attribute registry);
//   - HPE: BootOnNextServerReset of the virtual drive (iLO RESTful API).
func (s *System) BootMedia(ctx context.Context, m Media) error {
	optical := !slices.ContainsFunc(m.Kinds, func(k string) bool { return k == "USBStick" || k == "Floppy" }) ||
		slices.ContainsFunc(m.Kinds, func(k string) bool { return k == "CD" || k == "DVD" })
	maker, err := s.Vendor(ctx)
	if err != nil && ctx.Err() != nil {
		return err
	}
	switch maker {
	case Dell:
		err = s.bootDell(ctx, optical)
	case HPE:
		err = s.bootHPE(ctx, m)
	default:
		err = &UnsupportedError{What: "booting from virtual media"}
	}
	if !errors.Is(err, Unsupported) && !errors.Is(err, NotFound) {
		return err
	}
	target := "Usb"
	if optical {
		target = "Cd"
	}
	_, err = s.SetBoot(ctx, Boot{Target: target})
	return err
}

// bootDell writes two attributes of the manager. Where they are is in the manager's
// links, or, before firmware 3.30, below it.
func (s *System) bootDell(ctx context.Context, optical bool) error {
	managers, err := s.linked(ctx, "ManagedBy", "Managers")
	if len(managers) == 0 {
		return errors.Join(err, &UnsupportedError{What: "attributes of its manager"})
	}
	m := managers[0]
	places := append(m.Links("Links", "Oem", "Dell", "DellAttributes"), m.Link()+"/Attributes")
	device := "vFDD"
	if optical {
		device = "VCD-DVD"
	}
	body := map[string]any{"Attributes": map[string]string{"ServerBoot.1.BootOnce": "Enabled", "ServerBoot.1.FirstBootDevice": device}}
	for _, at := range places {
		d, rerr := s.client.Read(ctx, at)
		if rerr != nil || !d.Has("Attributes", "ServerBoot.1.BootOnce") {
			continue
		}
		_, err = s.client.Patch(ctx, at, body)
		return err
	}
	return &UnsupportedError{What: "attributes of its manager"}
}

// bootHPE marks the virtual drive. The fourth generation calls its maker by the older
// name.
func (s *System) bootHPE(ctx context.Context, m Media) error {
	d, err := s.client.Read(ctx, m.Path)
	if err != nil {
		return err
	}
	for _, name := range []string{"Hpe", "Hp"} {
		if d.Has("Oem", name, "BootOnNextServerReset") {
			_, err := s.client.Patch(ctx, m.Path, map[string]any{"Oem": map[string]any{name: map[string]any{"BootOnNextServerReset": true}}})
			return err
		}
	}
	return &UnsupportedError{What: "booting from virtual media"}
}
