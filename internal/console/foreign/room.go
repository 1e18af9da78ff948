package foreign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
)

// Room writes a room file with the consoles. Where most logs are in one folder, that is
// the room's; a console of a service processor gets a device.
func (f *Found) Room(schema, from string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n# The consoles of %s.\n", schema, clean(from))
	folder := f.folder()
	logged := slices.ContainsFunc(f.Consoles, func(c Console) bool { return c.Log != "" })
	fmt.Fprintf(&b, "\nconsoles:\n  log: %s\n", yesNo(logged))
	if folder != "" {
		fmt.Fprintf(&b, "  folder: %s\n", quote(folder))
	}
	f.bmcs(&b)
	b.WriteString("\nnodes:\n")
	for i := range f.Consoles {
		f.node(&b, &f.Consoles[i], folder, logged)
	}
	f.aliases(&b)
	return b.Bytes()
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// quote writes a text so that YAML reads it back.
func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return `""`
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func clean(text string) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, []byte(text)))
}

// folder gives the folder of most logs.
func (f *Found) folder() string {
	count := make(map[string]int)
	best := ""
	for _, c := range f.Consoles {
		if c.Log == "" {
			continue
		}
		dir, _ := logParts(c.Log)
		if count[dir]++; count[dir] > count[best] || count[dir] == count[best] && dir < best {
			best = dir
		}
	}
	return best
}

// bmcs writes the devices of consoles that are reached by IPMI, and what they log in with.
func (f *Found) bmcs(b *bytes.Buffer) {
	var users []string
	hosts := 0
	for _, c := range f.Consoles {
		if c.Host == "" {
			continue
		}
		hosts++
		if !slices.Contains(users, c.User) {
			users = append(users, c.User)
		}
	}
	if hosts == 0 {
		return
	}
	b.WriteString("\ncredentials:\n")
	for i, user := range users {
		fmt.Fprintf(b, "  %s: {user: %s, password: \"secret:%s\"}\n", credential(i), quote(user), credential(i))
	}
	b.WriteString("\ndevices:\n")
	for _, c := range f.Consoles {
		if c.Host != "" {
			fmt.Fprintf(b, "  %s: {driver: ipmi, credential: %s, settings: {address: %s}}\n", quote("bmc-"+c.Name), credential(slices.Index(users, c.User)), quote(c.Host))
		}
	}
}

func credential(i int) string {
	if i == 0 {
		return "bmc"
	}
	return fmt.Sprintf("bmc%d", i+1)
}

func (f *Found) node(b *bytes.Buffer, c *Console, folder string, logged bool) {
	fmt.Fprintf(b, "  %s:\n", quote(c.Name))
	if c.Host != "" {
		fmt.Fprintf(b, "    bmc: %s\n", quote("bmc-"+c.Name))
	}
	b.WriteString("    console:\n")
	empty := b.Len()
	if c.Via != "" {
		fmt.Fprintf(b, "      via: %s\n", quote(c.Via))
	}
	switch dir, file := logParts(c.Log); {
	case c.Log == "" && logged:
		b.WriteString("      log: no\n")
	case c.Log != "":
		if dir != folder {
			fmt.Fprintf(b, "      folder: %s\n", quote(dir))
		}
		if file != c.Name+".log" && path.Base(file) == file && file != "." && file != ".." && file != "/" {
			fmt.Fprintf(b, "      file: %s\n", quote(file))
		}
	}
	if c.Size > 0 {
		fmt.Fprintf(b, "      size: %d\n", c.Size)
	}
	if c.Message != "" {
		fmt.Fprintf(b, "      message: %s\n", quote(c.Message[:min(len(c.Message), 1024)]))
	}
	if b.Len() == empty {
		b.Truncate(b.Len() - len("    console:\n"))
		b.WriteString("    console: {}\n")
	}
}

func (f *Found) aliases(b *bytes.Buffer) {
	begun := false
	for _, c := range f.Consoles {
		for _, a := range c.Aliases {
			if !begun {
				b.WriteString("\naliases:\n")
				begun = true
			}
			fmt.Fprintf(b, "  %s: %s\n", quote(a), quote(c.Name))
		}
	}
}
