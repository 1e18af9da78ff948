package rmcp

// What a SOL packet's status byte says from the console to the BMC (section 15.9).
const (
	SOLNack          uint8 = 0x40 // both ways: not all was accepted
	SOLRing          uint8 = 0x20
	SOLBreak         uint8 = 0x10
	SOLDeassertCTS   uint8 = 0x08
	SOLDeassertDCD   uint8 = 0x04
	SOLFlushInbound  uint8 = 0x02
	SOLFlushOutbound uint8 = 0x01
)

// And from the BMC to the console.
const (
	SOLUnavailable  uint8 = 0x20 // characters cannot be taken: the system is off, or the line is elsewhere
	SOLDeactivating uint8 = 0x10
	SOLOverrun      uint8 = 0x08
	SOLBreakSeen    uint8 = 0x04
)

// SOL is a packet of the serial console (section 15.9).
type SOL struct {
	Seq      uint8 // 1 to 15; 0: an acknowledgement and nothing else
	Ack      uint8 // the packet that is acknowledged; 0: none
	Accepted uint8 // how many of its characters were taken
	Flags    uint8
	Data     []byte
}

// Append adds the payload.
func (s SOL) Append(b []byte) []byte {
	return append(append(b, s.Seq&0x0f, s.Ack&0x0f, s.Accepted, s.Flags), s.Data...)
}

// ParseSOL reads the payload.
func ParseSOL(b []byte) (SOL, error) {
	if len(b) < 4 {
		return SOL{}, FaultShort
	}
	return SOL{Seq: b[0] & 0x0f, Ack: b[1] & 0x0f, Accepted: b[2], Flags: b[3], Data: b[4:]}, nil
}
