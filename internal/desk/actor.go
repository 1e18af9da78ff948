package desk

import (
	"cmp"

	"millwright.dev/millwright/internal/auth"
)

// Actor is who asks, and by which way they came.
type Actor struct {
	Name   string // a user's name, or "" if the door cannot know
	Door   string // "powerman", "local", "http"
	Remote string // an address, or ""

	Standing auth.Standing // how sure it is; the zero value is anonymous
	Groups   []string      // that the system or an issuer puts them into
	Token    string        // the id of the token that they came with, or ""
	// As is the user whose rights count, where it is not Name: a plugin has those of
	// somebody else, and is known by its own name.
	As string
}

// ActorOf makes the actor of somebody whom package auth has found out about.
func ActorOf(who auth.Identity, door, remote string) Actor {
	return Actor{Name: who.User, Door: door, Remote: remote, Standing: auth.Known, Groups: who.Groups, Token: who.Token}
}

// String names the actor for people.
func (a Actor) String() string {
	switch {
	case a.Name != "":
		return a.Name
	case a.Remote != "":
		return a.Remote
	}
	return "somebody at the " + a.Door + " door"
}

func (a Actor) subject() auth.Subject {
	return auth.Subject{Standing: a.Standing, User: cmp.Or(a.As, a.Name), Groups: a.Groups, Token: a.Token, Door: a.Door}
}
