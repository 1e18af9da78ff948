package app

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/secret/vault"
)

// SecretStore says where the encrypted store of a room's secrets is: where the room
// says, or else in the state folder. config is the path that the room was read
// from; ok is false if there is nowhere to keep one.
func SecretStore(s room.Secrets, config, state string) (o vault.Options, ok bool) {
	from := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(roomfile.Folder(config), path)
	}
	o = vault.Options{File: from(s.File), Key: from(s.Key), Identity: from(s.Identity), Recipients: s.Recipients}
	if o.File == "" {
		if state == "" {
			return vault.Options{}, false
		}
		o.File = vault.In(state).File
	}
	return o, true
}

// References gives every reference to a secret that a room holds, with what it is
// for.
func References(r *room.Room) []Reference {
	var list []Reference
	add := func(what, text string) {
		if text == "" {
			return
		}
		ref, err := secret.Parse(text)
		list = append(list, Reference{For: what, Ref: ref, Err: err})
	}
	for _, c := range r.Credentials {
		for _, key := range []string{secret.Password, secret.Key, secret.Passphrase, secret.Kg} {
			add("credential "+c.Name+": "+key, c.Secrets[key])
		}
	}
	for i := range r.Vetoes {
		add("veto "+r.Vetoes[i].Name+": bearer", r.Vetoes[i].Bearer)
	}
	for i := range r.Plugins {
		for _, name := range slices.Sorted(maps.Keys(r.Plugins[i].Secrets)) {
			add("plugin "+r.Plugins[i].Name+": "+name, r.Plugins[i].Secrets[name])
		}
	}
	add("http: oidc: client-secret", r.Settings.HTTP.OIDC.ClientSecret)
	for _, u := range r.Settings.IPMI.Users {
		add("ipmi: users: "+u.Name, u.Password)
	}
	add("samples: remote-write: bearer", r.Settings.Samples.Send.Bearer)
	add("ipmi: kg", r.Settings.IPMI.Kg)
	return list
}

// Reference is one place of a room that names a secret.
type Reference struct {
	For string // "credential pdus: password"
	Ref secret.Ref
	Err error // why it is none
}

// safe is the store of secrets that the current room names. It is kept while the
// room names the same.
type safe struct {
	mu    sync.Mutex
	of    vault.Options
	vault *vault.Vault
}

// places says where the references of a room lead.
func (a *App) places(r *room.Room) secret.Places {
	from := secret.Places{Dir: roomfile.Folder(a.opts.Config)}
	o, ok := SecretStore(r.Settings.Secrets, a.opts.Config, a.opts.State)
	if !ok {
		return from
	}
	a.safe.mu.Lock()
	defer a.safe.mu.Unlock()
	if a.safe.vault == nil || !reflect.DeepEqual(a.safe.of, o) {
		a.safe.of, a.safe.vault = o, vault.New(o)
	}
	from.Store = a.safe.vault
	return from
}

// resolveTime is how long a secret may take to be fetched.
const resolveTime = 10 * time.Second

// secret fetches what a reference leads to, in the room as it is now.
func (a *App) secret(ctx context.Context, text string) (secret.Value, error) {
	ref, err := secret.Parse(text)
	if err != nil {
		return secret.Value{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	return ref.Resolve(ctx, a.places(a.fleet.Room()))
}

// credential resolves what a device logs in with, anew each time, so that a
// changed password is used without a reload.
func (a *App) credential(ctx context.Context, r *room.Room, name string) (secret.Resolved, error) {
	c, ok := r.Credential(name)
	if !ok {
		return secret.Resolved{}, fmt.Errorf("the room has no credential %q", name)
	}
	refs := secret.Credential{User: c.User, Values: make(map[string]secret.Ref, len(c.Secrets))}
	for key, text := range c.Secrets {
		ref, err := secret.Parse(text)
		if err != nil {
			return secret.Resolved{}, fmt.Errorf("credential %s: %s: %w", c.Name, key, err)
		}
		refs.Values[key] = ref
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	who, err := refs.Resolve(ctx, a.places(r))
	if err != nil {
		return secret.Resolved{}, fmt.Errorf("credential %s: %w", c.Name, err)
	}
	return who, nil
}

// environment is what a coprocess may see: ours, without the variables that the
// room keeps secrets in.
func (a *App) environment() []string {
	hidden := make(map[string]bool)
	for _, r := range References(a.fleet.Room()) {
		if name, is := r.Ref.Variable(); is {
			hidden[name] = true
		}
	}
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return hidden[name]
	})
}
