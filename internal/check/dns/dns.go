// Package dns checks what a name server answers (RFC 1035): that a name has a record of
// some type, and that the records are those that are expected.
//
// It is a check of the name server if `resolver` is the node: then silence and a server's
// failure are bad. Else it is a check of a name, and a resolver that is silent or fails
// leaves it unknown, because it says nothing of the node. That there is no such name or
// record, or another one than expected, is bad both ways.
//
// Start at [Settings]; wire.go asks.
package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/placeholder"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "dns",
		Summary: "a name server's answer is as expected",
		New:     func() check.Settings { return &Settings{Resolver: "{address}", Type: "A"} },
	}
}

// Settings of one check.
type Settings struct {
	Resolver string   `yaml:"resolver" default:"{address}" doc:"the name server to ask, as host or host:port"`
	Name     string   `yaml:"name" required:"true" doc:"the name to look up, whole; for PTR an address will do"`
	Type     string   `yaml:"type" enum:"A,AAAA,CNAME,MX,NS,PTR,SRV,TXT" default:"A" doc:"the type of record"`
	Expected []string `yaml:"expected" doc:"records that must all be there: addresses, names, 10 mail.example.org for MX, 0 5 443 www.example.org for SRV; without it any will do"`
	Only     bool     `yaml:"only" default:"no" doc:"there may be no records but those that are expected"`
}

// types are the values of Type.
var types = map[string]dnsmessage.Type{
	"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "CNAME": dnsmessage.TypeCNAME, "MX": dnsmessage.TypeMX,
	"NS": dnsmessage.TypeNS, "PTR": dnsmessage.TypePTR, "SRV": dnsmessage.TypeSRV, "TXT": dnsmessage.TypeTXT,
}

// maxExpected bounds the records that are compared.
const maxExpected = 64

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	if _, known := types[s.Type]; !known {
		return nil, check.Field("type", "it is one of A, AAAA, CNAME, MX, NS, PTR, SRV and TXT")
	}
	switch {
	case s.Resolver == "":
		return nil, check.Field("resolver", "it is empty")
	case s.Name == "":
		return nil, check.Field("name", "it is empty")
	case s.Only && len(s.Expected) == 0:
		return nil, check.Field("only", "nothing is expected")
	case len(s.Expected) > maxExpected:
		return nil, check.Field("expected", "at most %d", maxExpected)
	}
	c := &asker{Settings: *s, own: placeholder.In(s.Resolver)}
	if _, err := c.question(check.Example()); err != nil {
		return nil, check.Field("name", "%w", err)
	}
	return c, nil
}

// asker is the check.
type asker struct {
	Settings
	own bool // it is the node that is asked
}

// question gives what to ask about a node.
func (c *asker) question(env *check.Env) (dnsmessage.Question, error) {
	text := env.Fill(c.Name)
	if c.Type == "PTR" {
		if a, err := netip.ParseAddr(text); err == nil {
			text = reverse(a.Unmap())
		}
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(text, ".") + ".")
	if err != nil {
		return dnsmessage.Question{}, fmt.Errorf("%q is no name", text)
	}
	return dnsmessage.Question{Name: name, Type: types[c.Type], Class: dnsmessage.ClassINET}, nil
}

// reverse gives the name under which an address is found (RFC 1035, section 3.5; RFC
// 3596, section 2.5).
func reverse(a netip.Addr) string {
	var labels []string
	if a.Is4() {
		for _, b := range a.As4() {
			labels = append(labels, fmt.Sprint(b))
		}
		slices.Reverse(labels)
		return strings.Join(labels, ".") + ".in-addr.arpa"
	}
	for _, b := range a.As16() {
		labels = append(labels, fmt.Sprintf("%x", b>>4), fmt.Sprintf("%x", b&15))
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".") + ".ip6.arpa"
}

// Run implements [check.Check].
func (c *asker) Run(ctx context.Context, env check.Env) check.Result {
	q, err := c.question(&env)
	if err != nil {
		return check.Unclear(err.Error())
	}
	server := env.Fill(c.Resolver)
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), "53")
	}
	start := time.Now()
	answer, err := ask(ctx, env.DialContext, server, q)
	took := time.Since(start)
	if err != nil {
		return c.resolverFails(check.Unreached(ctx, "resolver "+server, err))
	}
	shown := fmt.Sprintf("%s %s", strings.TrimSuffix(q.Name.String(), "."), c.Type)
	switch answer.code {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return check.Wrong(fmt.Sprintf("%s: %s knows no such name", shown, server))
	default:
		return c.resolverFails(check.Wrong(fmt.Sprintf("%s: %s answers %s", shown, server, strings.TrimPrefix(answer.code.String(), "RCode"))))
	}
	return c.verdict(&env, shown, answer.records, took)
}

// resolverFails is a result that is the resolver's fault.
func (c *asker) resolverFails(r check.Result) check.Result {
	if !c.own {
		r.Verdict = check.Unknown
	}
	return r
}

// verdict compares the records with those that are expected.
func (c *asker) verdict(env *check.Env, shown string, found []string, took time.Duration) check.Result {
	if len(found) == 0 {
		return check.Wrong(shown + ": there is no such record")
	}
	list := strings.Join(found[:min(len(found), 4)], ", ")
	if len(found) > 4 {
		list += fmt.Sprintf(" and %d more", len(found)-4)
	}
	for _, text := range c.Expected {
		if want := c.plain(env.Fill(text)); !slices.Contains(found, want) {
			return check.Wrong(fmt.Sprintf("%s is %s, without %s", shown, list, want))
		}
	}
	if c.Only && len(found) > len(c.Expected) {
		return check.Wrong(fmt.Sprintf("%s is %s, more than is expected", shown, list))
	}
	return check.Good(fmt.Sprintf("%s is %s, in %s", shown, list, check.Took(took)), took)
}

// plain writes a record as records does.
func (c *asker) plain(text string) string {
	if c.Type == "TXT" {
		return text
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return a.String()
	}
	return strings.ToLower(strings.TrimSuffix(strings.Join(strings.Fields(text), " "), "."))
}
