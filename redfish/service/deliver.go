package service

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// deliverFor is how long a destination may take to take one event.
const deliverFor = 15 * time.Second

// Public says whether an address is one of the whole internet's, so that nobody can
// have events sent to where only this host can reach.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, special := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"168.63.129.16/32",                                                               // of one large cloud's own host, from within it
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", // those that IPv4 addresses are written in, and sites
	} {
		if netip.MustParsePrefix(special).Contains(a) {
			return false
		}
	}
	return true
}

// errForbidden is for destinations that events may not be sent to.
var errForbidden = errors.New("events may not be sent to that address")

// client makes the HTTP client of a subscription. It judges each address when it
// connects to it, whatever its name has meant before, and follows nobody elsewhere.
func (s *Service) client(verify bool) *http.Client {
	dialer := &net.Dialer{Timeout: deliverFor, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !s.opts.Destination(at.Addr().Unmap()) {
			return fmt.Errorf("%w: %s", errForbidden, address)
		}
		return nil
	}}
	return &http.Client{
		Timeout: deliverFor,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !verify}, //nolint:gosec // VerifyCertificate is an administrator's choice
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliver sends events to a subscription until it ends. What piles up meanwhile is
// held by the journal, and what that no longer holds is lost.
func (s *Service) deliver(ctx context.Context, sub *subscription, after int64) {
	defer s.hooks.remove(sub)
	by := &courier{service: s}
	defer by.leave()
	for ctx.Err() == nil {
		list, more := s.events.since(after)
		for _, h := range list {
			after = h.n
			if s.opts.Backend.Valid(sub.owner) != nil {
				s.log.Warn("a subscription ends with its user", "subscription", sub.id, "user", sub.owner.Name)
				return
			}
			if !sub.wish.wants(h) || !s.mayHear(ctx, sub.owner, h) {
				continue
			}
			if !s.deliverOne(ctx, by, sub, h) {
				return
			}
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
		}
	}
}

// deliverOne sends one event, and tries again as the subscription says. It is false
// if the subscription is over.
func (s *Service) deliverOne(ctx context.Context, by *courier, sub *subscription, h happened) bool {
	for try := 1; ; try++ {
		var about, policy string
		var verify bool
		s.hooks.change(func() { about, policy, verify = sub.about, sub.policy, sub.verify })
		err := by.send(ctx, sub, verify, encode(h.document(about)))
		if err == nil || ctx.Err() != nil {
			return ctx.Err() == nil
		}
		s.log.Debug("an event could not be delivered", "subscription", sub.id, "try", try, "why", err)
		wait := s.opts.RetryEvery
		if try > deliverAttempts {
			switch policy {
			case "TerminateAfterRetries":
				s.log.Warn("a subscription ends, since its destination takes no events", "subscription", sub.id, "why", err)
				return false
			case "SuspendRetries":
				return s.suspend(ctx, sub)
			}
			wait *= 10
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		}
	}
}

// suspend waits until the subscription is resumed. The event that could not be
// delivered is given up.
func (s *Service) suspend(ctx context.Context, sub *subscription) bool {
	set := func(v bool) { s.hooks.change(func() { sub.suspended = v }) }
	set(true)
	defer set(false)
	select {
	case <-sub.resume:
		return true
	case <-ctx.Done():
		return false
	}
}

// courier keeps the connection of a subscription.
type courier struct {
	service *Service
	client  *http.Client
	verify  bool // what client does
}

func (b *courier) leave() {
	if b.client != nil {
		b.client.CloseIdleConnections()
		b.client = nil
	}
}

func (b *courier) send(ctx context.Context, sub *subscription, verify bool, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, sub.destination.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, values := range sub.headers {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("OData-Version", "4.0")
	if b.client == nil || b.verify != verify {
		b.leave()
		b.client, b.verify = b.service.client(verify), verify
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // whatever it says, only the status counts
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the destination answered %s", resp.Status)
	}
	return nil
}
