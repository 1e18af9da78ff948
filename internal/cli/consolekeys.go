package cli

// What an escape asks for.
type consoleAct uint8

const (
	actType    consoleAct = iota // no escape: text to be typed
	actEnd                       // ~.
	actSuspend                   // ~^Z
	actPause                     // ~^X: suspend, and leave the terminal raw
	actBreak                     // ~B
	actTake                      // ~T
	actWatch                     // ~W
	actHelp                      // ~?
)

// consoleStep is text to be typed, or something to be done.
type consoleStep struct {
	act  consoleAct
	text []byte
}

// escapes finds the escapes in what is typed: a character at the beginning of a line,
// and what is asked for behind it.
type escapes struct {
	char   byte // 0 for none
	inLine bool // something other than the end of a line was typed last
	armed  bool // the character was typed at the beginning of a line
}

// feed takes what was typed and gives what it means, in order.
func (e *escapes) feed(p []byte) []consoleStep {
	var steps []consoleStep
	var text []byte
	flush := func() {
		if len(text) > 0 {
			steps = append(steps, consoleStep{text: text})
			text = nil
		}
	}
	for _, b := range p {
		switch {
		case e.armed:
			e.armed = false
			act := actOf(b)
			switch {
			case b == e.char:
				text = append(text, b)
				e.inLine = true
			case act != actType:
				flush()
				steps = append(steps, consoleStep{act: act})
				e.inLine = false // another escape may follow
			default:
				text = append(text, e.char, b)
				e.inLine = b != '\r' && b != '\n'
			}
		case e.char != 0 && b == e.char && !e.inLine:
			e.armed = true
		default:
			text = append(text, b)
			e.inLine = b != '\r' && b != '\n'
		}
	}
	flush()
	return steps
}

func actOf(b byte) consoleAct {
	switch b {
	case '.':
		return actEnd
	case 'Z' - '@':
		return actSuspend
	case 'X' - '@':
		return actPause
	case 'B':
		return actBreak
	case 'T', 't':
		return actTake
	case 'W', 'w':
		return actWatch
	case '?':
		return actHelp
	}
	return actType
}

// parseEscape reads a character as --escape has it: one, ^X for a control character, or
// none.
func parseEscape(text string) (byte, error) {
	switch {
	case text == "none":
		return 0, nil
	case len(text) == 1 && text[0] > ' ' && text[0] < 0x7f:
		return text[0], nil
	case len(text) == 2 && text[0] == '^' && (text[1] >= '@' && text[1] <= '_' || text[1] >= 'a' && text[1] <= 'z'):
		if c := text[1] & 0x1f; c != '\r' && c != '\n' {
			return c, nil
		}
	}
	return 0, usagef("--escape: %q is no character; write one, such as ~, or ^] for a control character, or none", text)
}

// showEscape writes an escape character for people.
func showEscape(c byte) string {
	if c < ' ' {
		return "^" + string(rune(c+'@'))
	}
	return string(rune(c))
}
