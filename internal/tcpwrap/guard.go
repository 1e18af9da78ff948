package tcpwrap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// Options say where the tables are. The zero value is the system's.
type Options struct {
	AllowFile string // default /etc/hosts.allow; it need not exist
	DenyFile  string // default /etc/hosts.deny; it need not exist
	Log       *slog.Logger
}

// Guard answers who may come in. Its methods may be called from many goroutines.
type Guard struct {
	daemon string
	files  [2]string // allow, deny
	log    *slog.Logger
	dns    resolver

	mu    sync.Mutex
	rules []rule
	named []string // files that the tables name
	seen  []stamp
}

// stamp tells one content of a file from another, well enough.
type stamp struct {
	size     int64
	modified time.Time
}

// lookupTime bounds the look-up of a client's name.
const lookupTime = 5 * time.Second

// Open reads the tables for the daemon of that name. The error names all that is
// wrong with them, each with file and line (see [Error]).
func Open(daemon string, o Options) (*Guard, error) {
	g := &Guard{daemon: daemon, files: [2]string{o.AllowFile, o.DenyFile}, log: o.Log, dns: net.DefaultResolver}
	if g.files[0] == "" {
		g.files[0] = "/etc/hosts.allow"
	}
	if g.files[1] == "" {
		g.files[1] = "/etc/hosts.deny"
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	rules, named, err := g.read()
	if err != nil {
		return nil, fmt.Errorf("tcpwrappers: %w", err)
	}
	g.rules, g.named = rules, named
	g.seen = g.stamps()
	return g, nil
}

// Allow says whether a client at this address may come in, and by which rule
// ("/etc/hosts.deny:3"), "" if none matched. Changed tables are read first; if they
// are broken now, the old ones stay in force. It may look the client's name up.
func (g *Guard) Allow(ctx context.Context, from netip.Addr) (allowed bool, by string) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	from = from.Unmap().WithZone("")
	c := &client{addr: from, name: sync.OnceValue(func() string { return nameOf(ctx, g.dns, from) })}
	for _, r := range g.current() {
		if r.clients.matches(func(p hostPattern) bool { return p(c) }) {
			return r.allow, fmt.Sprintf("%s:%d", r.file, r.line)
		}
	}
	return true, ""
}

func (g *Guard) current() []rule {
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.Equal(g.stamps(), g.seen) {
		return g.rules
	}
	rules, named, err := g.read()
	if err != nil {
		g.log.Error("the new tables of tcpwrappers are not used, the old ones stay", "problems", err)
	} else {
		g.rules, g.named = rules, named
	}
	g.seen = g.stamps()
	return g.rules
}

func (g *Guard) stamps() []stamp {
	s := make([]stamp, 0, 2+len(g.named))
	for _, name := range slices.Concat(g.files[:], g.named) {
		one := stamp{size: -1}
		if info, err := os.Stat(name); err == nil {
			one = stamp{info.Size(), info.ModTime()}
		}
		s = append(s, one)
	}
	return s
}

// read gives the rules of both tables in the order in which they are tried, and
// the files that they name.
func (g *Guard) read() ([]rule, []string, error) {
	var r reader
	var all []rule
	var errs []error
	for i, name := range g.files {
		text, err := readFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var rules []rule
		if err == nil {
			rules, err = r.parse(name, string(text), g.daemon, i == 0)
		}
		errs = append(errs, err)
		all = append(all, rules...)
	}
	return all, r.files, errors.Join(errs...)
}
