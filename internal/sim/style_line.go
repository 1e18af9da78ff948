package sim

import (
	"strconv"
	"strings"
)

// line is a make with a command line and no login, that says nothing until
// Enter is pressed, and keeps its prompt back until the relays have moved: the
// BayTech RPC family, for Debian's baytech-rpc3-nc.dev.
type line struct{}

func (line) Name() string { return "line" }

func (l line) Serve(t *Terminal) error {
	t.Telnet()
	t.Keys()
	if _, err := t.Line(); err != nil {
		return err
	}
	t.CountLogin()
	t.Print("\r\nRPC3 Series, outlet control module\r\nUnit: ", t.Unit().Name(), "\r\n")
	for {
		t.Print("\r\nRPC-3>")
		text, err := t.Line()
		if err != nil {
			return err
		}
		if err := l.command(t, strings.Fields(text)); err != nil {
			return left(err)
		}
	}
}

func (l line) command(t *Terminal, words []string) error {
	if len(words) == 0 {
		return nil
	}
	switch verb := strings.ToLower(words[0]); {
	case verb == Escape:
	case verb == "status":
		l.status(t)
	case (verb == "on" || verb == "off") && len(words) == 2:
		return l.turn(t, words[1], verb == "on")
	case verb == "exit" || verb == "logout":
		return errLeft
	case verb == "help" || verb == "?":
		t.Print("\r\nOn n, Off n (0 for all), Status, Help, Exit\r\n")
	default:
		t.Print("\r\nInput error\r\n")
	}
	return nil
}

func (line) status(t *Terminal) {
	u := t.Unit()
	t.Print("\r\nAverage Power:   0 Watts\r\n\r\n")
	for i := range u.Len() {
		number := strconv.Itoa(i + 1)
		t.Print("Outlet  ", number, pad(number, 6), ": ", outletWord(u, i, "On", "Off"), "\r\n")
	}
}

func (line) turn(t *Terminal, plug string, on bool) error {
	u := t.Unit()
	n, err := strconv.Atoi(plug)
	switch {
	case err != nil || n < 0 || n > u.Len():
		t.Print("\r\nOutlet number out of range\r\n")
		return nil
	case n == 0:
		err = u.SwitchAll(on)
	default:
		err = u.Switch(n-1, on)
	}
	if err != nil {
		t.Print("\r\nError: ", err.Error(), "\r\n")
	}
	return t.Settle()
}
