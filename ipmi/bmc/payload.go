package bmc

import (
	"encoding/binary"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// What Activate and Deactivate Payload answer (sections 24.1 and 24.2).
const (
	codePayloadActive    ipmi.Code = 0x80
	codePayloadDisabled  ipmi.Code = 0x81
	codeNeedsEncryption  ipmi.Code = 0x84
	codePayloadNotActive ipmi.Code = 0x80
)

// solSize is how long a SOL payload can be, either way: its header and the characters
// that fit a count of one byte, with room to spare.
const solSize = 224

// activatePayload gives the console to the session that asks.
func activatePayload(c *call) ([]byte, error) {
	if c.data[0]&0x3f != payloadSOL || c.data[1]&0x0f != 1 {
		return nil, ipmi.CodeInvalidField
	}
	h, ok := c.m.host.(Consoler)
	if !ok {
		return nil, codePayloadDisabled
	}
	if err := c.mayHaveConsole(); err != nil {
		return nil, err
	}
	stream, err := h.Console(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	c.m.mu.Lock()
	defer c.m.unlock()
	if c.m.line != nil || c.sess.over || c.m.closed { // meanwhile
		stream.Close()
		return nil, codePayloadActive
	}
	c.m.line = newPort(c.m, c.sess, stream, solTiming{accumulate: c.solParam(solAccumulate), retry: c.solParam(solRetry)})
	b := []byte{0, 0, 0, 0}
	b = binary.LittleEndian.AppendUint16(b, solSize)
	b = binary.LittleEndian.AppendUint16(b, solSize)
	b = binary.LittleEndian.AppendUint16(b, c.port())
	return append(b, 0xff, 0xff), nil // no VLAN
}

// mayHaveConsole says why a session cannot have the console.
func (c *call) mayHaveConsole() error {
	c.m.mu.Lock()
	defer c.m.unlock()
	if c.sess == nil || c.sess.v15 {
		return ipmi.CodeInvalidCommand
	}
	access := c.solParam(solAccess)[0]
	_, authenticated := c.sess.suite.Algorithms()
	switch {
	case c.solParam(solEnable)[0]&1 == 0, c.sess.user == 0 || !c.m.accounts[c.sess.user-1].sol:
		return codePayloadDisabled
	case c.sess.level < Privilege(access&0x0f):
		return ipmi.CodePrivilege
	case access&0x80 != 0 && !c.sess.encrypted(), access&0x40 != 0 && (!authenticated || c.sess.suite == 0):
		return codeNeedsEncryption
	case c.m.line != nil:
		return codePayloadActive
	}
	return nil
}

// deactivatePayload takes the console away: from oneself, or from another
// session, which is told.
func deactivatePayload(c *call) ([]byte, error) {
	if c.data[0]&0x3f != payloadSOL || c.data[1]&0x0f != 1 {
		return nil, ipmi.CodeInvalidField
	}
	line := c.m.line
	if line == nil {
		return nil, codePayloadNotActive
	}
	if line.session != c.sess {
		if c.sess != nil && c.sess.level < Privilege(c.solParam(solAccess)[0]&0x0f) {
			return nil, ipmi.CodePrivilege
		}
		// Who may do less cannot take the console from who may do more.
		if c.sess != nil && c.sess.limit < line.session.limit && c.sess.user != line.session.user {
			return nil, ipmi.CodePrivilege
		}
		gone := rmcp.SOL{Flags: rmcp.SOLDeactivating}.Append(nil)
		if s := line.session; !s.over {
			c.m.transmit(s.way, s.channel.Seal(make([]byte, 0, packetRoom), rmcp.PayloadSOL, gone))
		}
	}
	line.close()
	c.m.line = nil
	return nil, nil
}

// payloadStatus says which instances are active (section 24.4).
func payloadStatus(c *call) ([]byte, error) {
	if c.data[0]&0x3f != payloadSOL {
		return nil, ipmi.CodeInvalidField
	}
	b := []byte{1, 0, 0}
	if c.m.line != nil {
		b[1] = 1
	}
	return b, nil
}

// payloadInstance says whose an instance is (section 24.5).
func payloadInstance(c *call) ([]byte, error) {
	if c.data[0]&0x3f != payloadSOL || c.data[1]&0x0f != 1 {
		return nil, ipmi.CodeInvalidField
	}
	b := make([]byte, 12)
	if c.m.line != nil {
		binary.LittleEndian.PutUint32(b, c.m.line.session.id)
		b[4] = 1 // the port of the system's serial controllers
	}
	return b, nil
}
