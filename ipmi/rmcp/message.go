package rmcp

// Addresses of the two ends of a LAN channel (section 5.4 and 5.5).
const (
	AddressBMC     uint8 = 0x20
	AddressConsole uint8 = 0x81 // remote console software, the first of its numbers
)

// Message is an IPMI message as it travels over LAN (section 13.8), and over IPMB.
type Message struct {
	To      uint8 // whom it is for: a slave address or software id
	NetFn   uint8 // odd in answers
	ToLUN   uint8
	From    uint8
	Seq     uint8 // 0 to 63; the answer has that of its request
	FromLUN uint8
	Cmd     uint8
	Data    []byte // of an answer: the completion code first
}

const (
	messageSize = 7 // without data
	seqMask     = 0x3f
	lunMask     = 0x03
)

// Append adds the message, with both checksums.
func (m Message) Append(b []byte) []byte {
	start := len(b)
	b = append(b, m.To, m.NetFn<<2|m.ToLUN&lunMask)
	b = append(b, checksum(b[start:]))
	second := len(b)
	b = append(b, m.From, m.Seq<<2|m.FromLUN&lunMask, m.Cmd)
	b = append(b, m.Data...)
	return append(b, checksum(b[second:]))
}

// checksum is what makes the sum of the bytes and itself 0.
func checksum(b []byte) uint8 {
	var sum uint8
	for _, c := range b {
		sum += c
	}
	return -sum
}

// ParseMessage reads a message that fills b, and verifies both checksums.
func ParseMessage(b []byte) (Message, error) {
	if len(b) < messageSize {
		return Message{}, FaultShort
	}
	if checksum(b[:3]) != 0 || checksum(b[3:]) != 0 {
		return Message{}, FaultChecksum
	}
	return ParseUnchecked(b)
}

// ParseUnchecked reads a message whatever its checksums say: some BMCs get them wrong.
func ParseUnchecked(b []byte) (Message, error) {
	if len(b) < messageSize {
		return Message{}, FaultShort
	}
	return Message{
		To: b[0], NetFn: b[1] >> 2, ToLUN: b[1] & lunMask,
		From: b[3], Seq: b[4] >> 2, FromLUN: b[4] & lunMask,
		Cmd: b[5], Data: b[6 : len(b)-1],
	}, nil
}

// IsResponse tells answers from requests.
func (m Message) IsResponse() bool { return m.NetFn&1 != 0 }

// Reply is the answer to a request; data has the completion code first.
func (m Message) Reply(data []byte) Message {
	return Message{
		To: m.From, NetFn: m.NetFn | 1, ToLUN: m.FromLUN,
		From: m.To, Seq: m.Seq & seqMask, FromLUN: m.ToLUN,
		Cmd: m.Cmd, Data: data,
	}
}

// Send Message (section 22.7), which carries a message to a controller behind another one.
const (
	NetFnApp       uint8 = 0x06
	CmdSendMessage uint8 = 0x34
)

// How the answer to a bridged message comes back (section 6.13).
const (
	TrackNone    uint8 = 0x00
	TrackRequest uint8 = 0x40 // the BMC remembers the request and forwards its answer
	TrackRaw     uint8 = 0x80
)

// AppendBridged adds the data of a Send Message: the message for what is on the channel.
func (m Message) AppendBridged(b []byte, channel, track uint8) []byte {
	return m.Append(append(b, track|channel&0x0f))
}

// ParseBridged reads the data of a Send Message.
func ParseBridged(data []byte) (inner Message, channel, track uint8, err error) {
	if len(data) < 1 {
		return Message{}, 0, 0, FaultShort
	}
	inner, err = ParseMessage(data[1:])
	return inner, data[0] & 0x0f, data[0] & 0xc0, err
}
