package snmp

import (
	"bytes"
	"errors"
	"time"

	"github.com/gosnmp/gosnmp"
)

// usm is the codec of version 3 with its user-based security (RFC 3414). Before it
// can be used, [client.discover] has to find out which engine it speaks to.
type usm struct {
	params  *gosnmp.UsmSecurityParameters
	level   gosnmp.SnmpV3MsgFlags
	context string

	engine      string
	boots, time uint32    // as the engine has last said
	at          time.Time // when it said so
}

// loginError is an engine that does not let us in.
type loginError struct{ said string }

func (e *loginError) Error() string { return e.said }

// timeWindow is how far an engine's time may be from what we think (RFC 3414, 2.2.3).
const timeWindow = 150

// An engine's name has 5 to 32 bytes (RFC 3411, section 5).
const minEngine, maxEngine = 5, 32

// encode implements [codec]. Without an engine it is the question for one.
func (u *usm) encode(q *question) ([]byte, error) {
	p := &gosnmp.SnmpPacket{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: gosnmp.Reportable,
		SecurityParameters: &gosnmp.UsmSecurityParameters{},
		MsgID:              q.id, RequestID: q.id, MsgMaxSize: maxMessage, PDUType: q.kind,
		Variables: q.vars, NonRepeaters: q.nonRepeaters, MaxRepetitions: q.repetitions,
	}
	if u.engine == "" {
		p.PDUType, p.Variables = gosnmp.GetRequest, nil
		return p.MarshalMsg()
	}
	u.params.AuthoritativeEngineBoots, u.params.AuthoritativeEngineTime = u.boots, u.now()
	p.MsgFlags |= u.level
	p.SecurityParameters, p.ContextEngineID, p.ContextName = u.params, u.engine, u.context
	if u.level == gosnmp.AuthPriv {
		if err := u.params.InitPacket(p); err != nil { // a salt that was not used yet
			return nil, err
		}
	}
	return p.MarshalMsg()
}

// now is what time the engine has.
func (u *usm) now() uint32 { return u.time + uint32(time.Since(u.at)/time.Second) }

// heed notes what time the engine says it has.
func (u *usm) heed(sp *gosnmp.UsmSecurityParameters) {
	u.boots, u.time, u.at = sp.AuthoritativeEngineBoots, sp.AuthoritativeEngineTime, time.Now()
}

// decode implements [codec]: only what the engine itself has signed, in time, is an
// answer. Unsigned reports say why it gives none; they can be false, so they end a
// question and change nothing.
func (u *usm) decode(msg []byte, q *question) (*gosnmp.SnmpPacket, error) {
	if u.engine == "" {
		return nil, u.meet(msg, q)
	}
	x := gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		MsgFlags: u.level | gosnmp.Reportable, SecurityParameters: u.params,
	}
	// Checking the signature blanks it out, so it has a copy.
	p, err := x.UnmarshalTrap(bytes.Clone(msg), false)
	if err != nil || p.Version != gosnmp.Version3 || p.MsgID != q.id || !u.secure(p) {
		return nil, u.unsigned(msg, q)
	}
	sp, ok := p.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok || sp.AuthoritativeEngineID != u.engine {
		return nil, errNoise
	}
	if p.PDUType == gosnmp.Report {
		if u.level != gosnmp.NoAuthNoPriv && reported(p) == notInTimeWindows {
			u.heed(sp)
		}
		return nil, u.report(p)
	}
	if u.level != gosnmp.NoAuthNoPriv && u.stale(sp) {
		return nil, errNoise
	}
	return p, nil
}

// secure says whether a message is as secure as it has to be. Reports need no privacy:
// an engine that is asked at the wrong time signs its report and no more.
func (u *usm) secure(p *gosnmp.SnmpPacket) bool {
	need := u.level
	if p.PDUType == gosnmp.Report {
		need &= gosnmp.AuthNoPriv
	}
	return p.MsgFlags&need == need
}

// stale says whether a message is an old one that somebody plays again. What is
// newer than we thought is what time it is.
func (u *usm) stale(sp *gosnmp.UsmSecurityParameters) bool {
	switch now := u.now(); {
	case sp.AuthoritativeEngineBoots < u.boots,
		sp.AuthoritativeEngineBoots == u.boots && int64(sp.AuthoritativeEngineTime) < int64(now)-timeWindow:
		return true
	case sp.AuthoritativeEngineBoots > u.boots || sp.AuthoritativeEngineTime > now:
		u.heed(sp)
	}
	return false
}

// meet takes the engine's name out of the report that answers the question for it.
func (u *usm) meet(msg []byte, q *question) error {
	p := report(msg, q)
	if p == nil {
		return errNoise
	}
	sp, ok := p.SecurityParameters.(*gosnmp.UsmSecurityParameters)
	if !ok || len(sp.AuthoritativeEngineID) < minEngine || len(sp.AuthoritativeEngineID) > maxEngine {
		return errNoise
	}
	u.engine = sp.AuthoritativeEngineID
	u.heed(sp)
	u.params.AuthoritativeEngineID = u.engine
	u.params.SecretKey, u.params.PrivacyKey = nil, nil
	if err := u.params.InitSecurityKeys(); err != nil {
		return &loginError{err.Error()}
	}
	// Encoding something by the library's own way is what makes it choose the salt
	// that later messages count up from.
	x := gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		MsgFlags: u.level, SecurityParameters: u.params, ContextEngineID: u.engine,
	}
	if _, err := x.SnmpEncodePacket(gosnmp.GetRequest, nil, 0, 0); err != nil {
		return &loginError{err.Error()}
	}
	return errMet
}

// errMet says that the engine is known now.
var errMet = errors.New("the engine has said who it is")

// unsigned looks at a message that nobody vouches for.
func (u *usm) unsigned(msg []byte, q *question) error {
	p := report(msg, q)
	if p == nil {
		return errNoise
	}
	return u.report(p)
}

// report reads a message as an unsigned report to a question; nil if it is none.
func report(msg []byte, q *question) *gosnmp.SnmpPacket {
	x := gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel,
		SecurityParameters: &gosnmp.UsmSecurityParameters{UserName: "nobody"},
	}
	p, err := x.SnmpDecodePacket(bytes.Clone(msg))
	if err != nil || p.Version != gosnmp.Version3 || p.PDUType != gosnmp.Report || p.MsgID != q.id || len(p.Variables) != 1 {
		return nil
	}
	return p
}

// What reports are about (RFC 3414, section 5): usmStats.
const (
	usmStats            = ".1.3.6.1.6.3.15.1.1."
	unsupportedSecLevel = usmStats + "1.0"
	notInTimeWindows    = usmStats + "2.0"
	unknownUserNames    = usmStats + "3.0"
	unknownEngineIDs    = usmStats + "4.0"
	wrongDigests        = usmStats + "5.0"
	decryptionErrors    = usmStats + "6.0"
)

func reported(p *gosnmp.SnmpPacket) string {
	if len(p.Variables) != 1 {
		return ""
	}
	return p.Variables[0].Name
}

// report says what a report means for the question.
func (u *usm) report(p *gosnmp.SnmpPacket) error {
	switch reported(p) {
	case notInTimeWindows:
		return errResync
	case unknownEngineIDs: // another device, or one that was reset: it has to be met anew
		return &lostError{errors.New("another engine answers at the address now")}
	case unknownUserNames:
		return &loginError{"the device knows no such user"}
	case wrongDigests:
		return &loginError{"the password is wrong, or the device uses another authentication protocol"}
	case decryptionErrors:
		return &loginError{"the passphrase for privacy is wrong, or the device uses another privacy protocol"}
	case unsupportedSecLevel:
		return &loginError{"the device does not offer this user such security (auth, privacy)"}
	}
	return errNoise
}

var _ codec = (*usm)(nil)
