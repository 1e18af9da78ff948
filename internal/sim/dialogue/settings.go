package dialogue

import (
	"fmt"
	"strconv"
	"time"
)

// ofMake reads a setting of a make.
func (p *parser) ofMake(m *Make, head string, rest []word) error {
	least, most := 1, 1
	switch head {
	case "telnet", "echo", "first-dies":
		least, most = 0, 0
	case "login":
		least, most = 2, 2
	case "sessions", "idle":
		most = 2
	}
	if len(rest) < least || len(rest) > most {
		return fmt.Errorf("%s wants %d to %d words behind it", head, least, most)
	}
	first, second := "", ""
	if len(rest) > 0 {
		first = rest[0].text
	}
	if len(rest) > 1 {
		second = rest[1].text
	}
	var err error
	switch head {
	case "about":
		m.About = first
	case "login":
		m.User, m.Password = first, second
	case "telnet":
		m.Telnet = true
	case "echo":
		m.Echo = true
	case "first-dies":
		m.Dies = true
	case "keys":
		m.Keys = first
	case "sessions":
		m.Busy = second
		m.Sessions, err = number(first, 1, 1000)
	case "held":
		m.Held, err = duration(first)
	case "idle":
		m.IdleText = second
		m.Idle, err = duration(first)
	case "start":
		m.Start = first
		p.goals = append(p.goals, goal{first, p.line})
	case "inside":
		m.Inside = first
		p.goals = append(p.goals, goal{first, p.line})
	default:
		m.Words[head] = first
	}
	return err
}

func number(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a number from %d to %d", text, least, most)
	}
	return n, nil
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > time.Hour {
		return 0, fmt.Errorf("%q is not a time up to an hour, such as 30s", text)
	}
	return d, nil
}
