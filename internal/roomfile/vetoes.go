package roomfile

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// secrets takes the part that says where the encrypted store is.
func (l *loader) secrets(v *value) {
	var part secretsPart
	l.decode(v, &part)
	if part.Identity != "" && part.Key != "" {
		l.fail(v.get("key").at, "a store is locked to an age identity or has a key file, not both")
	}
	if len(part.Recipients) > 0 && part.Identity == "" {
		l.fail(v.get("recipients").at, "recipients are for a store that is locked to an age identity; say which: identity: FILE")
	}
	l.draft.Settings.Secrets = room.Secrets{File: part.File, Key: part.Key, Identity: part.Identity, Recipients: part.Recipients}
}

// What a hook is, unless its entry says otherwise.
const (
	vetoTimeout    = 10 * time.Second
	maxVetoTimeout = 5 * time.Minute
)

// vetoOps is what a hook is asked about, unless its entry says otherwise: whatever
// takes power.
func vetoOps() []room.Op { return []room.Op{room.Off, room.Cycle, room.Reset} }

// veto takes one entry of `vetoes:`.
func (l *loader) veto(f field) {
	l.plainName(f, "veto")
	part := vetoPart{Timeout: vetoTimeout}
	l.decode(f.value, &part)
	d := room.DraftVeto{Veto: room.Veto{
		Name: f.key, Argv: part.Exec, URL: part.HTTP, CA: part.CA, Insecure: part.Insecure, Bearer: part.Bearer.String(),
		Ops: l.vetoOps(f.value.get("ops"), part.Ops), Timeout: part.Timeout, FailOpen: part.OnFailure == "allow",
	}}
	source := entrySource{at: f.at, value: f.value}
	if nodes := f.value.get("nodes"); nodes != nil {
		source.members = l.members(nodes, part.Nodes)
		d.Members = source.members.names
		if len(d.Members) == 0 {
			l.fail(nodes.at, "no node is named; leave nodes: out to mean all")
		}
	}
	if part.Timeout <= 0 || part.Timeout > maxVetoTimeout {
		l.fail(f.value.get("timeout").at, "a veto's time to answer is more than nothing and at most 5m")
	}
	l.vetoWay(f, part, &d.Veto)
	l.draft.Vetoes = append(l.draft.Vetoes, d)
	l.vetoes = append(l.vetoes, source)
}

// vetoOps reads the operations that a hook is asked about.
func (l *loader) vetoOps(v *value, names []string) []room.Op {
	if v == nil {
		return vetoOps()
	}
	var ops []room.Op
	for i, name := range names {
		op, known := room.ParseOp(name)
		switch {
		case !known || !op.Changes():
			l.fail(v.item(i), "%q is nothing that a veto is asked about; there are on, off, cycle, reset, beacon-on, beacon-off", name)
		case !slices.Contains(ops, op):
			ops = append(ops, op)
		}
	}
	if len(names) == 0 {
		l.fail(v.at, "no operation is named; leave ops: out to mean off, cycle and reset")
	}
	slices.Sort(ops)
	return ops
}

// vetoWay checks how a hook is reached.
func (l *loader) vetoWay(f field, part vetoPart, v *room.Veto) {
	at := func(key string) place { return f.value.get(key).at }
	has := func(key string) bool { return f.value.get(key) != nil }
	switch {
	case has("exec") == has("http"):
		l.fail(f.at, "a veto is a program (exec: [PATH, …]) or an address (http: https://…), one of the two")
		return
	case has("exec"):
		if len(part.Exec) == 0 || part.Exec[0] == "" {
			l.fail(at("exec"), "the program is missing here")
		}
		for _, key := range []string{"bearer", "ca", "pin", "insecure"} {
			if has(key) {
				l.fail(at(key), "%s is for vetoes that are asked by http", key)
			}
		}
		return
	}
	u, err := url.Parse(part.HTTP)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		l.fail(at("http"), "this is no address such as https://host:port/path")
		return
	case u.User != nil:
		l.fail(at("http"), "no name or password stands in an address; for a token there is bearer:")
	case u.Scheme == "http" && !loopback(u.Hostname()) && has("bearer"):
		l.fail(at("bearer"), "a token is not sent over plain http to another machine; use https")
	}
	if u.Scheme == "http" {
		for _, key := range []string{"ca", "pin", "insecure"} {
			if has(key) {
				l.fail(at(key), "%s is for https", key)
			}
		}
	}
	if part.Insecure && (part.CA != "" || len(part.Pin) > 0) {
		l.fail(at("insecure"), "insecure trusts anybody: it cannot stand beside ca or pin")
	}
	for i, pin := range part.Pin {
		digits, err := transport.ParsePin(pin)
		if err != nil {
			l.fail(f.value.get("pin").item(i), "%s", err)
		}
		v.Pins = append(v.Pins, digits)
	}
}

// loopback says whether a host is this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// SecretsOf reads only where a room says that its store of secrets is, so that a
// room with mistakes elsewhere, or one that is not written yet, can be given its
// secrets. An error is [Problems] of files that cannot be read, or of that part.
func SecretsOf(ctx context.Context, path string, o Options) (room.Secrets, error) {
	l := newLoader(ctx, o)
	l.start(path)
	for _, p := range l.parts {
		if p.doc == nil {
			continue
		}
		for _, f := range p.doc.fields {
			if f.key == "secrets" && l.onlyOnce(f) {
				l.secrets(f.value)
			}
		}
	}
	if len(l.problems) > 0 {
		return room.Secrets{}, l.problems.sorted()
	}
	return l.draft.Settings.Secrets, ctx.Err()
}
