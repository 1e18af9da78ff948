package sim

import (
	"strconv"
	"strings"
	"time"
)

// slash is a make with a password and commands that start with a slash, and
// keeps its prompt back until it is done: the WTI NPS, for Debian's wti.dev.
type slash struct{}

func (slash) Name() string { return "slash" }

func (s slash) Serve(t *Terminal) error {
	t.Telnet()
	t.Keys()
	if err := s.login(t); err != nil {
		return left(err)
	}
	s.status(t)
	for {
		t.Print("\r\nNPS> ")
		text, err := t.Line()
		if err != nil {
			return err
		}
		if err := s.command(t, strings.Fields(text)); err != nil {
			return left(err)
		}
	}
}

func (slash) login(t *Terminal) error {
	for range attempts {
		t.Print("\r\nPassword: ")
		password, err := t.Secret()
		if err != nil {
			return err
		}
		t.Print("\r\n")
		// There are no users on this make.
		if t.Accepts(Login{t.Unit().login.User, password}, Login{"", "wti"}) {
			return nil
		}
		t.Print("Invalid password\r\n")
	}
	return errLeft
}

func (s slash) command(t *Terminal, words []string) error {
	if len(words) == 0 || words[0] == Escape {
		return nil
	}
	switch verb := strings.ToLower(words[0]); {
	case verb == "/s":
		s.status(t)
	case (verb == "/on" || verb == "/off" || verb == "/boot") && len(words) == 2:
		return s.turn(t, verb, words[1])
	case verb == "/x":
		return errLeft
	case verb == "/h":
		t.Print("\r\n/S status, /On n, /Off n, /Boot n (n+m for several, * for all), /X exit\r\n")
	default:
		t.Print("\r\nInvalid command\r\n")
	}
	return nil
}

const slashRule = "-----+------------------+-------------+--------+---------+\r\n"

func (slash) status(t *Terminal) {
	u := t.Unit()
	t.Print("\r\nNetwork Power Switch    Site: ", u.Name(), "\r\n\r\n",
		"Plug | Name             | Boot Delay  | Status | Default |\r\n", slashRule)
	for i := range u.Len() {
		number, word := strconv.Itoa(i+1), outletWord(u, i, "ON", "OFF")
		t.Print(" ", number, pad(number, 3), " | (undefined)      |  0.5 Secs   | ",
			word, pad(word, 6), " |   ON    |\r\n")
	}
	t.Print(slashRule)
}

// slashBoot is how long a boot keeps outlets off.
const slashBoot = 500 * time.Millisecond

func (s slash) turn(t *Terminal, verb, list string) error {
	plugs, ok := s.plugs(t.Unit(), list)
	if !ok {
		t.Print("\r\nInvalid plug\r\n")
		return nil
	}
	if verb != "/boot" {
		return s.move(t, plugs, verb == "/on")
	}
	if err := s.move(t, plugs, false); err != nil {
		return err
	}
	if err := t.Pause(slashBoot); err != nil {
		return err
	}
	return s.move(t, plugs, true)
}

// move switches plugs and waits for the last relay.
func (slash) move(t *Terminal, plugs []int, on bool) error {
	for _, i := range plugs {
		if err := t.Unit().Switch(i, on); err != nil {
			t.Print("\r\nPlug ", strconv.Itoa(i+1), ": ", err.Error(), "\r\n")
		}
	}
	return t.Settle()
}

// plugs reads "*", "3" or "3+5+6".
func (slash) plugs(u *Unit, list string) ([]int, bool) {
	var plugs []int
	if list == "*" {
		for i := range u.Len() {
			plugs = append(plugs, i)
		}
		return plugs, true
	}
	for word := range strings.SplitSeq(list, "+") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > u.Len() {
			return nil, false
		}
		plugs = append(plugs, n-1)
	}
	return plugs, true
}
