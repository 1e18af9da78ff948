package roomfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Converted is a room file made of a powerman.conf.
type Converted struct {
	Room []byte
	// Beside are device files to write beside the room file, by names relative
	// to it: specifications that stood in the powerman.conf itself or in files
	// found from its working directory. Others are referred to where they are.
	Beside map[string][]byte
	// Warnings are those of reading the powerman.conf.
	Warnings Problems
}

// Convert writes a room file that says what a powerman.conf says: the same
// nodes, devices, plugs and aliases in the same order, with names that follow
// each other folded into ranges. What it makes is read back and compared before
// it is given out, so an error can also be that something in the powerman.conf
// has no form in a room file.
//
// One thing does not come along: PowerMan walks the plugs of devices without a
// list of plugs from the last defined to the first, a room from the first.
func Convert(ctx context.Context, path string, o Options) (*Converted, error) {
	l := newLoader(ctx, o)
	l.add(path, place{}, 0)
	if len(l.parts) == 1 && l.parts[0].conf == nil {
		return nil, Problems{{File: path, Msg: "this is a room file already, or says nothing; a powerman.conf has devices and nodes"}}
	}
	l.sections()
	before := l.room()
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	c := converter{loader: l, room: before, conf: l.parts[0].conf, out: Converted{Beside: make(map[string][]byte), Warnings: l.warnings}}
	if err := c.write(path); err != nil {
		return nil, err
	}
	c.out.Room = c.text.Bytes()
	if err := c.check(ctx); err != nil {
		return nil, err
	}
	return &c.out, nil
}

type converter struct {
	loader *loader
	room   *room.Room
	conf   *devspec.Config
	out    Converted
	text   bytes.Buffer
}

func (c *converter) line(indent int, format string, args ...any) {
	c.text.WriteString(strings.Repeat("  ", indent))
	fmt.Fprintf(&c.text, format, args...)
	c.text.WriteByte('\n')
}

func (c *converter) write(path string) error {
	c.line(0, "# yaml-language-server: $schema=%s", SchemaID)
	c.line(0, "# Made from %s.", strings.Map(func(r rune) rune {
		if r < ' ' {
			return '?'
		}
		return r
	}, filepath.Base(path)))
	if err := c.specifications(); err != nil {
		return err
	}
	c.devices()
	c.nodes()
	c.aliases()
	c.door()
	return nil
}

// specifications refers to device files, and puts out beside what is not in one.
func (c *converter) specifications() error {
	var names []string
	for _, s := range c.conf.Specs {
		if c.loader.shelf[s.Name].spec != s {
			continue // a second one of that name, which PowerMan does not look at
		}
		name := s.Pos.File
		if !c.pure(name) {
			text, whole := specText(c.loader.text(s.Pos.File), s.Pos)
			if !whole {
				return Problems{{File: s.Pos.File, Line: s.Pos.Line, Msg: fmt.Sprintf("specification %q includes files from inside; it must be put into a file of its own first", s.Name)}}
			}
			name = c.beside(s.Name)
			c.out.Beside[name] = append(slices.Clone(text), '\n')
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		c.line(0, "")
		c.line(0, "specifications:")
		for _, name := range names {
			c.line(1, "- %s", quote(name))
		}
	}
	return nil
}

// pure says whether a file can be referred to as it stands: it is found from
// everywhere, and holds nothing but specifications, all of them in use.
func (c *converter) pure(name string) bool {
	if !filepath.IsAbs(name) || strings.ContainsAny(name, "*?[") {
		return false
	}
	alone, err := devspec.ParseConfig(name, c.loader.reader(name))
	if err != nil || len(alone.Devices)+len(alone.Nodes)+len(alone.Aliases)+len(alone.Listens) > 0 || alone.TCPWrappers != nil || alone.PlugLogLevel != nil {
		return false
	}
	for _, s := range alone.Specs {
		if s.Pos.File != name || c.loader.shelf[s.Name].spec.Pos != s.Pos {
			return false
		}
	}
	return true
}

// beside makes a file name for a specification.
func (c *converter) beside(spec string) string {
	safe := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, spec)
	name := "devices/" + safe + ".dev"
	for n := 2; c.out.Beside[name] != nil; n++ {
		name = fmt.Sprintf("devices/%s-%d.dev", safe, n)
	}
	return name
}

func (c *converter) devices() {
	if len(c.room.Devices) > 0 {
		c.line(0, "")
		c.line(0, "devices:")
	}
	for from := 0; from < len(c.room.Devices); {
		settings := c.settings(from)
		to := from + 1
		for to < len(c.room.Devices) && follows(c.room.Devices[to-1].Name, c.room.Devices[to].Name) && sameKeys(settings, c.settings(to)) {
			to++
		}
		folded := c.foldSettings(from, to)
		for folded == nil { // one more settles it: a single device always folds
			to--
			folded = c.foldSettings(from, to)
		}
		var names hostlist.List
		for i := from; i < to; i++ {
			names.Append(c.room.Devices[i].Name)
		}
		c.line(1, "%s:", quote(names.String()))
		c.line(2, "driver: %s", quote(c.room.Devices[from].Driver))
		c.line(2, "settings:")
		for _, s := range folded {
			c.line(3, "%s: %s", s.key, s.text)
		}
		from = to
	}
}

// setting is one of a device's settings as text.
type setting struct {
	key, text string
	bare      bool // a number or the like, which must not be quoted
}

// settings gives what a device's settings differ in from the driver's defaults.
func (c *converter) settings(device int) []setting {
	d := &c.room.Devices[device]
	prepared, _ := d.Settings.(driver.Prepared)
	v := reflect.ValueOf(prepared.Settings).Elem()
	base := reflect.New(v.Type()).Elem()
	for _, drv := range c.loader.o.Drivers {
		if fresh := drv.New(); drv.Name == d.Driver && reflect.TypeOf(fresh).Elem() == v.Type() {
			base = reflect.ValueOf(fresh).Elem()
		}
	}
	var out []setting
	for _, a := range attributes(v.Type()) {
		have, fresh := v.FieldByIndex(a.index), base.FieldByIndex(a.index)
		if reflect.DeepEqual(have.Interface(), fresh.Interface()) {
			continue
		}
		out = append(out, setting{key: a.name, text: fmt.Sprint(have.Interface()), bare: have.Kind() != reflect.String})
	}
	return out
}

func sameKeys(x, y []setting) bool {
	return slices.EqualFunc(x, y, func(a, b setting) bool { return a.key == b.key })
}

// foldSettings writes the settings of devices [from:to] as one, or gives nil if
// that is not possible for them all.
func (c *converter) foldSettings(from, to int) []setting {
	out := c.settings(from)
	all := make([][]setting, to-from)
	for i := range all {
		all[i] = c.settings(from + i)
	}
	entry := deviceEntry{}
	for k := range out {
		texts := make([]string, len(all))
		for i := range all {
			texts[i] = all[i][k].text
		}
		folded := foldTexts(texts)
		for i, want := range texts {
			got := folded
			if len(texts) > 1 {
				got = entry.walkText(folded, i, len(texts))
			}
			if got != want {
				return nil
			}
		}
		out[k].text = folded
		if !out[k].bare {
			out[k].text = quote(folded)
		}
	}
	return out
}

func (c *converter) nodes() {
	c.line(0, "")
	c.line(0, "nodes:")
	all := c.room.Nodes
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && follows(all[to-1].Name, all[to].Name) && len(all[to].Cords) == 1 {
			to++
		}
		var names hostlist.List
		for _, n := range all[from:to] {
			names.Append(n.Name)
		}
		c.line(1, "%s:", quote(names.String()))
		c.line(2, "cords: %s", quote(c.cords(all[from:to])))
		from = to
	}
}

// cords writes the plugs of nodes in a row.
func (c *converter) cords(nodes []room.Node) string {
	type run struct{ devices, plugs hostlist.List }
	var runs []run
	plug := func(i int) (string, string) {
		cord := nodes[i].Cords[0]
		d := &c.room.Devices[cord.Device]
		return d.Name, d.Plugs[cord.Plug].Name
	}
	named, firstDevice := true, ""
	for i := range nodes {
		d, p := plug(i)
		if i == 0 {
			firstDevice = d
		}
		id, _ := c.room.Device(d)
		named = named && d == firstDevice && p == nodes[i].Name && c.loader.draft.Devices[id].Fixed == nil
	}
	if named {
		return firstDevice // free plugs, named as the nodes
	}
	for i := 0; i < len(nodes); {
		d, p := plug(i)
		var r run
		r.devices.Append(d)
		r.plugs.Append(p)
		for i++; i < len(nodes); i++ {
			d2, p2 := plug(i)
			longer := r.plugs.Clone()
			longer.Append(p2)
			if d2 != d || !oneWord(longer) {
				break
			}
			r.plugs = longer
		}
		if n := len(runs); n > 0 && runs[n-1].plugs.String() == r.plugs.String() {
			longer := runs[n-1].devices.Clone()
			longer.Append(d)
			if oneWord(longer) {
				runs[n-1].devices = longer
				continue
			}
		}
		runs = append(runs, r)
	}
	words := make([]string, len(runs))
	for i, r := range runs {
		words[i] = r.devices.String() + ":" + r.plugs.String()
	}
	return strings.Join(words, ",")
}

// oneWord says whether a list prints as one word, a name or a bracket.
func oneWord(l hostlist.List) bool { return len(words(l.String())) == 1 }

func (c *converter) aliases() {
	if len(c.room.Aliases) > 0 {
		c.line(0, "")
		c.line(0, "aliases:")
	}
	for _, a := range c.conf.Aliases {
		nodes, found := c.room.AliasNodes(a.Name)
		if !found {
			continue
		}
		var names hostlist.List
		for _, id := range nodes {
			names.Append(c.room.Nodes[id].Name)
		}
		c.line(1, "%s: %s", quote(a.Name), quote(names.String()))
	}
}

func (c *converter) door() {
	door := c.room.Settings.PowerMan
	if len(door.Listen) == 0 && !door.TCPWrappers && door.PlugLogLevel == 7 {
		return
	}
	c.line(0, "")
	c.line(0, "powerman:")
	if len(door.Listen) > 0 {
		c.line(1, "listen:")
		for _, address := range door.Listen {
			c.line(2, "- %s", quote(address))
		}
	}
	if door.TCPWrappers {
		c.line(1, "tcpwrappers: yes")
	}
	if door.PlugLogLevel != 7 {
		names := []string{"emerg", "alert", "crit", "err", "warning", "notice", "info"}
		c.line(1, "plug-log-level: %s", names[door.PlugLogLevel])
	}
}

// check reads what was written and compares it with what was read.
func (c *converter) check(ctx context.Context) error {
	o := c.loader.o
	open, glob := o.Open, o.Glob
	const name = "converted.yaml"
	o.Open = func(path string) ([]byte, error) {
		if path == name {
			return c.out.Room, nil
		}
		if text, found := c.out.Beside[path]; found {
			return text, nil
		}
		return open(path)
	}
	o.Glob = func(pattern string) ([]string, error) {
		if filepath.Dir(pattern) == name {
			return nil, nil
		}
		return glob(pattern)
	}
	again, err := Load(ctx, name, o)
	if err != nil {
		var problems Problems
		if errors.As(err, &problems) {
			return append(Problems{{Msg: "something here has no form in a room file; what was written is:"}}, problems...)
		}
		return err
	}
	if what := differ(c.room, again.Room); what != "" {
		return Problems{{Msg: "something here has no form in a room file: " + what}}
	}
	return nil
}

// differ says in what two rooms differ, or "".
func differ(a, b *room.Room) string {
	if len(a.Nodes) != len(b.Nodes) || len(a.Devices) != len(b.Devices) || len(a.Aliases) != len(b.Aliases) {
		return "the number of nodes, devices or aliases"
	}
	for i := range a.Nodes {
		x, y := a.PlugsOf(room.NodeID(i)), b.PlugsOf(room.NodeID(i))
		same := a.Nodes[i].Name == b.Nodes[i].Name && len(x) == len(y)
		for k := range x {
			same = same && x[k].Name == y[k].Name && a.Nodes[i].Cords[k].Device == b.Nodes[i].Cords[k].Device
		}
		if !same {
			return "node " + a.Nodes[i].Name
		}
	}
	for i := range a.Devices {
		if a.Devices[i].Name != b.Devices[i].Name || len(a.Devices[i].Plugs) != len(b.Devices[i].Plugs) {
			return "device " + a.Devices[i].Name
		}
	}
	for i := range a.Aliases {
		if a.Aliases[i].Name != b.Aliases[i].Name || !slices.Equal(a.Aliases[i].Nodes, b.Aliases[i].Nodes) {
			return "alias " + a.Aliases[i].Name
		}
	}
	return ""
}
