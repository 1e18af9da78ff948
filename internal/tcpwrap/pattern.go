package tcpwrap

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// client is somebody who wants in.
type client struct {
	addr netip.Addr
	// name gives the verified host name; "unknown" if there is none, "paranoid"
	// if it does not lead back to the address.
	name func() string
}

const (
	unknown  = "unknown"
	paranoid = "paranoid"
)

// list is a list of patterns, with an optional EXCEPT list.
type list[P any] struct {
	any    []P
	except *list[P]
}

func (l *list[P]) matches(one func(P) bool) bool {
	for _, p := range l.any {
		if one(p) {
			return l.except == nil || !l.except.matches(one)
		}
	}
	return false
}

// words splits a list as hosts_access(5) has it and makes patterns of the words.
func words[P any](text string, pattern func(string) (P, error)) (*list[P], error) {
	l := &list[P]{}
	fields := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	for i, w := range fields {
		if strings.EqualFold(w, "EXCEPT") {
			rest, err := words(strings.Join(fields[i+1:], " "), pattern)
			l.except = rest
			return l, err
		}
		p, err := pattern(w)
		if err != nil {
			return nil, err
		}
		l.any = append(l.any, p)
	}
	return l, nil
}

// hostPattern tells whether a client is meant.
type hostPattern func(*client) bool

// reader reads words of client lists, and remembers the files that they name.
type reader struct{ files []string }

// host reads one word of a client list.
func (r *reader) host(word string) (hostPattern, error) {
	user, host, found := strings.Cut(word, "@")
	switch {
	case found && user == "":
		return nil, fmt.Errorf("%q: NIS netgroups are not supported", word)
	case found && !strings.EqualFold(user, "ALL"):
		return nil, fmt.Errorf("%q: client user names are not supported", word)
	case found:
		word = host
	}
	switch {
	case word == "":
		return nil, fmt.Errorf("a pattern is empty")
	case word[0] == '/':
		return r.file(word)
	case strings.ContainsRune(word, '/') || word[0] == '[':
		return parseNet(word)
	}
	switch strings.ToUpper(word) {
	case "LOCAL":
		return func(c *client) bool { n := c.name(); return known(n) && !strings.Contains(n, ".") }, nil
	case "KNOWN":
		return func(c *client) bool { return known(c.name()) }, nil
	case "UNKNOWN":
		return func(c *client) bool { return !known(c.name()) }, nil
	case "PARANOID":
		return func(c *client) bool { return c.name() == paranoid }, nil
	}
	text := parseText(word)
	return func(c *client) bool { return text(c.addr.String()) || text(c.name()) }, nil
}

func known(name string) bool { return name != unknown && name != paranoid }

// parseText reads a word that is matched against a text: a daemon's name, a
// host's name or its address.
func parseText(word string) func(string) bool {
	word = strings.ToLower(word)
	match := func(text string) bool { return text == word }
	switch {
	case word == "all":
		return func(string) bool { return true }
	case strings.ContainsAny(word, "*?"):
		glob := strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(word)
		match = func(text string) bool { ok, err := path.Match(glob, text); return ok && err == nil }
	case word[0] == '.':
		match = func(text string) bool { return len(text) > len(word) && strings.HasSuffix(text, word) }
	case strings.HasSuffix(word, "."):
		match = func(text string) bool { return strings.HasPrefix(text, word) }
	}
	return func(text string) bool { return match(strings.ToLower(text)) }
}

// parseNet reads net/mask, net/length and [net]/length.
func parseNet(word string) (hostPattern, error) {
	net, mask, masked := strings.Cut(word, "/")
	literal, bracketed := strings.CutPrefix(net, "[")
	if bracketed {
		var closed bool
		if literal, closed = strings.CutSuffix(literal, "]"); !closed {
			return nil, fmt.Errorf("%q: a bracket is not closed", word)
		}
	}
	addr, err := netip.ParseAddr(literal)
	if err != nil || addr.Is4() == bracketed || addr.Zone() != "" {
		return nil, fmt.Errorf("%q is not a network: write n.n.n.n/length, n.n.n.n/mask or [n:n:...]/length", word)
	}
	bits := addr.BitLen()
	if masked {
		if bits, err = maskBits(mask, addr); err != nil {
			return nil, fmt.Errorf("%q: %w", word, err)
		}
	}
	if bits == 0 && addr.Is4() { // never matches in TCP wrappers; surely not what is meant
		return nil, fmt.Errorf("%q: write ALL", word)
	}
	prefix := netip.PrefixFrom(addr, bits)
	if prefix.Masked() != prefix {
		return nil, fmt.Errorf("%q: the network has bits outside of its mask, so nothing would match", word)
	}
	return func(c *client) bool { return prefix.Contains(c.addr) }, nil
}

// maskBits reads "24" or "255.255.255.0".
func maskBits(mask string, net netip.Addr) (int, error) {
	if n, err := strconv.ParseUint(mask, 10, 8); err == nil && int(n) <= net.BitLen() {
		return int(n), nil
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() || !net.Is4() {
		return 0, fmt.Errorf("%q is not a mask", mask)
	}
	b := m.As4()
	word := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	bits := 0
	for ; word&(1<<31) != 0; word <<= 1 {
		bits++
	}
	if word != 0 {
		return 0, fmt.Errorf("%q is a mask with holes, which is not supported", mask)
	}
	return bits, nil
}

// maxFile bounds each file that is read, in bytes.
const maxFile = 1 << 20

// file makes a pattern of a file that holds patterns.
func (r *reader) file(name string) (hostPattern, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, err
	}
	r.files = append(r.files, name)
	var patterns []hostPattern
	for _, w := range bytes.Fields(text) {
		if w[0] == '/' {
			return nil, fmt.Errorf("%s: a file of patterns in a file of patterns (%q) is not supported", name, w)
		}
		p, err := r.host(string(w))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		patterns = append(patterns, p)
	}
	return func(c *client) bool {
		return slices.ContainsFunc(patterns, func(p hostPattern) bool { return p(c) })
	}, nil
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, maxFile)
	}
	return os.ReadFile(name)
}

// resolver is the part of *net.Resolver that is needed.
type resolver interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// nameOf looks a client's name up, and checks that the name leads back: whoever
// owns an address can give it any name.
func nameOf(ctx context.Context, r resolver, addr netip.Addr) string {
	names, err := r.LookupAddr(ctx, addr.String())
	if err != nil || len(names) == 0 {
		return unknown
	}
	name := strings.TrimSuffix(names[0], ".")
	back, err := r.LookupHost(ctx, name)
	if err != nil {
		return paranoid
	}
	for _, text := range back {
		if a, err := netip.ParseAddr(text); err == nil && a.Unmap() == addr {
			return name
		}
	}
	return paranoid
}
