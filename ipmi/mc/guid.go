package mc

import (
	"context"
	"encoding/hex"

	"millwright.dev/millwright/ipmi"
)

// GUID is a globally unique id as it lies on the wire (sections 20.8 and 22.14). The
// specification sends it with the last byte of its text first; many BMCs send it as SMBIOS
// stores it instead, or as its text reads. The bytes do not tell which, so all
// three readings are offered.
type GUID [16]byte

// ParseGUID reads the answer of Get Device GUID or Get System GUID.
func ParseGUID(b []byte) (GUID, error) {
	if err := ipmi.Short("GUID", b, 16); err != nil {
		return GUID{}, err
	}
	return GUID(b[:16]), nil
}

// Append adds the answer to b.
func (g GUID) Append(b []byte) []byte { return append(b, g[:]...) }

// IsZero says whether no GUID was ever set.
func (g GUID) IsZero() bool { return g == GUID{} }

// IPMI reads the GUID as the specification says (section 20.8): all bytes reversed.
func (g GUID) IPMI() string {
	var r [16]byte
	for i, x := range g {
		r[15-i] = x
	}
	return text(r)
}

// SMBIOS reads the GUID with its first three groups little-endian, as SMBIOS stores
// it and as most BMCs send it.
func (g GUID) SMBIOS() string {
	return text([16]byte{
		g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6],
		g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15],
	})
}

// Plain reads the GUID from the first byte to the last, as RFC 4122 sends it.
func (g GUID) Plain() string { return text(g) }

// String reads the GUID in the order that makes sense of it (see Order), and as SMBIOS where
// none does: that agrees with what dmidecode shows on most machines.
func (g GUID) String() string {
	switch g.Order() {
	case "ipmi":
		return g.IPMI()
	case "plain":
		return g.Plain()
	}
	return g.SMBIOS()
}

// Order says by which reading the GUID has a version and a variant as RFC 4122
// has them: "smbios", "ipmi" or "plain"; the first that fits in this order, or
// "" when none does.
func (g GUID) Order() string {
	fits := func(version, variant byte) bool {
		return version>>4 >= 1 && version>>4 <= 5 && variant>>6 == 2
	}
	switch {
	case fits(g[7], g[8]):
		return "smbios"
	case fits(g[9], g[7]):
		return "ipmi"
	case fits(g[6], g[8]):
		return "plain"
	}
	return ""
}

func text(g [16]byte) string {
	h := hex.EncodeToString(g[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// GetDeviceGUID asks for the GUID of the controller (section 20.8).
func GetDeviceGUID(ctx context.Context, d ipmi.Doer) (GUID, error) {
	return ipmi.Ask(ctx, d, "read the controller's GUID", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdDeviceGUID}, ParseGUID)
}

// GetSystemGUID asks for the GUID of the machine (section 22.14).
func GetSystemGUID(ctx context.Context, d ipmi.Doer) (GUID, error) {
	return ipmi.Ask(ctx, d, "read the system's GUID", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSystemGUID}, ParseGUID)
}
