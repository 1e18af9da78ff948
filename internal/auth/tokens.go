package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/store"
)

// A token is written mw_ID_SECRET: the prefix lets scanners of leaked secrets
// know it, the id says which it is (and is no secret), and the secret has 256
// random bits.
const (
	TokenPrefix = "mw_"
	idBytes     = 5
	secretBytes = 32
	idLength    = idBytes * 8 / 5
	secretText  = 52 // secretBytes in base 32
	tokenLength = len(TokenPrefix) + idLength + 1 + secretText
)

const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

func encoding() *base32.Encoding {
	return base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
}

// Token is an API token as it may be shown.
type Token struct {
	ID      string
	Owner   string
	Note    string
	Created time.Time
	Expires time.Time // zero: never
	Used    time.Time // for the last time; zero: never
	// Grants bound what the token may do: what its owner may at the moment, and
	// one of these allows.
	Grants []Grant
}

// parseToken takes a token apart. Only the exact form passes.
func parseToken(text string) (id, key string, ok bool) {
	if len(text) != tokenLength || !strings.HasPrefix(text, TokenPrefix) {
		return "", "", false
	}
	id, key, ok = strings.Cut(text[len(TokenPrefix):], "_")
	if !ok || len(id) != idLength || !inAlphabet(id) || !inAlphabet(key) {
		return "", "", false
	}
	return id, key, true
}

func inAlphabet(s string) bool {
	for i := range len(s) {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return false
		}
	}
	return true
}

// digest is what is kept of a token's secret: with 256 random bits there is
// nothing to guess, so it need not be slow.
func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// NewToken says what a token shall be.
type NewToken struct {
	Owner   string
	Note    string
	Role    Role
	Nodes   string    // a target expression; the role is capped on these
	Expires time.Time // zero: never
}

// AddToken makes a token and gives its id and its text, which is not kept: this
// is the only time that it can be seen.
func (b *Book) AddToken(ctx context.Context, by event.Event, r *room.Room, n NewToken) (Token, secret.Value, error) {
	id, key := randomText(idBytes), randomText(secretBytes)
	scope := Grant{To: Principal{KindToken, id}, Role: n.Role, Nodes: n.Nodes}
	if err := scope.check(r); err != nil {
		return Token{}, secret.Value{}, err
	}
	if len(n.Note) > maxNote {
		return Token{}, secret.Value{}, invalid("a note has at most %d bytes", maxNote)
	}
	if !n.Expires.IsZero() && !n.Expires.After(time.Now()) {
		return Token{}, secret.Value{}, invalid("the token would have expired already")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.now.Load()
	switch u, found := l.users[n.Owner]; {
	case !found:
		return Token{}, secret.Value{}, &room.Error{
			Code: room.CodeNotFound, Op: "create token", Subject: cut(n.Owner, maxShown),
			Said: "a token belongs to a user of Millwright, and there is none of that name; see: millwright user add",
		}
	case u.Disabled:
		return Token{}, secret.Value{}, &room.Error{Code: room.CodeRefused, Op: "create token", Subject: n.Owner, Said: "the user is disabled"}
	case len(l.tokens) >= maxRows:
		return Token{}, secret.Value{}, full("tokens")
	case l.tokens[id] != nil:
		return Token{}, secret.Value{}, &room.Error{Code: room.CodeInternal, Op: "create token", Said: "the id was there already; try again"}
	}
	row := store.Token{ID: id, Owner: n.Owner, Digest: digest(key), Note: n.Note, Created: time.Now(), Expires: n.Expires}
	detail := fmt.Sprintf("%s of %s: %s on %s", id, n.Owner, n.Role, cut(n.Nodes, maxNodes/4))
	if !n.Expires.IsZero() {
		detail += ", until " + n.Expires.UTC().Format(time.RFC3339)
	}
	err := b.change(ctx, by, "create token", detail, func(tx *store.Tx) error {
		if err := tx.AddToken(row); err != nil {
			return err
		}
		return tx.PutGrant(rowOf(scope, by.Actor))
	})
	if err != nil {
		return Token{}, secret.Value{}, err
	}
	made, _ := b.Token(id)
	return made, secret.NewValue(TokenPrefix + id + "_" + key), nil
}

func randomText(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // never fails; see its documentation
	return encoding().EncodeToString(raw)
}

// Tokens gives the tokens of a user, or of all for "", sorted by owner and id.
func (b *Book) Tokens(owner string) []Token {
	l := b.now.Load()
	var list []Token
	for _, id := range slices.Sorted(maps.Keys(l.tokens)) {
		if owner == "" || l.tokens[id].Owner == owner {
			list = append(list, l.tokenOf(id))
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Owner < list[j].Owner })
	return list
}

// Token gives one token.
func (b *Book) Token(id string) (Token, bool) {
	l := b.now.Load()
	if l.tokens[id] == nil {
		return Token{}, false
	}
	return l.tokenOf(id), true
}

func (l *ledger) tokenOf(id string) Token {
	t := l.tokens[id]
	shown := Token{ID: id, Owner: t.Owner, Note: t.Note, Created: t.Created, Expires: t.Expires, Grants: l.grants[Principal{KindToken, id}]}
	if ns := t.used.Load(); ns != 0 {
		shown.Used = time.Unix(0, ns).UTC()
	}
	return shown
}

// RevokeToken takes a token away at once.
func (b *Book) RevokeToken(ctx context.Context, by event.Event, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.now.Load().tokens[id]
	if t == nil {
		return notFound("revoke token", "token", id)
	}
	return b.change(ctx, by, "revoke token", id+" of "+t.Owner, func(tx *store.Tx) error { return deleteToken(tx, id) })
}

// valid says whether a token is one of the owner's and can be used now.
func (l *ledger) valid(id, owner string, now time.Time) bool {
	t := l.tokens[id]
	if t == nil || t.Owner != owner || !t.Expires.IsZero() && !now.Before(t.Expires) {
		return false
	}
	u, found := l.users[owner]
	return found && !u.Disabled
}

// present finds whose a token is that somebody brings. What takes time here
// depends on the id, which is no secret, and not on the secret.
func (l *ledger) present(text string, now time.Time) (*token, bool) {
	id, key, ok := parseToken(text)
	if !ok {
		return nil, false
	}
	t := l.tokens[id]
	kept := strings.Repeat("0", sha256.Size*2)
	if t != nil {
		kept = t.Digest
	}
	same := subtle.ConstantTimeCompare([]byte(digest(key)), []byte(kept)) == 1
	if !same || t == nil || !l.valid(id, t.Owner, now) {
		return nil, false
	}
	return t, true
}

// useEvery is how exactly the time of a token's last use is kept on the disk.
const useEvery = time.Minute

// use notes that a token was used.
func (b *Book) use(t *token, now time.Time) {
	t.used.Store(now.UnixNano())
	last := t.written.Load()
	if now.UnixNano()-last < int64(useEvery) || !t.written.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	id := t.ID
	b.store.WriteLater(func(tx *store.Tx) error { return tx.UseToken(id, now) }, func(error) {})
}
