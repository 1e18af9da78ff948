package auth

import (
	"fmt"
	"time"
)

// Method is how somebody proved who they are.
type Method string

// The methods.
const (
	ByPassword    Method = "password"
	ByToken       Method = "token"
	ByIssuer      Method = "oidc"
	ByCertificate Method = "certificate"
	ByKernel      Method = "socket" // at a unix socket, where the kernel tells
)

// Identity is who somebody was found to be.
type Identity struct {
	User   string   // their name, never empty
	Groups []string // what the issuer or the system said; the store's own are added by Rights
	Token  string   // the id of the token that they came with, or ""
	By     Method

	hash string // of the password that was right
}

// Standing says how sure it is who somebody is, and what that is worth.
type Standing uint8

// The standings.
const (
	Anonymous Standing = iota // nobody vouches; only what the door itself was given counts
	Known                     // proved by password, token, issuer or certificate
	Local                     // the kernel says who it is: somebody at the local socket
	Owner                     // as Local, and root or the daemon's own account: they hold the files
	Daemon                    // the daemon itself, by a signal for example
)

// Subject is the one whose rights are asked for.
type Subject struct {
	Standing Standing
	User     string   // "" for Anonymous and Daemon
	Groups   []string // of the system or the issuer
	Token    string   // the id of a token, which bounds what its owner may
	Door     string   // through which door they came
}

// Denied says that somebody was not let in. It is the cause of a *room.Error
// with CodeRefused. Its words are for the client and tell nothing that helps
// somebody who guesses.
type Denied struct {
	// RetryAfter is how long no attempt will be looked at; zero unless too many
	// have failed.
	RetryAfter time.Duration
	why        string // for the log only
}

// Error is the same for every reason but the one.
func (e *Denied) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("too many failed attempts; the next one is looked at in %v", e.RetryAfter.Round(time.Second))
	}
	return "not let in: the name, password, token or certificate is not valid"
}

// Missing says which role somebody lacks. It is the cause of a *room.Error with
// CodeRefused.
type Missing struct {
	Who   string // for people
	Role  Role
	Nodes string // a host list, or "@all"; "" is nodes that the subject may not see
	To    string // the principal that could be given the role, or "" if none can
}

// Error says what is missing and how it can be had.
func (e *Missing) Error() string {
	const most = 1000 // bytes of names
	on := cut(e.Nodes, most)
	switch on {
	case All:
		on = "the whole room"
	case "":
		on = "nodes that are not shown to you"
	}
	text := fmt.Sprintf("%s may not do that: it takes the role %s on %s", e.Who, e.Role, on)
	if e.To != "" && len(e.Nodes) <= most {
		nodes := e.Nodes
		if e.Role.RoomWide() { // which are given for the whole room or not at all
			nodes = All
		}
		text += fmt.Sprintf(" (an admin can give it: millwright grant add %s %s '%s')", e.To, e.Role, nodes)
	}
	return text
}
