package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Bounds on log-ins that have begun.
const (
	flowFor  = 10 * time.Minute
	maxFlows = 1000
)

// flow is a log-in that has begun: what must be the same when it ends.
type flow struct {
	nonce, verifier, redirect string
	began                     time.Time
}

// flows are the log-ins under way, by their state. The zero value is ready.
type flows struct {
	mu sync.Mutex
	by map[string]flow
}

// put keeps a flow. When there are too many, those that are over go, and then the
// oldest.
func (f *flows) put(state string, it flow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = make(map[string]flow)
	}
	if len(f.by) >= maxFlows {
		oldest := ""
		for s, one := range f.by {
			if it.began.Sub(one.began) > flowFor {
				delete(f.by, s)
			} else if oldest == "" || one.began.Before(f.by[oldest].began) {
				oldest = s
			}
		}
		if len(f.by) >= maxFlows {
			delete(f.by, oldest)
		}
	}
	f.by[state] = it
}

// take gives a flow, once.
func (f *flows) take(state string, now time.Time) (flow, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	it, found := f.by[state]
	delete(f.by, state)
	return it, found && now.Sub(it.began) <= flowFor
}

// Begin starts a log-in with a browser. Send the browser to address, and keep
// state in a cookie of it: it must come back with the same state in both. redirect
// is where the issuer sends it back to.
func (p *Provider) Begin(ctx context.Context, redirect string) (state, address string, err error) {
	c, err := p.config(ctx, redirect)
	if err != nil {
		return "", "", err
	}
	it := flow{nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), redirect: redirect, began: time.Now()}
	state = rand.Text()
	p.flows.put(state, it)
	return state, c.AuthCodeURL(state, oidc.Nonce(it.nonce), oauth2.S256ChallengeOption(it.verifier)), nil
}

// errState is told of a log-in that nobody began, or began too long ago.
var errState = errors.New("this log-in was not begun here, is over already, or took longer than ten minutes")

// Finish ends a log-in: cookie is the state that the browser kept, state and code
// are what the issuer sent it back with. It gives the ID token, which
// [Provider.Verify] takes, and works once for each state.
func (p *Provider) Finish(ctx context.Context, cookie, state, code string) (raw string, err error) {
	if subtle.ConstantTimeCompare([]byte(cookie), []byte(state)) != 1 || state == "" {
		return "", errState
	}
	it, found := p.flows.take(state, time.Now())
	if !found {
		return "", errState
	}
	c, err := p.config(ctx, it.redirect)
	if err != nil {
		return "", err
	}
	answer, err := c.Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(it.verifier))
	if err != nil {
		return "", fmt.Errorf("ask the issuer for the ID token: %w", err)
	}
	raw, ok := answer.Extra("id_token").(string)
	if !ok {
		return "", errors.New("the issuer gave no ID token")
	}
	token, err := p.token(ctx, raw)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(it.nonce)) != 1 {
		return "", errors.New("the ID token is not for this log-in: its nonce is another")
	}
	return raw, nil
}
