// Package shelf holds the device files that come with Millwright: specifications in
// PowerMan's device language for the menus and command lines of power strips and
// service processors that are met in machine rooms.
//
// It is called a shelf because that is what it is to a room: a place to take a
// specification from by its name, beside the room's own (driver.Shelf is the
// contract, and what the room defines itself goes before what lies here). A package
// "devices" would have promised devices, which this program has elsewhere.
//
// The files are written from the makers' manuals and from what people who drove
// these units have told, in our own words. They keep to what Debian's powermand 2.3
// reads, but for %{user} and %{password}, which the script driver fills in from the
// room's credential; [Export] gives a file in which they stand in clear. Each begins
// with lines "# Key: value", which [Entry] shows and docs/device-files.md lists.
//
// What succeeds must be shown: a script ends well if the unit has said so in its own
// words or if the state was read back, and never because nobody complained.
//
// Start at [All] and [Text].
package shelf

import (
	"bytes"
	_ "embed" // for the archive
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/pressed"
)

// archive is the folder files, pressed.
//
//go:generate go test . -run TestPressed -press
//go:embed pressed.tar.gz
var archive string

var files = pressed.New(archive)

// Entry is what the head of a device file says.
type Entry struct {
	Name     string // of the specification, and of the file
	Hardware string
	Reached  string // telnet or SSH, first
	Login    string
	Plugs    string
	Proof    string // what success is seen by
	PlayedBy string // the make of package sim that it was tried against
}

// All gives the entries of all files, by name.
func All() []Entry {
	var all []Entry
	for _, name := range Names() {
		e, _ := Find(name)
		all = append(all, e)
	}
	return all
}

// Names gives the names of all specifications, sorted.
func Names() []string {
	names := files.Names()
	for i, f := range names {
		names[i] = strings.TrimSuffix(path.Base(f), ".dev")
	}
	slices.Sort(names)
	return names
}

// Find gives the entry of a specification.
func Find(name string) (Entry, bool) {
	text, found := Text(name)
	if !found {
		return Entry{}, false
	}
	e := Entry{Name: name}
	fields := map[string]*string{
		"Hardware": &e.Hardware, "Reached": &e.Reached, "Login": &e.Login, "Plugs": &e.Plugs, "Proof": &e.Proof, "Played by": &e.PlayedBy,
	}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "# "), ": ")
		if !strings.HasPrefix(line, "# ") || !ok || fields[key] == nil {
			break
		}
		*fields[key] = strings.TrimSpace(value)
	}
	return e, true
}

// mostPlugs is how many outlets a size may name.
const mostPlugs = 1000

// Text gives a device file by the name of its specification. A number behind a slash
// is how many outlets the unit has, where the file numbers them from 1:
// "apc-menu-13p13/24"; the specification in it has that name then.
func Text(name string) ([]byte, bool) {
	plain, size, sized := strings.Cut(name, "/")
	if plain == "" || strings.ContainsAny(plain, `.\`) {
		return nil, false
	}
	text, err := files.ReadFile(path.Join("files", plain+".dev"))
	if err != nil || !sized {
		return text, err == nil
	}
	n, err := strconv.Atoi(size)
	from, to := plugList(text)
	if err != nil || n < 1 || n > mostPlugs || strconv.Itoa(n) != size || to == 0 || bytes.Count(text[from:to], []byte(`"`)) == 2 {
		return nil, false
	}
	var list []byte
	for i := range n {
		list = append(strconv.AppendQuote(list, strconv.Itoa(i+1)), ' ')
	}
	text = slices.Concat(text[:from], []byte(" "), list, text[to:])
	return bytes.Replace(text, fmt.Appendf(nil, "specification %q", plain), fmt.Appendf(nil, "specification %q", name), 1), true
}

// plugList finds what stands between the braces of the list of plugs; to is 0 if
// there is none.
func plugList(text []byte) (from, to int) {
	const head = "\tplug name {"
	at := bytes.Index(text, []byte(head))
	if at < 0 {
		return 0, 0
	}
	from = at + len(head)
	return from, from + bytes.IndexByte(text[from:], '}')
}

// Library is the shelf as those see it who are handed one.
type Library struct{}

// Text implements roomfile's Library.
func (Library) Text(name string) ([]byte, bool) { return Text(name) }

// Names implements roomfile's Library.
func (Library) Names() []string { return Names() }

// Export gives a device file for a powermand, with name and password in clear where
// the specification has a place for them. What it does not ask for must not be
// given: a password in a file that needs none is one too many.
func Export(name, user, password string) ([]byte, error) {
	text, found := Text(name)
	if !found {
		return nil, fmt.Errorf("there is no specification %q here", name)
	}
	for _, p := range []struct{ key, word, value string }{{"%{user}", "a user", user}, {"%{password}", "a password", password}} {
		asked := bytes.Contains(text, []byte(p.key))
		switch {
		case asked && p.value == "":
			return nil, fmt.Errorf("%s wants %s, and none was given", name, p.word)
		case !asked && p.value != "":
			return nil, fmt.Errorf("%s does not ask for %s: its line has logged in already", name, p.word)
		case strings.ContainsFunc(p.value, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return nil, fmt.Errorf("%s has a control character in it, which the device language cannot send", p.word)
		}
		text = bytes.ReplaceAll(text, []byte(p.key), literal(p.value))
	}
	return text, nil
}

// literal writes a value as it must stand in the text of a send: escaped for the
// quotes, and for the format that it is.
func literal(value string) []byte {
	return []byte(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(value))
}
