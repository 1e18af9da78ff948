package room

// HTTP is what the room's `http:` part asks of the public API over TCP. Paths may
// be relative to the room's folder.
type HTTP struct {
	Listen []string // "host:port" addresses; empty means that nothing listens
	Names  []string // under which the daemon is reached, besides this host's own

	Cert, Key string // files of a certificate made elsewhere; empty means our own

	ClientCA   string // a file of authorities for client certificates, besides our own
	ClientName string // where a client certificate has the user's name: "cn", "email", "uri"

	OIDC OIDC
}

// OIDC names an issuer whose word is taken for who somebody is.
type OIDC struct {
	Issuer       string // its address; empty for none
	ClientID     string
	ClientSecret string   // a reference to a secret, or ""
	Audiences    []string // besides ClientID, whose tokens are taken too
	CA           string   // a file of authorities for the issuer's own certificate, or ""
	NameClaim    string   // the claim that is the user's name
	GroupsClaim  string   // the claim that lists groups
	// Groups translates the issuer's groups to ours. If it is not empty, the others
	// do not count.
	Groups map[string]string
}
