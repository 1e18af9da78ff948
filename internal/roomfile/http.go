package roomfile

import (
	"net/netip"
	"net/url"

	"millwright.dev/millwright/internal/room"
)

// What `http:` means where it says nothing.
const (
	clientName  = "cn"
	nameClaim   = "sub"
	groupsClaim = "groups"
)

// http takes the part `http:`.
func (l *loader) http(v *value) {
	part := httpPart{ClientName: clientName, OIDC: oidcPart{NameClaim: nameClaim, GroupsClaim: groupsClaim}}
	l.decode(v, &part)
	l.listens(v, part.Listen)
	for i, name := range part.Names {
		if why := badHost(name); why != "" {
			l.fail(v.get("names").item(i), "%q is no name of a host: %s", name, why)
		}
	}
	switch {
	case part.TLSCert != "" && part.TLSKey == "":
		l.fail(v.get("tls-cert").at, "a certificate needs its key; say where it is: tls-key: FILE")
	case part.TLSCert == "" && part.TLSKey != "":
		l.fail(v.get("tls-key").at, "a key needs its certificate; say where it is: tls-cert: FILE")
	}
	l.issuer(v.get("oidc"), &part.OIDC)
	o := &part.OIDC
	l.draft.Settings.HTTP = room.HTTP{
		Listen: part.Listen, Names: part.Names, Cert: part.TLSCert, Key: part.TLSKey,
		ClientCA: part.ClientCA, ClientName: part.ClientName,
		OIDC: room.OIDC{
			Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.String(), Audiences: o.Audiences,
			CA: o.CA, NameClaim: o.NameClaim, GroupsClaim: o.GroupsClaim, Groups: o.Groups,
		},
	}
}

// issuer checks the part `oidc:`.
func (l *loader) issuer(v *value, o *oidcPart) {
	if v == nil || v.shape != mapping {
		return
	}
	if o.Issuer == "" || o.ClientID == "" {
		l.fail(v.at, "an issuer needs both issuer and client-id")
		return
	}
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		l.fail(v.get("issuer").at, "%q is no issuer's address; write it as the issuer does, https://…", o.Issuer)
	case u.Scheme == "http" && thisHost(u.Hostname()):
	case u.Scheme != "https":
		l.fail(v.get("issuer").at, "an issuer is asked by https; plain http is taken on this host only")
	}
	if o.NameClaim == "" {
		l.fail(v.get("name-claim").at, "the claim that is the user's name is missing")
	}
}

func thisHost(name string) bool {
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}

// badHost says why a text is neither a host's name nor an address.
func badHost(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	if name == "" || len(name) > 253 {
		return "it is empty or too long"
	}
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '.' && c != '_' {
			return "it holds " + string(rune(c))
		}
	}
	return ""
}
