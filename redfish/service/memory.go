package service

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Memory is a backend whose machines exist in memory only: for tests, for trying out
// clients, and as a pattern for others. Make it with [NewMemory].
type Memory struct {
	// Slow is how long a reset takes.
	Slow time.Duration
	// Changed is told of each change of a machine's power, outside of any lock; it may be nil.
	Changed func(id string, to PowerState)

	mu       sync.Mutex
	ids      []string // sorted
	machines map[string]*memoryMachine
	users    map[string]*memoryUser
}

type memoryMachine struct {
	Machine
	boot     Boot
	readings []Reading
	log      []LogEntry
	logged   int
}

type memoryUser struct {
	Account
	password [sha256.Size]byte
	stamp    int // changes with the password
}

// NewMemory makes a backend with one administrator and no machines.
func NewMemory(admin, password string) *Memory {
	b := &Memory{machines: make(map[string]*memoryMachine), users: make(map[string]*memoryUser)}
	b.SetUser(Account{Name: admin, Role: Administrator, Enabled: true}, password)
	return b
}

// SetUser makes a user, or changes one.
func (b *Memory) SetUser(a Account, password string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := &memoryUser{Account: a, password: sha256.Sum256([]byte(password))}
	if old := b.users[a.Name]; old != nil {
		u.stamp = old.stamp + 1
	}
	b.users[a.Name] = u
}

// Add puts in a machine with what it measures; one of the same id is replaced.
func (b *Memory) Add(m Machine, readings ...Reading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, found := slices.BinarySearch(b.ids, m.ID); !found {
		b.ids = slices.Insert(slices.Clone(b.ids), i, m.ID)
	}
	m.Sensors = m.Sensors || len(readings) > 0
	b.machines[m.ID] = &memoryMachine{Machine: m, readings: readings}
}

// Write adds a line to a machine's log.
func (b *Memory) Write(id string, e LogEntry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m := b.machines[id]; m != nil {
		m.logged++
		setDefault(&e.ID, strconv.Itoa(m.logged))
		m.log = append(m.log, e)
	}
}

var errNotLetIn = &Error{Code: Unauthenticated, Said: "the name or the password is wrong"}

// Authenticate implements [Backend].
func (b *Memory) Authenticate(_ context.Context, c Credentials) (User, error) {
	given := sha256.Sum256([]byte(c.Password))
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.users[c.Name]
	known := u != nil
	if !known {
		u = &memoryUser{}
	}
	same := subtle.ConstantTimeCompare(given[:], u.password[:]) == 1
	if !known || !same || !u.Enabled || c.Token != "" {
		return User{}, errNotLetIn
	}
	return User{Name: u.Name, Role: u.Role, Proof: u.stamp}, nil
}

// Valid implements [Backend].
func (b *Memory) Valid(u User) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.users[u.Name]; now == nil || !now.Enabled || now.Role != u.Role || now.stamp != u.Proof {
		return errNotLetIn
	}
	return nil
}

// Machines implements [Backend].
func (b *Memory) Machines(context.Context, User) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids, nil
}

// with calls fn with a machine.
func (b *Memory) with(id string, fn func(*memoryMachine) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.machines[id]
	if m == nil {
		return &Error{Code: NotFound, Said: "there is no such machine"}
	}
	return fn(m)
}

// Machine implements [Backend].
func (b *Memory) Machine(_ context.Context, _ User, id string) (out Machine, err error) {
	err = b.with(id, func(m *memoryMachine) error {
		out = m.Machine
		out.Media = slices.Clone(m.Media)
		return nil
	})
	return out, err
}

// Reset implements [Backend].
func (b *Memory) Reset(ctx context.Context, _ User, id string, how ResetType) error {
	if b.Slow > 0 {
		select {
		case <-time.After(b.Slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var to PowerState
	err := b.with(id, func(m *memoryMachine) error {
		if !slices.Contains(m.Resets, how) {
			return &Error{Code: Unable, Said: "the machine cannot do that"}
		}
		was := m.Power
		switch how {
		case ForceOff, GracefulShutdown:
			m.Power = PowerOff
		case ResetOn, ForceOn, ForceRestart, GracefulRestart, PowerCycle:
			m.Power = PowerOn
			if !m.boot.Continuous {
				m.boot.Source = BootNone
			}
		case PushPowerButton:
			m.Power = map[bool]PowerState{true: PowerOff, false: PowerOn}[m.Power == PowerOn]
		case Nmi:
		}
		if m.Power != was {
			to = m.Power
		}
		return nil
	})
	if to != "" && b.Changed != nil {
		b.Changed(id, to)
	}
	return err
}

// ResetManager implements [ManagerResetter]: it is back at once.
func (b *Memory) ResetManager(_ context.Context, _ User, id string) error {
	return b.with(id, func(*memoryMachine) error { return nil })
}

// SetIndicator implements [Backend].
func (b *Memory) SetIndicator(_ context.Context, _ User, id string, lit bool) error {
	return b.with(id, func(m *memoryMachine) error {
		m.Indicator = map[bool]Indicator{true: Lit, false: Dark}[lit]
		return nil
	})
}

// Boot implements [Backend].
func (b *Memory) Boot(_ context.Context, _ User, id string) (out Boot, err error) {
	err = b.with(id, func(m *memoryMachine) error { out = m.boot; return nil })
	return out, err
}

// SetBoot implements [Backend].
func (b *Memory) SetBoot(_ context.Context, _ User, id string, boot Boot) error {
	return b.with(id, func(m *memoryMachine) error { m.boot = boot; return nil })
}

// Readings implements [Backend].
func (b *Memory) Readings(_ context.Context, _ User, id string) (out []Reading, err error) {
	err = b.with(id, func(m *memoryMachine) error { out = slices.Clone(m.readings); return nil })
	return out, err
}

// Log implements [Backend].
func (b *Memory) Log(_ context.Context, _ User, id string) (out []LogEntry, err error) {
	err = b.with(id, func(m *memoryMachine) error { out = slices.Clone(m.log); return nil })
	return out, err
}

// ClearLog implements [Backend].
func (b *Memory) ClearLog(_ context.Context, _ User, id string) error {
	return b.with(id, func(m *memoryMachine) error { m.log = nil; return nil })
}

// SetMedium implements [Backend].
func (b *Memory) SetMedium(_ context.Context, _ User, id string, one Medium) error {
	return b.with(id, func(m *memoryMachine) error {
		i := slices.IndexFunc(m.Media, func(o Medium) bool { return o.ID == one.ID })
		if i < 0 {
			return &Error{Code: NotFound, Said: "there is no such medium"}
		}
		m.Media = slices.Clone(m.Media)
		m.Media[i] = one
		return nil
	})
}

// Accounts implements [AccountKeeper].
func (b *Memory) Accounts(context.Context, User) ([]Account, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Account
	for _, u := range b.users {
		list = append(list, u.Account)
	}
	return list, nil
}

// AddAccount implements [AccountKeeper].
func (b *Memory) AddAccount(_ context.Context, _ User, a Account, password string) error {
	if a.Name == "" || password == "" {
		return &Error{Code: Invalid, Said: "a user needs a name and a password"}
	}
	b.mu.Lock()
	taken := b.users[a.Name] != nil
	b.mu.Unlock()
	if taken {
		return &Error{Code: Exists, Said: "there is such a user already"}
	}
	b.SetUser(a, password)
	return nil
}

var errNoAccount = errors.New("there is no such user")

// ChangeAccount implements [AccountKeeper].
func (b *Memory) ChangeAccount(_ context.Context, _ User, name string, c AccountChange) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.users[name]
	if u == nil {
		return &Error{Code: NotFound, Err: errNoAccount}
	}
	changed := *u
	if c.Password != nil {
		changed.password = sha256.Sum256([]byte(*c.Password))
		changed.stamp++
	}
	if c.Role != nil {
		changed.Role = *c.Role
	}
	if c.Enabled != nil {
		changed.Enabled = *c.Enabled
	}
	b.users[name] = &changed
	return nil
}

// RemoveAccount implements [AccountKeeper].
func (b *Memory) RemoveAccount(_ context.Context, _ User, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users[name] == nil {
		return &Error{Code: NotFound, Err: errNoAccount}
	}
	delete(b.users, name)
	return nil
}

var (
	_ Backend       = (*Memory)(nil)
	_ AccountKeeper = (*Memory)(nil)

	_ ManagerResetter = (*Memory)(nil)
)
