package discover

import (
	"fmt"
	"regexp"
	"strings"
)

// deepest is how many menus are gone into.
const deepest = 6

// entry is a line of a numbered menu.
type entry struct{ key, label string }

func findAll(pattern, text string) [][]string {
	return regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
}

// entriesOf reads a menu: "3- Outlet Control".
func entriesOf(text string) []entry {
	var all []entry
	for _, m := range findAll(`(?m)^ *([0-9]+)- *([^\r\n]*?) *\r?$`, text) {
		all = append(all, entry{m[1], m[2]})
	}
	return all
}

// menus walks the numbered menus of APC's strips down to an outlet's commands. The
// keys of the way, with p for the outlet, are the name of the specification.
func (t *talk) menus(text string) error {
	if !strings.Contains(text, "Control Console") {
		return fmt.Errorf("%w: it says %q", ErrUnknown, t.clean(text))
	}
	t.f.note(t.o, "it shows the menu %q", "Control Console")
	way, outlets, depth := "", 0, 0
	defer func() { t.leaveMenus(depth) }()
	for depth < deepest {
		key, step, done := nextKey(text)
		switch {
		case done:
			name := "apc-menu-" + wayName(way+key)
			t.f.note(t.o, "an outlet's commands are there, %q with the key %s; it was not pressed", step, key)
			if !shelfHas(name) {
				return fmt.Errorf("%w: its menus go %s", ErrUnknown, way+key)
			}
			return t.settle(name, "", outlets)
		case key == "":
			return fmt.Errorf("%w: after the keys %q it shows %q", ErrUnknown, way, t.clean(text))
		case step == "":
			way += "p"
			outlets = len(outletRows(text))
			t.f.note(t.o, "it lists %d outlets", outlets)
		default:
			way += key
			t.f.note(t.o, "%s is %q", key, step)
		}
		var err error
		if text, err = t.say(key + enter); err != nil {
			return err
		}
		depth++
	}
	return fmt.Errorf("%w: its menus go on after %q", ErrUnknown, way)
}

// wayName is how a way is called. The names are older than we are, and one of them
// leaves the last key out.
func wayName(way string) string {
	if way == "121p13" {
		return "121p1"
	}
	return way
}

// outletRows are the outlets that a page lists with their states.
func outletRows(text string) [][]string {
	return findAll(`(?m)^ *([0-9]+)- [^\r\n]*\b(ON|OFF) *\r?$`, text)
}

// nextKey reads a page: the key that leads on and its label; the first outlet, without a
// label; or, when done, the key of the reboot, which nobody presses.
func nextKey(text string) (key, label string, done bool) {
	if rows := outletRows(text); len(rows) > 0 {
		return rows[0][1], "", false
	}
	all := entriesOf(text)
	for _, e := range all {
		if strings.HasPrefix(e.label, "Immediate Reboot") {
			return e.key, e.label, true
		}
	}
	for _, e := range all {
		for _, head := range []string{"Device Manager", "Outlet Control", "Outlet Management", "Control Outlet"} {
			if strings.HasPrefix(e.label, head) {
				return e.key, e.label, false
			}
		}
	}
	return "", "", false
}

// leaveMenus goes back as far as it came, and logs out by the entry that says so.
func (t *talk) leaveMenus(depth int) {
	text := ""
	for range depth {
		var err error
		if text, err = t.say(escape); err != nil {
			return
		}
	}
	if depth == 0 {
		text, _ = t.say(enter)
	}
	for _, e := range entriesOf(text) {
		if e.label == "Logout" {
			t.leave(e.key + enter)
			return
		}
	}
}

// modules finds the power control in BayTech's menu of modules.
func (t *talk) modules(text string) error {
	line := matches(`(?m)^ *Power Control[. ]*([0-9]+) *\r?$`, text)
	if line == nil {
		return fmt.Errorf("%w: its menu has no power control: %q", ErrUnknown, t.clean(text))
	}
	t.f.note(t.o, "its menu has %q with the key %s", "Power Control", line[1])
	answer, err := t.say(line[1] + enter)
	switch {
	case err != nil:
		return err
	case busy(answer):
		t.leaveModules(answer)
		return fmt.Errorf("%w: it says %q", ErrBusy, "Port in use.")
	case lastLine(answer) != "DS-RPC>":
		return fmt.Errorf("%w: behind its menu it prompts with %q", ErrUnknown, t.clean(lastLine(answer)))
	}
	spec := ""
	switch {
	case t.asked && line[1] == "5":
		spec = "baytech-ds4"
	case t.woken == keyEnter && line[1] == "5":
		spec = "baytech-enter-5"
	case t.woken == keyCtrlC && line[1] == "5":
		spec = "baytech-ctrl-c"
	case t.woken == keyCtrlC && line[1] == "3":
		spec = "baytech-ctrl-c-3"
	default:
		t.leave("logout" + enter)
		return fmt.Errorf("%w: power control is behind the key %s", ErrUnknown, line[1])
	}
	return t.try(known{spec: spec, inside: spec, read: "status\r\n", shows: `: *(On|Off)`, rows: `(?m)^ *(?:Outlet +)?([0-9]+)[^:\r\n]*: *(?:On|Off) *\r?$`, leave: "logout\r\n"})
}

// leaveModules logs out by the entry that says so.
func (t *talk) leaveModules(text string) {
	if line := matches(`(?m)^ *Logout[. ]*([0-9A-Z]) *\r?$`, text); line != nil {
		t.leave(line[1] + enter)
	}
}
