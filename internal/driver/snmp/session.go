package snmp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unique"

	"github.com/gosnmp/gosnmp"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// session is a conversation with one agent. It holds a socket and no goroutine.
type session struct {
	*Settings
	reader
	env     driver.Env
	profile *profile.Profile
	states  []string // beside env.Plugs: the object that holds the state; empty if there is no such outlet
	masker  *secret.Masker
	lacks   map[string]bool // objects that are measured, and that the device has not
}

// Objects that every agent has (RFC 3418).
const (
	sysObjectID = ".1.3.6.1.2.1.1.2.0"
	sysUpTime   = ".1.3.6.1.2.1.1.3.0"
)

// Open implements [driver.Settings].
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSilent)
	defer cancel()
	phase := driver.Connecting
	fail := func(err error) (driver.Session, error) {
		return nil, &driver.Fault{Phase: phase, Device: env.Device, Err: err}
	}
	codec, err := s.newCodec(env.Credential)
	if err != nil {
		return fail(err)
	}
	conn, err := env.DialContext(ctx, s.network, s.to)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fail(err)
	}
	o := &session{Settings: s, env: env, reader: reader{
		client: &client{conn: conn, stream: s.network == "tcp", codec: codec, wait: s.RetryAfter, tries: s.Retries + 1},
		bulk:   s.Version != "1" && s.MaxRepetitions > 0, repetitions: s.MaxRepetitions,
	}}
	err = o.login(ctx, func() {
		phase = driver.LoggingIn
		env.Reached()
	})
	if err != nil {
		_ = conn.Close()
		return fail(s.explain(err))
	}
	env.Acted()
	return o, nil
}

// explain adds to an error of logging in what a user can do about it.
func (s *Settings) explain(err error) error {
	if s.Version != version3 && (errors.Is(err, errSilent) || errors.Is(err, errNoise)) {
		return fmt.Errorf("%w from %s: nobody is there, it does not speak version %s, or the community is wrong (agents do not answer those who have a wrong one)", err, s.to, s.Version)
	}
	return fmt.Errorf("%s: %w", s.to, err)
}

// maxCommunity is what the codec can write down, in bytes.
const maxCommunity = 127

// newCodec makes the codec that the settings ask for.
func (s *Settings) newCodec(who secret.Resolved) (codec, error) {
	password, other := who.Get(secret.Password).Reveal(), who.Get(secret.Passphrase).Reveal()
	if other == "" {
		other = password
	}
	if s.Version != version3 {
		if len(password) > maxCommunity || len(other) > maxCommunity {
			return nil, fmt.Errorf("a community has at most %d bytes", maxCommunity)
		}
		version := gosnmp.Version2c
		if s.Version == "1" {
			version = gosnmp.Version1
		}
		return &plain{version: version, read: other, write: password}, nil
	}
	if who.User == "" {
		return nil, errors.New("version 3 needs a user, and the credential names none")
	}
	u := &usm{context: s.Context, params: &gosnmp.UsmSecurityParameters{UserName: who.User}}
	if s.Auth != none {
		u.level = gosnmp.AuthNoPriv
		u.params.AuthenticationProtocol, u.params.AuthenticationPassphrase = authProtocol(s.Auth), password
	}
	if s.Auth != none && s.Privacy != none {
		u.level = gosnmp.AuthPriv
		u.params.PrivacyProtocol, u.params.PrivacyPassphrase = privacyProtocol(s.Privacy), other
	}
	if u.level != gosnmp.NoAuthNoPriv && (len(password) < minPassphrase || len(other) < minPassphrase) {
		return nil, fmt.Errorf("version 3 wants passwords of at least %d bytes", minPassphrase)
	}
	return u, nil
}

// minPassphrase is the least that agents take (RFC 3414, section 11.2).
const minPassphrase = 8

func authProtocol(name string) gosnmp.SnmpV3AuthProtocol {
	return map[string]gosnmp.SnmpV3AuthProtocol{
		"md5": gosnmp.MD5, "sha": gosnmp.SHA, "sha224": gosnmp.SHA224, "sha256": gosnmp.SHA256,
		"sha384": gosnmp.SHA384, "sha512": gosnmp.SHA512,
	}[name]
}

func privacyProtocol(name string) gosnmp.SnmpV3PrivProtocol {
	return map[string]gosnmp.SnmpV3PrivProtocol{
		"des": gosnmp.DES, "aes128": gosnmp.AES, "aes192": gosnmp.AES192, "aes256": gosnmp.AES256,
		"aes192c": gosnmp.AES192C, "aes256c": gosnmp.AES256C,
	}[name]
}

// login meets the engine, asks something that every agent answers, and finds the
// profile. It calls reached when the device has answered at all.
func (s *session) login(ctx context.Context, reached func()) error {
	if _, ok := s.codec.(*usm); ok {
		if _, err := s.ask(ctx, &question{kind: gosnmp.GetRequest}); !errors.Is(err, errMet) {
			return err
		}
		reached()
	}
	values, err := s.get(ctx, []string{sysUpTime, sysObjectID}, true)
	if err != nil {
		return err
	}
	if s.Version != version3 {
		reached()
	}
	if s.profile = s.Settings.profile; s.profile == nil {
		if s.profile, err = s.recognise(ctx, values[1].String()); err != nil {
			return err
		}
	}
	s.states = make([]string, len(s.env.Plugs))
	for i := range s.states {
		if at, err := s.place(i); err == nil {
			// A room has many devices of one make, whose objects are the same.
			s.states[i] = unique.Make(s.profile.Of(s.profile.State.Object, at)).Value()
		}
	}
	return nil
}

// place finds the outlet that a plug is.
func (s *session) place(plug int) (profile.Place, error) {
	index := s.profile.Index
	if s.Unit >= 0 {
		index.Unit = s.Unit
	}
	return index.Plug(s.env.Plugs[plug].Name)
}

// of makes the OID of an object of a plug that there is.
func (s *session) of(object string, plug int) string {
	at, _ := s.place(plug)
	return s.profile.Of(object, at)
}

// unit is the place of the device as a whole.
func (s *session) unit() profile.Place {
	if s.Unit >= 0 {
		return profile.Place{Unit: s.Unit}
	}
	return profile.Place{Unit: s.profile.Index.Unit}
}

// recognise finds the profile of a device by what it says it is and by what it has.
func (s *session) recognise(ctx context.Context, id string) (*profile.Profile, error) {
	candidates := profile.Match(id)
	if len(candidates) == 0 {
		for _, name := range profile.Names() {
			if p, ok := profile.Builtin(name); ok {
				candidates = append(candidates, p)
			}
		}
	}
	probes := make([]string, len(candidates))
	for i, p := range candidates {
		probes[i] = p.Fill(p.Probe, profile.Place{Unit: p.Index.Unit})
	}
	found, err := s.get(ctx, probes, true)
	if err != nil {
		return nil, err
	}
	for i, v := range found {
		if v.is() {
			s.env.Log.Debug("the device is known", "profile", candidates[i].Name, "sysobjectid", id)
			return candidates[i], nil
		}
	}
	return nil, fmt.Errorf("none of the profiles fits a device whose sysObjectID is %q; name one in `profile`, or write one", s.clean(id))
}

// mask hides the credential's values in a text. It is made when it is first needed:
// most devices never say anything but numbers.
func (s *session) mask() *secret.Masker {
	if s.masker == nil {
		s.masker = secret.NewMasker(s.env.Credential.Secrets()...)
	}
	return s.masker
}

// maxSaid bounds what is handed on of a device's words, in bytes.
const maxSaid = 200

// clean makes words of the device fit to be shown: masked, one line, bounded.
func (s *session) clean(text string) string {
	text = s.mask().String(strings.TrimSpace(text))
	if len(text) > maxSaid {
		text = text[:maxSaid] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// Do implements [driver.Session]. A batch is one action.
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	if !s.can(b.Op) {
		for _, p := range b.Plugs {
			sink.Failed(p, fmt.Sprintf("a device of profile %s cannot %v", s.profile.Name, b.Op))
		}
		return nil
	}
	start := b.Start
	if start.IsZero() {
		start = time.Now()
	}
	ctx, cancel := context.WithDeadlineCause(ctx, start.Add(s.Timeout), errSilent)
	defer cancel()
	if b.Trace {
		s.trace = func(sent bool, text string) {
			kind := devspec.TraceRecv
			if sent {
				kind = devspec.TraceSend
			}
			sink.Trace(devspec.Trace{Kind: kind, Text: s.mask().String(text) + "\n"})
		}
		defer func() { s.trace = nil }()
	}
	t := &told{session: s, batch: b, sink: sink, plugs: make([]int, 0, len(b.Plugs))}
	for _, p := range b.Plugs {
		if s.states[p] == "" {
			_, err := s.place(p)
			sink.Failed(p, err.Error())
			continue
		}
		t.plugs = append(t.plugs, p)
	}
	switch b.Op {
	case room.Status:
		return t.status(ctx)
	case room.Temp:
		return t.temperature(ctx)
	}
	return t.change(ctx)
}

func (s *session) can(op room.Op) bool {
	for _, v := range verbs(s.profile) {
		if v == op {
			return true
		}
	}
	return false
}

// told carries a batch out and tells a sink of it.
type told struct {
	*session
	batch driver.Batch
	sink  driver.Sink
	plugs []int // those that there are
}

func (t *told) status(ctx context.Context) error {
	values, err := t.get(ctx, t.objects(t.plugs), false)
	if err != nil {
		return t.failed(ctx, t.plugs, err)
	}
	for i, p := range t.plugs {
		switch v := values[i]; {
		case v.kind == absent:
			t.sink.Failed(p, "the device has no such outlet: there is nothing at "+t.states[p])
		case !v.is():
			t.sink.Failed(p, v.text)
		default:
			state, _ := t.read(v)
			t.sink.State(p, state, t.raw(v))
		}
	}
	t.env.Acted()
	return nil
}

// raw is a value as a user may see it.
func (s *session) raw(v value) string {
	if v.kind == number {
		return v.String()
	}
	return s.clean(v.String())
}

// objects gives the objects that hold the states of plugs.
func (s *session) objects(plugs []int) []string {
	list := make([]string, len(plugs))
	for i, p := range plugs {
		list[i] = s.states[p]
	}
	return list
}

// read says what a value of the state means.
func (s *session) read(v value) (state room.State, moving bool) {
	text := v.String()
	switch st := &s.profile.State; {
	case !v.is():
	case st.Moving.Has(text):
		return room.StateUnknown, true
	case st.On.Has(text):
		return room.StateOn, false
	case st.Off.Has(text):
		return room.StateOff, false
	}
	return room.StateUnknown, false
}

func (t *told) temperature(ctx context.Context) error {
	m := t.profile.Temperature
	values, err := t.get(ctx, []string{t.profile.Fill(m.Object, t.unit())}, false)
	if err != nil {
		return t.failed(ctx, t.plugs, err)
	}
	for _, p := range t.plugs {
		if v := values[0]; v.kind == number {
			t.sink.State(p, room.StateUnknown, fmt.Sprintf("%.4g", v.number*m.Scale))
			continue
		}
		t.sink.Failed(p, "the device does not say its temperature")
	}
	t.env.Acted()
	return nil
}

// failed tells of plugs that were being read or switched when something went wrong,
// and gives what Do returns: nil where the conversation can go on.
func (t *told) failed(ctx context.Context, plugs []int, err error) error {
	f := t.fault(err)
	switch {
	case f.Phase == driver.Lost && t.batch.Op.Repeatable():
		return f // the fleet does it again
	case f.Phase != driver.Lost:
		t.sink.Fault(f)
		fallthrough
	default:
		for _, p := range plugs {
			t.sink.Unknown(p, f)
		}
	}
	if givenUp(ctx) {
		return nil
	}
	return f
}

// givenUp says whether it is whoever asked who wants no more, and not the time that
// is over. The device is as it was then, and the conversation can go on.
func givenUp(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return cause != nil && !errors.Is(cause, errSilent)
}

// fault makes a fault of an error.
func (s *session) fault(err error) *driver.Fault {
	f := &driver.Fault{Phase: driver.Acting, Device: s.env.Device, Err: err}
	var lost *lostError
	if errors.As(err, &lost) {
		f.Phase = driver.Lost
	}
	return f
}

// Ping implements [driver.Pinger].
func (s *session) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSilent)
	defer cancel()
	if _, err := s.get(ctx, []string{sysUpTime}, false); err != nil {
		return s.fault(err)
	}
	s.env.Acted()
	return nil
}

// Done implements [driver.Session]: what has no line cannot lose it.
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (s *session) Close() error { return s.conn.Close() }

var (
	_ driver.Session = (*session)(nil)
	_ driver.Pinger  = (*session)(nil)
)
