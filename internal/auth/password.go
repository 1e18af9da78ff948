package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// How a password is hashed: argon2id with the second set of parameters that RFC
// 9106, section 4 recommends (three passes over 64 MiB, four lanes).
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	argonKey     = 32 // bytes
	argonSalt    = 16 // bytes
)

// At most so many passwords are hashed at once, and so many wait for it: log-ins
// cannot take more than 128 MiB, whoever sends them.
const (
	hashesAtOnce  = 2
	hashesWaiting = 32
)

// cost is what one hash takes.
type cost struct {
	time, memory uint32
	threads      uint8
}

// hasher makes and checks hashes of passwords.
type hasher struct {
	derive func(password, salt []byte, c cost) []byte // argon2id; tests count its calls
	cost   cost

	slots   chan struct{}
	waiting atomic.Int32
}

func newHasher() *hasher {
	return &hasher{
		derive: func(password, salt []byte, c cost) []byte {
			return argon2.IDKey(password, salt, c.time, c.memory, c.threads, argonKey)
		},
		cost:  cost{time: argonTime, memory: argonMemory, threads: argonThreads},
		slots: make(chan struct{}, hashesAtOnce),
	}
}

// enter waits for a turn. The caller must call leave if there is no error.
func (h *hasher) enter(ctx context.Context) error {
	if h.waiting.Add(1) > hashesAtOnce+hashesWaiting {
		h.waiting.Add(-1)
		return &room.Error{Code: room.CodeBusy, Op: "check password", Said: "too many log-ins at once; try again in a moment"}
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		h.waiting.Add(-1)
		return ctx.Err()
	}
}

func (h *hasher) leave() {
	<-h.slots
	h.waiting.Add(-1)
}

// make gives a hash in the PHC form, "$argon2id$v=19$m=65536,t=3,p=4$SALT$KEY".
func (h *hasher) make(ctx context.Context, password secret.Value) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	key := h.derive([]byte(password.Reveal()), salt, h.cost)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.memory, h.cost.time, h.cost.threads,
		b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// check compares a password with a hash, in a turn that the caller has. For no
// hash, or one that makes no sense, it does the same work and says no: how long
// it takes does not tell who is a user here.
func (h *hasher) check(hash, password string) bool {
	c, salt, want, err := parseHash(hash)
	if err != nil {
		c, salt, want = h.cost, make([]byte, argonSalt), nil
	}
	got := h.derive([]byte(password), salt, c)
	return subtle.ConstantTimeCompare(got, want) == 1
}

// parseHash takes a hash apart, within bounds that no hash of ours exceeds.
func parseHash(text string) (c cost, salt, key []byte, err error) {
	var version int
	var saltText, keyText string
	n, err := fmt.Sscanf(text, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &c.memory, &c.time, &c.threads, &saltText)
	if err != nil || n != 5 || version != argon2.Version {
		return cost{}, nil, nil, fmt.Errorf("not a hash of a password")
	}
	saltText, keyText, _ = strings.Cut(saltText, "$")
	if c.memory < 8*uint32(c.threads) || c.memory > 1<<20 || c.time < 1 || c.time > 16 || c.threads < 1 || c.threads > 64 {
		return cost{}, nil, nil, fmt.Errorf("the hash of a password is out of bounds")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(saltText); err == nil {
		key, err = base64.RawStdEncoding.DecodeString(keyText)
	}
	if err == nil && (len(salt) < 8 || len(key) != argonKey) {
		err = fmt.Errorf("the hash of a password is cut off")
	}
	return c, salt, key, err
}
