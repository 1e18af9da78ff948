package host

import (
	"context"

	"millwright.dev/millwright/ipmi/dcmi"
	"millwright.dev/millwright/ipmi/oem"
)

// Hostname reads the controller's host name: the maker's, else what DCMI calls the
// controller's identifier, which it offers to DHCP servers.
func (h *Host) Hostname(ctx context.Context) (string, error) {
	m, ok, err := maybe[oem.Hostname](ctx, h)
	switch {
	case err != nil:
		return "", err
	case ok:
		return m.Hostname(ctx)
	}
	return dcmi.GetID(ctx, h.d)
}

// SetHostname sets it.
func (h *Host) SetHostname(ctx context.Context, name string) error {
	m, ok, err := maybe[oem.Hostname](ctx, h)
	switch {
	case err != nil:
		return err
	case ok:
		return m.SetHostname(ctx, name)
	}
	return dcmi.SetID(ctx, h.d, name)
}

// ID reads DCMI's identifier of the controller.
func (h *Host) ID(ctx context.Context) (string, error) { return dcmi.GetID(ctx, h.d) }

// SetID sets it.
func (h *Host) SetID(ctx context.Context, id string) error { return dcmi.SetID(ctx, h.d, id) }

// AssetTag reads the machine's asset tag: the maker's, else DCMI's.
func (h *Host) AssetTag(ctx context.Context) (string, error) {
	m, ok, err := maybe[oem.AssetTag](ctx, h)
	switch {
	case err != nil:
		return "", err
	case ok:
		return m.AssetTag(ctx)
	}
	return dcmi.GetAssetTag(ctx, h.d)
}

// SetAssetTag sets it.
func (h *Host) SetAssetTag(ctx context.Context, tag string) error {
	m, ok, err := maybe[oem.AssetTag](ctx, h)
	switch {
	case err != nil:
		return err
	case ok:
		return m.SetAssetTag(ctx, tag)
	}
	return dcmi.SetAssetTag(ctx, h.d, tag)
}
