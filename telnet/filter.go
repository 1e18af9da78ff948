package telnet

import "bytes"

// state is where in a command the input stopped.
type state byte

const (
	inData    state = iota
	inCommand           // IAC seen
	inOption            // IAC WILL/WONT/DO/DONT seen
	inSub               // inside IAC SB ... IAC SE
	inSubCmd            // inside it, IAC seen
	subKept         = 2 // bytes of a sub-negotiation that we ever look at
	typeIs    byte  = 0 // RFC 1091
	typeSend  byte  = 1
)

// filter takes the commands out of input and answers them. It belongs to the
// goroutine that reads.
type filter struct {
	reply   func(...byte) bool
	ignored func(Command, Option)

	dialect    Dialect
	terminal   string
	cols, rows uint16

	state   state
	verb    Command // in inOption
	subLen  int     // bytes of the present sub-negotiation so far
	subHead [subKept]byte

	// RFC 1143, reduced: what we would do, what is agreed, and what we have
	// asked for without an answer yet. "Local" is what this end performs.
	mayLocal, mayRemote     optionSet
	local, remote           optionSet
	askedLocal, askedRemote optionSet
}

func newFilter(o Options, reply func(...byte) bool) filter {
	f := filter{
		reply: reply, ignored: o.Ignored, dialect: o.Dialect,
		terminal: o.Terminal, cols: o.Columns, rows: o.Rows,
		mayLocal:  setOf(append([]Option{SuppressGoAhead}, o.Perform...)...),
		mayRemote: setOf(append([]Option{SuppressGoAhead, Echo}, o.Accept...)...),
	}
	if o.Terminal != "" {
		f.mayLocal.add(TerminalType)
	}
	if o.Columns != 0 || o.Rows != 0 {
		f.mayLocal.add(WindowSize)
	}
	return f
}

// open sends what this end offers and asks for by itself.
func (f *filter) open(o Options) {
	for _, opt := range o.Offer {
		f.mayLocal.add(opt)
		f.askedLocal.add(opt)
		f.send(WILL, opt)
	}
	for _, opt := range o.Ask {
		f.mayRemote.add(opt)
		f.askedRemote.add(opt)
		f.send(DO, opt)
	}
}

// apply filters p in place and returns how many bytes of data it holds. Data
// without commands, nearly all of it, costs one search for IAC.
func (f *filter) apply(p []byte) (int, error) {
	out := 0
	for in := 0; in < len(p); {
		if f.state == inData {
			run := bytes.IndexByte(p[in:], IAC)
			if run < 0 {
				run = len(p) - in
			}
			if out != in {
				copy(p[out:], p[in:in+run])
			}
			out += run
			if in += run; in < len(p) {
				f.state = inCommand
				in++
			}
			continue
		}
		data, err := f.step(p[in])
		in++
		if err != nil {
			return out, err
		}
		if data {
			p[out] = IAC
			out++
		}
	}
	return out, nil
}

// step takes one byte of a command. data is true if it was the second half of a
// doubled IAC, which stands for one byte of data.
func (f *filter) step(b byte) (data bool, err error) {
	switch f.state {
	case inCommand:
		return f.command(b), nil
	case inOption:
		f.state = inData
		if !f.option(f.verb, Option(b)) {
			return false, ErrFlood
		}
	case inSub:
		if b == IAC {
			f.state = inSubCmd
			return false, nil
		}
		return false, f.keepSub(b)
	case inSubCmd:
		return false, f.subCommand(b)
	}
	return false, nil
}

// command takes the byte after IAC.
func (f *filter) command(b byte) (data bool) {
	f.state = inData
	switch c := Command(b); c {
	case WILL, WONT, DO, DONT:
		f.verb, f.state = c, inOption
	case SB:
		f.subLen, f.state = 0, inSub
	default:
		return b == IAC
	}
	return false
}

func (f *filter) keepSub(b byte) error {
	if f.subLen == MaxSubnegotiation {
		return ErrSubnegotiation
	}
	if f.subLen < subKept {
		f.subHead[f.subLen] = b
	}
	f.subLen++
	f.state = inSub
	return nil
}

// subCommand takes the byte after an IAC inside a sub-negotiation. Anything but
// SE or a doubled IAC is against RFC 855; the sub-negotiation is taken as ended
// there, since a device that forgets SE would otherwise be swallowed.
func (f *filter) subCommand(b byte) error {
	switch {
	case b == IAC:
		return f.keepSub(b)
	case Command(b) == SE:
		f.state = inData
		if !f.sub() {
			return ErrFlood
		}
	default:
		f.command(b)
	}
	return nil
}

// option answers one request. It reports false if the answer finds no room.
func (f *filter) option(verb Command, opt Option) bool {
	if f.dialect == PowerManDialect {
		return f.powerMan(verb, opt)
	}
	switch verb {
	case DO:
		if opt == TimingMark { // an echo of the request, not a lasting state
			return f.send(WILL, opt)
		}
		return f.agree(&f.mayLocal, &f.local, &f.askedLocal, opt, WILL, WONT)
	case DONT:
		return f.end(&f.local, &f.askedLocal, opt, WONT)
	case WILL:
		return f.agree(&f.mayRemote, &f.remote, &f.askedRemote, opt, DO, DONT)
	default:
		return f.end(&f.remote, &f.askedRemote, opt, DONT)
	}
}

// agree handles DO (or WILL): an answer to our own request needs none back, and
// what is on already is not confirmed again, or two ends would never stop.
func (f *filter) agree(may, on, asked *optionSet, opt Option, yes, no Command) bool {
	switch {
	case asked.take(opt):
		on.add(opt)
	case on.has(opt):
		return true
	case may.has(opt):
		on.add(opt)
		if !f.send(yes, opt) {
			return false
		}
	default:
		return f.send(no, opt)
	}
	if opt == WindowSize && on == &f.local {
		return f.sendWindow()
	}
	return true
}

// end handles DONT (or WONT).
func (f *filter) end(on, asked *optionSet, opt Option, confirm Command) bool {
	if asked.take(opt) || !on.take(opt) {
		return true
	}
	return f.send(confirm, opt)
}

// powerMan answers as powermand does.
func (f *filter) powerMan(verb Command, opt Option) bool {
	if verb != DO {
		return true
	}
	switch opt {
	case SuppressGoAhead, TimingMark:
		return f.send(WILL, opt)
	case TerminalType, WindowSize, NewEnviron, XDisplayLocation, TerminalSpeed, Echo, RemoteFlow, Binary:
		return f.send(WONT, opt)
	}
	if f.ignored != nil {
		f.ignored(verb, opt)
	}
	return true
}

// sub answers a complete sub-negotiation; only a request for the terminal type
// has an answer.
func (f *filter) sub() bool {
	if f.subLen != 2 || Option(f.subHead[0]) != TerminalType || f.subHead[1] != typeSend || !f.local.has(TerminalType) {
		return true
	}
	out := []byte{IAC, byte(SB), byte(TerminalType), typeIs}
	out = append(out, f.terminal...)
	return f.reply(append(out, IAC, byte(SE))...)
}

// sendWindow tells the window size; a byte of 255 is doubled (RFC 1073).
func (f *filter) sendWindow() bool {
	out := []byte{IAC, byte(SB), byte(WindowSize)}
	for _, b := range []byte{byte(f.cols >> 8), byte(f.cols), byte(f.rows >> 8), byte(f.rows)} {
		if out = append(out, b); b == IAC {
			out = append(out, IAC)
		}
	}
	return f.reply(append(out, IAC, byte(SE))...)
}

func (f *filter) send(c Command, o Option) bool { return f.reply(IAC, byte(c), byte(o)) }
