package rehearse

import (
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/sim"
)

// board is the made-up relay board of the example rooms: a prompt, "on" and "off"
// with a number or "all", and "stat".
type board struct{}

// Name implements [sim.Style].
func (board) Name() string { return "board" }

// Serve implements [sim.Style].
func (b board) Serve(t *sim.Terminal) error {
	t.Telnet()
	for { // it is silent until Enter is pressed
		text, err := t.Line()
		if err != nil {
			return err
		}
		words := strings.Fields(text)
		switch {
		case len(words) == 0:
		case words[0] == "stat":
			b.table(t)
		case words[0] == "quit":
			return nil
		case len(words) == 2 && (words[0] == "on" || words[0] == "off"):
			if err := b.turn(t, words[1], words[0] == "on"); err != nil {
				return err
			}
		default:
			t.Print("? on N|all, off N|all, stat, quit\r\n")
		}
		t.Print("relay> ")
	}
}

func (board) table(t *sim.Terminal) {
	u := t.Unit()
	for i := range u.Len() {
		word := "off"
		if u.Says(i) {
			word = "on"
		}
		t.Print(strconv.Itoa(i+1), ": ", word, "\r\n")
	}
}

func (board) turn(t *sim.Terminal, plug string, on bool) error {
	if plug == "all" {
		if err := t.Unit().SwitchAll(on); err != nil {
			t.Print(err.Error(), "\r\n")
		}
		return t.Settle()
	}
	n, err := strconv.Atoi(plug)
	if err != nil || n < 1 || n > t.Unit().Len() {
		t.Print("no such relay\r\n")
		return nil
	}
	if err := t.Unit().Switch(n-1, on); err != nil {
		t.Print(err.Error(), "\r\n")
	}
	return t.Settle()
}
