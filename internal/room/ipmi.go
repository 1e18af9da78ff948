package room

// IPMI is what the room's `ipmi:` part asks of the door that shows nodes as BMCs.
type IPMI struct {
	Users  []IPMIUser
	Kg     string  // a reference to a secret, or ""
	Suites []uint8 // cipher suites, the best first; empty means the usual ones
	V15    bool    // lets IPMI 1.5 in
	Nodes  []IPMINode
}

// IPMIUser is a user of that door.
type IPMIUser struct {
	Name      string
	Password  string // a reference to a secret
	Privilege string // "user", "operator", "administrator"
	As        string // the room's user whose rights it has
}

// IPMINode is a node that is shown as a BMC.
type IPMINode struct {
	Node   string
	Listen string // address:port, UDP
}
