package redfish

import (
	"context"
	"errors"
	"strings"
)

// Boot is what a machine boots from (the Boot property of ComputerSystem).
type Boot struct {
	Target  string // BootSourceOverrideTarget: "None", "Pxe", "Hdd", "Cd", "Usb", "BiosSetup"…
	Enabled string // BootSourceOverrideEnabled: "Disabled", "Once", "Continuous"
	Mode    string // BootSourceOverrideMode: "UEFI", "Legacy"; empty if it is not known, or not to be changed
	Allowed []string
}

// Boot reads what the machine boots from.
func (s *System) Boot(ctx context.Context) (Boot, error) {
	d, err := s.client.Read(ctx, s.Path)
	if err != nil {
		return Boot{}, err
	}
	at := d.At("Boot")
	return Boot{
		Target: at.String("BootSourceOverrideTarget"), Enabled: at.String("BootSourceOverrideEnabled"), Mode: at.String("BootSourceOverrideMode"),
		Allowed: at.Strings("BootSourceOverrideTarget@Redfish.AllowableValues"),
	}, nil
}

// SetBoot says what the machine boots from; Allowed is not looked at. A target of
// "None" ends what was said before. Some machines turn the mode down, or do not have
// it: then the rest is set without, and modeIgnored is true.
func (s *System) SetBoot(ctx context.Context, b Boot) (modeIgnored bool, err error) {
	d, err := s.Document(ctx)
	if err != nil {
		return false, err
	}
	at := d.At("Boot")
	if !at.IsObject() {
		return false, &UnsupportedError{What: "a choice of what to boot from"}
	}
	if b.Target == "" {
		b.Target = "None"
	}
	if b.Enabled == "" {
		b.Enabled = "Once"
	}
	if strings.EqualFold(b.Target, "None") {
		b.Enabled = "Disabled"
	}
	allowed := at.Strings("BootSourceOverrideTarget@Redfish.AllowableValues")
	target, ok := choose(allowed, b.targets()...)
	if !ok && b.Enabled != "Disabled" {
		return false, &UnsupportedError{What: "booting from " + b.Target, Allowed: allowed}
	}
	if b.Enabled == "Disabled" && !ok { // it has no None: to disable it is enough
		target = ""
	}
	if kinds := at.Strings("BootSourceOverrideEnabled@Redfish.AllowableValues"); len(kinds) > 0 {
		if _, ok := choose(kinds, b.Enabled); !ok {
			return false, &UnsupportedError{What: "a boot override that is " + strings.ToLower(b.Enabled), Allowed: kinds}
		}
	}
	return s.override(ctx, at, target, b)
}

// targets gives the names under which a target goes, the schema's first.
func (b Boot) targets() []string {
	switch strings.ToLower(b.Target) {
	case "usb":
		return []string{b.Target, "UsbCd", "Floppy"}
	case "cd":
		return []string{b.Target, "UsbCd", "RemoteDrive"}
	}
	return []string{b.Target}
}

// override writes the choice. Only some know where a mode is wrong: the error may name
// the property, or only be a 400, so that it is tried without.
func (s *System) override(ctx context.Context, at Document, target string, b Boot) (modeIgnored bool, err error) {
	boot := map[string]string{"BootSourceOverrideEnabled": b.Enabled}
	if target != "" {
		boot["BootSourceOverrideTarget"] = target
	}
	mode := b.Mode
	if modes := at.Strings("BootSourceOverrideMode@Redfish.AllowableValues"); mode != "" && len(modes) > 0 {
		if is, ok := choose(modes, mode); ok {
			mode = is
		} else {
			mode, modeIgnored = "", true
		}
	}
	if mode != "" {
		boot["BootSourceOverrideMode"] = mode
	}
	r, err := s.setOverride(ctx, at, boot)
	if mode != "" && (errors.Is(err, Invalid) || errors.Is(err, Unsupported)) {
		delete(boot, "BootSourceOverrideMode")
		if r, err = s.setOverride(ctx, at, boot); err == nil {
			return true, nil
		}
	}
	if err != nil {
		return false, err
	}
	for _, m := range r.Messages { // a success, but not for this property
		if mode != "" && aboutProperty(m, "BootSourceOverrideMode") {
			modeIgnored = true
		}
	}
	return modeIgnored, nil
}

// setOverride writes the choice to where the service wants it: some have settings that
// are apart from what holds now.
func (s *System) setOverride(ctx context.Context, _ Document, boot map[string]string) (*Result, error) {
	body := map[string]any{"Boot": boot}
	r, err := s.client.Patch(ctx, s.Path, body)
	if err == nil {
		return r, nil
	}
	d, derr := s.Document(ctx)
	settings := d.Link("@Redfish.Settings", "SettingsObject")
	if derr != nil || settings == "" || !errors.Is(err, Unsupported) {
		return r, err
	}
	return s.client.Patch(ctx, settings, body)
}

// aboutProperty says whether a message says that a property was not set.
func aboutProperty(m Message, name string) bool {
	if strings.HasSuffix(m.ID, "Success") || m.Key() == "Created" || strings.EqualFold(m.Severity, "OK") {
		return false
	}
	for _, r := range append(append([]string{}, m.Related...), m.Args...) {
		if r == name || strings.HasSuffix(r, "/"+name) || strings.HasSuffix(r, "."+name) {
			return true
		}
	}
	return false
}
