package secret

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Names of the values that drivers know; a credential may hold others.
const (
	Password   = "password"
	Key        = "key"        // a private key's text
	Passphrase = "passphrase" // opens Key
	Kg         = "kg"         // the key of a BMC, beside its users' passwords
)

// Credential is what one log-in needs, as the room file names it.
type Credential struct {
	User   string
	Values map[string]Ref // by Password, Key, Passphrase…
}

// Resolved is a credential with its texts fetched. Printing it is safe.
type Resolved struct {
	User   string
	Values map[string]Value
}

// Resolve fetches all values together. The error names every one that cannot be
// had, and then nothing is returned.
func (c Credential) Resolve(ctx context.Context, from Places) (Resolved, error) {
	values := make(map[string]Value, len(c.Values))
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Values)) {
		v, err := c.Values[name].Resolve(ctx, from)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		values[name] = v
	}
	if err := errors.Join(errs...); err != nil {
		return Resolved{}, err
	}
	return Resolved{User: c.User, Values: values}, nil
}

// Get returns a value by name; the zero Value if there is none.
func (r Resolved) Get(name string) Value { return r.Values[name] }

// Secrets returns all values, sorted by name, for a [Masker].
func (r Resolved) Secrets() []Value {
	list := make([]Value, 0, len(r.Values))
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		list = append(list, r.Values[name])
	}
	return list
}

// Environ gives the variables in which a user's own program is told it.
func (r Resolved) Environ() []string {
	var env []string
	if r.User != "" {
		env = append(env, "MILLWRIGHT_USER="+r.User)
	}
	if password := r.Get(Password); !password.IsZero() {
		env = append(env, "MILLWRIGHT_PASSWORD="+password.Reveal())
	}
	return env
}
