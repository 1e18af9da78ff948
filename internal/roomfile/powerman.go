package roomfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// PowerManDriver is what room.Device.Driver says of a device of a powerman.conf.
const PowerManDriver = "script"

// isPowerMan tells a powerman.conf from a room file, by name or by its first word.
func isPowerMan(path string, data []byte) bool {
	switch filepath.Ext(path) {
	case ".conf", ".dev":
		return true
	case ".yaml", ".yml", ".json":
		return false
	}
	for line := range bytes.Lines(data) {
		word, rest, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if word == "" || word[0] == '#' {
			continue
		}
		words := []string{"include", "listen", "tcpwrappers", "plug_log_level", "device", "node", "alias", "specification"}
		return slices.Contains(words, word) && !strings.HasPrefix(strings.TrimSpace(rest), ":")
	}
	return false
}

// addPowerMan reads a powerman.conf and all that it includes.
func (l *loader) addPowerMan(id int32, path string) {
	if l.o.PowerManDevice == nil {
		l.problems = append(l.problems, &Problem{File: path, Msg: "a powerman.conf cannot be used here", order: int(id)})
		return
	}
	conf, err := devspec.ParseConfig(path, l.reader(path))
	if err != nil {
		l.devspecFailed(id, err)
	}
	l.takeSpecs(conf)
	p := part{file: id, conf: conf}
	if err == nil {
		layout, err := conf.Resolve()
		if err != nil && len(conf.Nodes) == 0 && len(layout.Nodes) == 0 {
			// Whether the room as a whole has nodes is for the loader to say.
			err = withoutNoNodes(err)
		}
		if err != nil {
			l.devspecFailed(id, err)
		}
		p.layout = layout
	}
	l.parts = append(l.parts, p)
}

func withoutNoNodes(err error) error {
	var list devspec.ErrorList
	if !errors.As(err, &list) {
		return err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(e *devspec.Error) bool { return !e.Pos.IsValid() })
	if len(list) == 0 {
		return nil
	}
	return list
}

func (l *loader) devspecFailed(id int32, err error) {
	for _, p := range fromDevspec(err) {
		p.order = int(id)
		l.problems = append(l.problems, p)
	}
}

// specifications reads the device files that room files name, each once.
func (l *loader) specifications() {
	done := make(map[string]bool)
	for _, p := range l.parts {
		v := p.doc.get("specifications")
		if v == nil {
			continue
		}
		for i, pattern := range l.texts(v) {
			for _, name := range l.expand(l.files[p.file].name, pattern, v.item(i)) {
				if !done[name] {
					done[name] = true
					l.specFile(name, v.item(i))
				}
			}
		}
	}
}

func (l *loader) specFile(name string, at place) {
	if _, err := l.read(name); err != nil {
		l.fail(at, "cannot read %s: %s", name, err)
		return
	}
	conf, err := devspec.ParseConfig(name, l.reader(name))
	if err != nil {
		id := int32(len(l.files))
		l.files = append(l.files, file{name: name})
		l.devspecFailed(id, err)
	}
	if len(conf.Nodes)+len(conf.Devices)+len(conf.Aliases) > 0 {
		l.fail(at, "%s is a powerman.conf; name it under include:", name)
	}
	for _, s := range conf.Specs {
		if old, found := l.shelf[s.Name]; found && old.mark != l.mark(s) {
			l.fail(at, "specification %q is in %s and in %s, and they differ", s.Name, old.spec.Pos, s.Pos)
		}
	}
	l.takeSpecs(conf)
}

// takeSpecs puts the specifications of a file onto the shelf. Of two with one
// name the first counts, as in PowerMan.
func (l *loader) takeSpecs(conf *devspec.Config) {
	for _, s := range conf.Specs {
		if _, found := l.shelf[s.Name]; found {
			continue
		}
		l.shelf[s.Name] = shelved{spec: s, mark: l.mark(s)}
	}
}

// mark gives a digest of a specification's text; if that includes files, of all
// files read so far.
func (l *loader) mark(s *devspec.Spec) string {
	text, whole := specText(l.text(s.Pos.File), s.Pos)
	h := sha256.New()
	h.Write(text)
	if !whole {
		for _, name := range l.result.Order {
			h.Write(l.result.Files[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// takePowerMan takes a powerman.conf into the draft: never polled, never
// verified, plugs in PowerMan's order.
func (l *loader) takePowerMan(p part) {
	door := &l.draft.Settings.PowerMan
	for _, listen := range p.conf.Listens {
		door.Listen = append(door.Listen, listen.Address)
	}
	if p.conf.TCPWrappers != nil {
		door.TCPWrappers = p.conf.TCPWrappers.On
	}
	if p.conf.PlugLogLevel != nil {
		door.PlugLogLevel = min(p.conf.PlugLogLevel.Level, 7)
	}
	if p.layout == nil {
		return
	}
	for _, d := range p.layout.Devices {
		l.powermanDevice(p, d)
	}
	entry := &nodeEntry{entrySource: entrySource{at: place{file: p.file}}}
	at := l.nodePlaces(p)
	cords := make([]room.DraftCord, len(p.layout.Nodes))
	for i, n := range p.layout.Nodes {
		d := p.layout.Devices[n.Device]
		cords[i] = room.DraftCord{Device: d.Decl.Name, Plug: d.Plugs[n.Plug].Name}
		if old, found := l.nodeAt[n.Name]; found {
			l.fail(at(n.Name), "node %s is defined already at %s", n.Name, l.where(l.nodes[old].entry.at, entry.at))
			continue
		}
		l.nodeAt[n.Name] = len(l.draft.Nodes)
		l.draft.Nodes = append(l.draft.Nodes, room.DraftNode{Name: n.Name, Cords: cords[i : i+1 : i+1]})
		l.nodes = append(l.nodes, nodeSource{entry: entry})
	}
	for i, a := range p.layout.Aliases {
		l.draft.Aliases = append(l.draft.Aliases, room.DraftGroup{Name: a.Name, Members: a.Nodes, Loose: true})
		l.aliases = append(l.aliases, entrySource{at: l.placeOf(p.file, p.conf.Aliases[min(i, len(p.conf.Aliases)-1)].Pos)})
	}
}

// nodePlaces gives a function that finds where a node was defined; it is for
// errors only and may be slow.
func (l *loader) nodePlaces(p part) func(string) place {
	return func(name string) place {
		for _, n := range p.conf.Nodes {
			if list, err := limits.Parse(n.Hosts); err == nil && list.Contains(name) {
				return l.placeOf(p.file, n.Pos)
			}
		}
		return place{file: p.file}
	}
}

// placeOf gives a place as this package has it; for an included file only the
// including one is known.
func (l *loader) placeOf(file int32, pos devspec.Pos) place {
	if l.files[file].name != pos.File {
		return place{file: file}
	}
	return place{file, int32(pos.Line), int32(pos.Col)}
}

func (l *loader) powermanDevice(p part, d *devspec.LayoutDevice) {
	at := l.placeOf(p.file, d.Decl.Pos)
	if old, found := l.deviceAt[d.Decl.Name]; found {
		if l.devices[old].entry.at.file != p.file {
			l.fail(at, "device %s is defined already at %s", d.Decl.Name, l.where(l.devices[old].entry.at, at))
			return
		}
		l.warn(at, "device %s is defined twice; nodes hang on the first (line %d), and this one is left out", d.Decl.Name, l.devices[old].entry.at.line)
		return
	}
	l.deviceAt[d.Decl.Name] = len(l.devices)
	l.devices = append(l.devices, deviceSource{entry: &deviceEntry{entrySource: entrySource{at: at}}})
	dev := room.DraftDevice{Device: room.Device{Name: d.Decl.Name, Driver: PowerManDriver}, NewestFirst: true}
	if d.Spec != nil {
		dev.Fixed = d.Spec.Plugs
		l.powermanSettings(&dev, d, at)
	}
	l.draft.Devices = append(l.draft.Devices, dev)
}

func (l *loader) powermanSettings(dev *room.DraftDevice, d *devspec.LayoutDevice, at place) {
	settings, err := l.o.PowerManDevice(d.Spec, d.Decl.Where, d.Decl.Flags)
	if err != nil {
		l.fail(at, "device %s: %s", dev.Name, err)
		return
	}
	view := glance{shelf: l.shelf}
	traits, err := settings.Traits(&view)
	if err != nil {
		l.fail(at, "device %s: %s", dev.Name, err)
		return
	}
	dev.Settings = driver.Prepared{Settings: settings, Traits: traits}
	h := sha256.New()
	fmt.Fprintf(h, "powerman %q %q %q %v\n", d.Spec.Name, d.Decl.Where, d.Decl.Flags, d.Decl.HasFlags)
	io.WriteString(h, l.shelf[d.Spec.Name].mark)
	dev.Identity = hex.EncodeToString(h.Sum(nil))
}
