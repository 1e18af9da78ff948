package telnet

import "fmt"

// Command is the byte after IAC (RFC 854, "TELNET COMMAND STRUCTURE").
type Command byte

// The commands that matter here. Every other byte after IAC is a two-byte
// command without effect.
const (
	SE   Command = 240 // end of sub-negotiation
	SB   Command = 250 // start of sub-negotiation
	WILL Command = 251 // the sender performs, or offers to perform, an option
	WONT Command = 252 // the sender does not perform it
	DO   Command = 253 // the sender asks the other end to perform it
	DONT Command = 254 // the sender asks the other end not to perform it
	IAC  byte    = 255 // "interpret as command"; doubled, it is the data byte 255
)

// String gives the command's name in RFC 854, or its number.
func (c Command) String() string {
	switch c {
	case SE:
		return "SE"
	case SB:
		return "SB"
	case WILL:
		return "WILL"
	case WONT:
		return "WONT"
	case DO:
		return "DO"
	case DONT:
		return "DONT"
	}
	return fmt.Sprintf("command %d", byte(c))
}

// Option is a telnet option's code, as listed by IANA ("Telnet Options").
type Option byte

// The options that power strips and terminal servers are known to ask for.
const (
	Binary           Option = 0  // RFC 856
	Echo             Option = 1  // RFC 857
	SuppressGoAhead  Option = 3  // RFC 858
	Status           Option = 5  // RFC 859
	TimingMark       Option = 6  // RFC 860
	TerminalType     Option = 24 // RFC 1091
	WindowSize       Option = 31 // RFC 1073, "NAWS"
	TerminalSpeed    Option = 32 // RFC 1079
	RemoteFlow       Option = 33 // RFC 1372, "LFLOW"
	Linemode         Option = 34 // RFC 1184
	XDisplayLocation Option = 35 // RFC 1096
	NewEnviron       Option = 39 // RFC 1572
)

var optionNames = map[Option]string{
	Binary: "BINARY", Echo: "ECHO", SuppressGoAhead: "SUPPRESS-GO-AHEAD", Status: "STATUS",
	TimingMark: "TIMING-MARK", TerminalType: "TERMINAL-TYPE", WindowSize: "NAWS",
	TerminalSpeed: "TERMINAL-SPEED", RemoteFlow: "LFLOW", Linemode: "LINEMODE",
	XDisplayLocation: "X-DISPLAY-LOCATION", NewEnviron: "NEW-ENVIRON",
}

// String gives the option's usual name, or its number.
func (o Option) String() string {
	if name, ok := optionNames[o]; ok {
		return name
	}
	return fmt.Sprintf("option %d", byte(o))
}

// optionSet is a set of the 256 options.
type optionSet [4]uint64

func setOf(options ...Option) (s optionSet) {
	for _, o := range options {
		s.add(o)
	}
	return s
}

func (s *optionSet) has(o Option) bool { return s[o>>6]&(1<<(o&63)) != 0 }
func (s *optionSet) add(o Option)      { s[o>>6] |= 1 << (o & 63) }
func (s *optionSet) remove(o Option)   { s[o>>6] &^= 1 << (o & 63) }

// take removes o and reports whether it was there.
func (s *optionSet) take(o Option) bool {
	had := s.has(o)
	s.remove(o)
	return had
}
