// Package placeholder puts a node into the settings of controls and checks, which a room
// defines once for many nodes: {node} stands for its name, {address} for its address.
//
// What is put in is escaped for where it goes. Start at [Node].
package placeholder

import (
	"net/netip"
	"net/url"
	"strings"
)

// What stands for the node and its address.
const (
	name    = "{node}"
	address = "{address}"
)

// Node is what is put in.
type Node struct{ Name, Address string }

// In says whether a text has anything in it that a node is put in for.
func In(text string) bool { return strings.Contains(text, name) || strings.Contains(text, address) }

// Fill puts the node into a text as it is.
func (n Node) Fill(text string) string { return n.With(text, func(s string) string { return s }) }

// URL is Fill for a URL: an IPv6 address gets its brackets, and a name what makes it fit
// for a path.
func (n Node) URL(text string) string {
	return n.With(text, func(s string) string {
		if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
			return "[" + strings.Replace(s, "%", "%25", 1) + "]" // RFC 6874
		}
		return url.PathEscape(s)
	})
}

// Shell is Fill for a command that a shell will read: what is put in is quoted.
func (n Node) Shell(text string) string { return n.With(text, Quote) }

// With is Fill with what is put in escaped.
func (n Node) With(text string, escape func(string) string) string {
	if !In(text) {
		return text
	}
	return strings.NewReplacer(name, escape(n.Name), address, escape(n.Address)).Replace(text)
}

// Quote makes one word of a text for a POSIX shell.
func Quote(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:@-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
