// Package foreign reads what conman (conman.conf) and conserver (conserver.cf) know of
// consoles, and says it in the words of a room file, with notes on what has no such
// words. Their manuals are what it goes by.
//
// It exists so that a room with hundreds of consoles need not be typed again. Start at
// [Read] and [Found.Room].
package foreign

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Limits of what is read.
const (
	maxFile     = 16 << 20
	maxConsoles = 100_000
	maxNotes    = 1000
)

// Console is one console.
type Console struct {
	Name string
	Line int // of the file

	Via  string // an address as room files have it, or ""
	Host string // of a service processor, if it is reached by IPMI
	User string // to log in with there; the password stays where it is

	Log      string // the log's path, "" for none
	Size     int    // MiB, zero for what is usual
	ReadOnly bool
	Message  string
	Aliases  []string
}

// Note is something that a room does not say, or says otherwise.
type Note struct {
	Line int
	Text string
}

// Found is what a file says.
type Found struct {
	From     string // "conman" or "conserver"
	Consoles []Console
	Notes    []Note

	silent map[string]bool // what has been noted already
}

// note adds a note; what is the same of many consoles is said once.
func (f *Found) note(line int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if f.silent[text] || len(f.Notes) >= maxNotes {
		return
	}
	if f.silent == nil {
		f.silent = make(map[string]bool)
	}
	f.silent[text] = true
	f.Notes = append(f.Notes, Note{line, text})
}

// Read reads a conman.conf or a conserver.cf; which of them it is shows by its braces.
// open reads the files that a conserver.cf includes; nil refuses them.
func Read(text []byte, open func(name string) ([]byte, error)) (*Found, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("the file is larger than %d MiB", maxFile>>20)
	}
	f := &Found{From: "conman"}
	var err error
	if isConserver(text) {
		f.From = "conserver"
		err = f.readConserver(text, open)
	} else {
		err = f.readConman(text)
	}
	if err != nil {
		return nil, err
	}
	if len(f.Consoles) == 0 {
		return nil, fmt.Errorf("no consoles are defined in it")
	}
	f.names()
	sort.SliceStable(f.Notes, func(i, j int) bool { return f.Notes[i].Line < f.Notes[j].Line })
	return f, nil
}

// isConserver looks for a brace outside of comments and quotes.
func isConserver(text []byte) bool {
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote || c == '\n' {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			if n := bytes.IndexByte(text[i:], '\n'); n >= 0 {
				i += n
			} else {
				return false
			}
		case c == '{':
			return true
		}
	}
	return false
}

// names makes the names of consoles such as nodes can have, each once.
func (f *Found) names() {
	seen := make(map[string]bool)
	kept := f.Consoles[:0]
	for _, c := range f.Consoles {
		if name := nodeName(c.Name); name != c.Name {
			f.note(c.Line, "%q cannot be the name of a node; it is %s now", c.Name, name)
			c.Name = name
		}
		if seen[c.Name] {
			f.note(c.Line, "console %s is defined twice; the first counts", c.Name)
			continue
		}
		seen[c.Name] = true
		kept = append(kept, c)
	}
	f.Consoles = kept
	f.logs()
	for i := range f.Consoles {
		c := &f.Consoles[i]
		c.Aliases = slices.DeleteFunc(c.Aliases, func(a string) bool {
			if nodeName(a) != a || seen[a] {
				f.note(c.Line, "the alias %q of %s is left out", a, c.Name)
				return true
			}
			seen[a] = true
			return false
		})
	}
}

// logs sees to it that each console has a log of its own.
func (f *Found) logs() {
	taken := make(map[string]bool)
	folder := f.folder()
	for _, c := range f.Consoles { // those that say nothing get the usual one
		if c.Log == "" {
			taken[folder+"/"+c.Name+".log"] = true
		}
	}
	for i := range f.Consoles {
		c := &f.Consoles[i]
		if c.Log == "" {
			continue
		}
		dir, file := logParts(c.Log)
		if strings.ContainsAny(file, "/") || file == "." || file == ".." {
			file = c.Name + ".log"
		}
		for n, wanted := 2, file; taken[dir+"/"+file]; n++ {
			file = fmt.Sprintf("%s.%d", wanted, n)
		}
		if dir+"/"+file != c.Log {
			f.note(c.Line, "the log of %s is %s now", c.Name, shortened(file))
		}
		c.Log = dir + "/" + file
		taken[c.Log] = true
	}
}

func nodeName(name string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_.:/+@", r):
			return r
		}
		return '-'
	}, name)
	out = strings.TrimLeft(out, "-@")
	if out == "" {
		return "console"
	}
	return out[:min(len(out), 200)] // a device's is a little longer
}
