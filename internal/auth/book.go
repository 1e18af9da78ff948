package auth

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// Book holds users, tokens and grants: in the store, and as a whole in memory,
// where every request looks. Its methods may be called from any goroutine. Those
// that change something write an event in the same transaction; they check what
// they are given and not who asks, which is the desk's.
type Book struct {
	store  *store.Store
	events *event.Log
	hasher *hasher

	now        atomic.Pointer[ledger]
	remembered atomic.Pointer[remembered]

	mu sync.Mutex // one change at a time
}

// ledger is what the book says at one moment. It never changes, but for the
// times at which tokens were used.
type ledger struct {
	users  map[string]store.User
	tokens map[string]*token // by id
	grants map[Principal][]Grant
}

// token is one token with the time of its last use.
type token struct {
	store.Token
	used    atomic.Int64 // nanoseconds since 1970
	written atomic.Int64 // of used, what the store has or is about to have
}

// OpenBook reads what a store says.
func OpenBook(ctx context.Context, s *store.Store, events *event.Log) (*Book, error) {
	b := &Book{store: s, events: events, hasher: newHasher()}
	if err := b.load(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// load reads all of it anew. The caller holds mu, or has the book alone.
func (b *Book) load(ctx context.Context) error {
	all, err := b.store.Access(ctx)
	if err != nil {
		return err
	}
	l := &ledger{users: make(map[string]store.User), tokens: make(map[string]*token), grants: make(map[Principal][]Grant)}
	for _, u := range all.Users {
		l.users[u.Name] = u
	}
	before := b.now.Load()
	for _, t := range all.Tokens {
		held := &token{Token: t}
		if !t.Used.IsZero() {
			held.used.Store(t.Used.UnixNano())
		}
		if before != nil && before.tokens[t.ID] != nil {
			held.used.Store(before.tokens[t.ID].used.Load())
		}
		held.written.Store(held.used.Load())
		l.tokens[t.ID] = held
	}
	for _, g := range all.Grants {
		grant, err := grantOf(g)
		if err != nil {
			return fmt.Errorf("read grants: %w", err)
		}
		l.grants[grant.To] = append(l.grants[grant.To], grant)
	}
	b.now.Store(l)
	return nil
}

func grantOf(g store.Grant) (Grant, error) {
	to, err := ParsePrincipal(g.Principal)
	if err != nil {
		return Grant{}, err
	}
	role, ok := ParseRole(g.Role)
	if !ok {
		return Grant{}, invalid("there is no role %q (given to %s)", g.Role, g.Principal)
	}
	return Grant{To: to, Role: role, Nodes: g.Nodes, Created: g.Created, Author: g.Author}, nil
}

// change writes something and the event that tells of it, and reads the book
// anew. by says who did it and through which door. The caller holds mu.
func (b *Book) change(ctx context.Context, by event.Event, op, detail string, write func(*store.Tx) error) error {
	by.Kind, by.Op, by.Outcome, by.Detail = event.Access, op, event.OK, detail
	if err := b.events.AppendWith(ctx, write, &by); err != nil {
		return &room.Error{Code: room.CodeInternal, Op: op, Said: "nothing was changed: " + err.Error(), Err: err}
	}
	return b.load(context.WithoutCancel(ctx))
}

// Grants gives all grants, sorted by principal and nodes.
func (b *Book) Grants() []Grant {
	var list []Grant
	for _, some := range b.now.Load().grants {
		list = append(list, some...)
	}
	sortGrants(list)
	return list
}

// GrantsTo gives the grants that concern a subject: to themselves, their groups,
// their token or their door.
func (b *Book) GrantsTo(s Subject) []Grant {
	l := b.now.Load()
	to := []Principal{{KindUser, s.User}}
	if s.Standing == Anonymous {
		to = []Principal{{KindDoor, s.Door}}
	}
	for _, g := range slices.Concat(s.Groups, l.users[s.User].Groups) {
		to = append(to, Principal{KindGroup, g})
	}
	if s.Token != "" {
		to = append(to, Principal{KindToken, s.Token})
	}
	var list []Grant
	for _, p := range to {
		list = append(list, l.grants[p]...)
	}
	sortGrants(list)
	return slices.CompactFunc(list, func(x, y Grant) bool { return compareGrants(x, y) == 0 })
}

// AddGrant gives a role on nodes of a room; a grant of another role on the same
// nodes to the same principal is replaced.
func (b *Book) AddGrant(ctx context.Context, by event.Event, r *room.Room, g Grant) error {
	if err := g.check(r); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.now.Load()
	if g.To.Kind == KindToken && l.tokens[g.To.Name] == nil {
		return notFound("grant", "token", g.To.Name)
	}
	if len(l.grants) >= maxRows || len(l.grants[g.To]) >= maxRows/10 {
		return full("grants")
	}
	detail := fmt.Sprintf("%s has the role %s on %s", g.To, g.Role, cut(g.Nodes, maxNodes/4))
	return b.change(ctx, by, "grant", detail, func(tx *store.Tx) error {
		return tx.PutGrant(rowOf(g, by.Actor))
	})
}

func rowOf(g Grant, author string) store.Grant {
	return store.Grant{Principal: g.To.String(), Role: g.Role.String(), Nodes: g.Nodes, Created: time.Now(), Author: author}
}

// RemoveGrant takes a grant away: that on exactly these nodes, or with no nodes
// all that the principal has. It gives how many there were.
func (b *Book) RemoveGrant(ctx context.Context, by event.Event, to Principal, nodes string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	had := slices.Clone(b.now.Load().grants[to])
	if nodes != "" {
		had = slices.DeleteFunc(had, func(g Grant) bool { return g.Nodes != nodes })
	}
	if len(had) == 0 {
		return 0, &room.Error{Code: room.CodeNotFound, Op: "remove grant", Subject: to.String(), Said: "has no such grant; see: millwright grant list"}
	}
	what := nodes
	if nodes == "" {
		what = "all that it had been given"
	}
	return len(had), b.change(ctx, by, "remove grant", fmt.Sprintf("from %s: %s", to, cut(what, maxNodes/4)), func(tx *store.Tx) error {
		for _, g := range had {
			if err := tx.DeleteGrant(to.String(), g.Nodes); err != nil {
				return err
			}
		}
		return nil
	})
}

func sortGrants(list []Grant) {
	sort.Slice(list, func(i, j int) bool { return compareGrants(list[i], list[j]) < 0 })
}

func compareGrants(x, y Grant) int {
	if c := strings.Compare(x.To.String(), y.To.String()); c != 0 {
		return c
	}
	return strings.Compare(x.Nodes, y.Nodes)
}

func notFound(op, kind, name string) error {
	return &room.Error{Code: room.CodeNotFound, Op: op, Subject: cut(name, maxShown), Said: "there is no such " + kind}
}

func full(what string) error {
	return &room.Error{Code: room.CodeRefused, Said: fmt.Sprintf("there are %d %s already, and no more are kept; name groups instead", maxRows, what)}
}
