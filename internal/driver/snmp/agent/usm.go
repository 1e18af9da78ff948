package agent

import (
	"bytes"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"
)

// engineID names the agent's engine (RFC 3411, section 5), in the form of octets.
const engineID = "\x80\x00\x1f\x88\x05millwright"

// boots is how often the agent was started.
const boots = 3

// timeWindow is how far a message's time may be off (RFC 3414, section 2.2.3).
const timeWindow = 150

// header is what stands before the scoped PDU of a message (RFC 3412, section 6, and
// RFC 3414, section 2.4), as far as it matters here.
type header struct {
	id, flags    int
	engine, user string
	boots, time  int
}

// take cuts the first element off a message in BER. It is less strict than DER, as
// agents are.
func take(b []byte) (content, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	size, at := int(b[1]), 2
	if size >= 0x80 {
		n := size & 0x7f
		if n < 1 || n > 2 || len(b) < 2+n {
			return nil, nil, false
		}
		size, at = 0, 2+n
		for _, c := range b[2:at] {
			size = size<<8 | int(c)
		}
	}
	if len(b) < at+size {
		return nil, nil, false
	}
	return b[at : at+size], b[at+size:], true
}

// fields takes so many elements.
func fields(b []byte, n int) (list [][]byte, ok bool) {
	for range n {
		content, rest, ok := take(b)
		if !ok {
			return nil, false
		}
		list, b = append(list, content), rest
	}
	return list, true
}

func integer(b []byte) (n int) {
	for _, c := range b[:min(len(b), 7)] {
		n = n<<8 | int(c)
	}
	return n
}

// versionOf gives a message's version.
func versionOf(msg []byte) (gosnmp.SnmpVersion, bool) {
	outer, ok := fields(msg, 1)
	if !ok {
		return 0, false
	}
	inner, ok := fields(outer[0], 1)
	if !ok || len(inner[0]) != 1 || inner[0][0] > 3 {
		return 0, false
	}
	return gosnmp.SnmpVersion(inner[0][0]), true
}

// headerOf reads the header of a message of version 3.
func headerOf(msg []byte) (h header, ok bool) {
	outer, _, ok := take(msg)
	if !ok {
		return h, false
	}
	parts, ok := fields(outer, 3) // version, global data, security
	if !ok {
		return h, false
	}
	global, ok := fields(parts[1], 4)
	if !ok {
		return h, false
	}
	sequence, _, ok := take(parts[2])
	if !ok {
		return h, false
	}
	s, ok := fields(sequence, 4)
	if !ok {
		return h, false
	}
	return header{
		id: integer(global[0]), flags: integer(global[2]), engine: string(s[0]),
		boots: integer(s[1]), time: integer(s[2]), user: string(s[3]),
	}, true
}

// answer3 answers by version 3.
func (a *Agent) answer3(msg []byte) []byte {
	h, ok := headerOf(msg)
	if !ok || a.usm == nil {
		return nil
	}
	flags, now := gosnmp.SnmpV3MsgFlags(h.flags), a.now()
	switch {
	case h.engine != engineID:
		return a.report(h, "4", 0)
	case h.user != a.usm.UserName:
		return a.report(h, "3", 0)
	case flags&gosnmp.AuthPriv != a.level():
		return a.report(h, "1", 0)
	case a.fault.Password:
		return a.report(h, "5", 0)
	}
	x := gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: a.level() | gosnmp.Reportable, SecurityParameters: a.usm,
	}
	q, err := x.UnmarshalTrap(bytes.Clone(msg), false)
	switch {
	case err != nil && strings.Contains(strings.ToLower(err.Error()), "authentic"): // the signature, or its length
		return a.report(h, "5", 0)
	case err != nil:
		return a.report(h, "6", 0)
	case a.level() != gosnmp.NoAuthNoPriv && (h.boots != boots || h.time < now-timeWindow || h.time > now+timeWindow):
		return a.report(h, "2", a.level()&gosnmp.AuthNoPriv)
	}
	r := a.reply(q, true)
	if r == nil {
		return nil
	}
	a.usm.AuthoritativeEngineTime = uint32(now)
	r.Version, r.SecurityModel, r.MsgFlags, r.MsgID = gosnmp.Version3, gosnmp.UserSecurityModel, a.level(), q.MsgID
	r.SecurityParameters, r.ContextEngineID, r.ContextName = a.usm, engineID, q.ContextName
	if a.level() == gosnmp.AuthPriv {
		if err := a.usm.InitPacket(r); err != nil {
			return nil
		}
	}
	return encoded(r)
}

func (a *Agent) level() gosnmp.SnmpV3MsgFlags {
	switch {
	case a.usm.AuthenticationProtocol <= gosnmp.NoAuth:
		return gosnmp.NoAuthNoPriv
	case a.usm.PrivacyProtocol <= gosnmp.NoPriv:
		return gosnmp.AuthNoPriv
	}
	return gosnmp.AuthPriv
}

// now is what time the engine thinks it is.
func (a *Agent) now() int { return 1000 + int(time.Since(a.started)/time.Second) + a.fault.Clock }

// report says why there is no answer, by a counter of usmStats.
func (a *Agent) report(h header, counter string, flags gosnmp.SnmpV3MsgFlags) []byte {
	sp := &gosnmp.UsmSecurityParameters{AuthoritativeEngineID: engineID, AuthoritativeEngineBoots: boots, AuthoritativeEngineTime: uint32(a.now())}
	if flags != 0 {
		a.usm.AuthoritativeEngineTime = uint32(a.now())
		sp = a.usm.Copy().(*gosnmp.UsmSecurityParameters)
		sp.PrivacyParameters = nil
	}
	return encoded(&gosnmp.SnmpPacket{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, MsgFlags: flags, MsgID: uint32(h.id),
		SecurityParameters: sp, ContextEngineID: engineID, PDUType: gosnmp.Report,
		Variables: []gosnmp.SnmpPDU{{Name: ".1.3.6.1.6.3.15.1.1." + counter + ".0", Type: gosnmp.Counter32, Value: uint32(1)}},
	})
}
