package roomfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// shelf holds the room's device specifications by name.
type shelf map[string]shelved

// shelved is a specification and where it stands.
type shelved struct {
	spec *devspec.Spec
	mark string // changes with the text of its file
}

// glance is the shelf as one device looks at it. It remembers what was asked for.
type glance struct {
	shelf   shelf
	library Library
	asked   []string

	read  func(name string) ([]byte, error) // nil where no files can be named
	files []string                          // marks of those that were read
}

// File implements [driver.Files].
func (g *glance) File(name string) ([]byte, error) {
	if g.read == nil || name == "" {
		return nil, fs.ErrNotExist
	}
	data, err := g.read(name)
	if err == nil {
		g.files = append(g.files, fmt.Sprintf("%q %x", name, sha256.Sum256(data)))
	}
	return data, err
}

// Specification implements [driver.Shelf].
func (g *glance) Specification(name string) (*devspec.Spec, bool) {
	if !slices.Contains(g.asked, name) {
		g.asked = append(g.asked, name)
	}
	s, found := g.shelf[name]
	if !found && g.library != nil {
		if s, found = fromLibrary(g.library, name); found {
			g.shelf[name] = s
		}
	}
	return s.spec, found
}

// device takes one entry of `devices:`. The settings are looked at when all
// files are read, see makeDevices.
func (l *loader) device(f field) {
	e := &deviceEntry{entrySource: entrySource{at: f.at, value: f.value}}
	names := l.names(f, "device")
	over := len(names) == 1 && l.isOverride(names[0])
	l.decoder.objectPart(f.value, reflect.ValueOf(&e.part).Elem(), over)
	for i, name := range names {
		at, found := l.deviceAt[name]
		if !found {
			l.deviceAt[name] = len(l.devices)
			l.devices = append(l.devices, deviceSource{entry: e, index: i, count: len(names)})
			l.draft.Devices = append(l.draft.Devices, room.DraftDevice{Device: room.Device{Name: name}})
			continue
		}
		if old := &l.devices[at]; l.mayChange("device", name, f, len(names), field{at: old.entry.at, value: old.entry.value}, old.over != nil) {
			old.over = e
		}
	}
}

// isOverride says whether a single device's entry changes a member of a range.
func (l *loader) isOverride(name string) bool {
	at, found := l.deviceAt[name]
	return found && l.devices[at].over == nil && l.devices[at].entry.value != nil && l.devices[at].entry.value.wide
}

// makeDevices finishes the devices of room files: settings, traits, identity.
func (l *loader) makeDevices() {
	drivers := make(map[string]*driver.Driver, len(l.o.Drivers))
	for i := range l.o.Drivers {
		drivers[l.o.Drivers[i].Name] = &l.o.Drivers[i]
	}
	for i := range l.devices {
		if l.devices[i].entry.value == nil {
			continue // of a powerman.conf, done already
		}
		l.makeDevice(i, drivers)
	}
}

func (l *loader) makeDevice(i int, drivers map[string]*driver.Driver) {
	source, d := &l.devices[i], &l.draft.Devices[i]
	part, settings := source.part()
	d.Driver, d.Credential, d.Feed = part.Driver, part.Credential, part.Feed
	d.Stagger, d.AtOnce, d.Poll = part.Stagger, int(part.AtOnce), part.Poll
	d.Verify = time.Duration(part.Verify)
	drv, found := drivers[part.Driver]
	if !found {
		if part.Driver != "" {
			l.failFor(source.field("driver").at, "device", d.Name, "", fmt.Sprintf("there is no driver %q; there are %s", part.Driver, l.driverNames()))
		}
		return
	}
	value := drv.New()
	before := len(l.problems)
	l.decoder.decode(settings, reflect.ValueOf(value).Elem())
	if len(l.problems) > before {
		return
	}
	view := glance{shelf: l.shelf, library: l.o.Library, read: l.beside(settings.at)}
	traits, err := value.Traits(&view)
	if err != nil {
		l.traitsFailed(d.Name, settings, err, &view)
		return
	}
	l.mayLogIn(source, d, traits.Login)
	d.Fixed = traits.Plugs
	d.Settings = driver.Prepared{Settings: value, Traits: traits}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", part.Driver)
	settings.print(h)
	l.mixIn(h, &view, part.Credential)
	d.Identity = hex.EncodeToString(h.Sum(nil))
}

// beside reads files by names that are relative to the folder of a place's file.
func (l *loader) beside(at place) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) && int(at.file) < len(l.files) {
			name = filepath.Join(filepath.Dir(l.files[at.file].name), name)
		}
		return l.read(name)
	}
}

// mayLogIn says what a device's credential lacks that its driver cannot do without.
// A credential that is not there at all is told of elsewhere.
func (l *loader) mayLogIn(source *deviceSource, d *room.DraftDevice, wants []string) {
	if len(wants) == 0 {
		return
	}
	at := slices.IndexFunc(l.draft.Credentials, func(c room.Credential) bool { return c.Name == d.Credential })
	var given map[string]string
	switch {
	case at >= 0:
		given = l.draft.Credentials[at].Secrets
	case d.Credential != "":
		return
	}
	var lacks []string
	for _, name := range wants {
		if given[name] == "" {
			lacks = append(lacks, "a "+name)
		}
	}
	if len(lacks) > 0 {
		l.failFor(source.field("credential").at, "device", d.Name, "", fmt.Sprintf("driver %s needs a credential with %s", d.Driver, strings.Join(lacks, " and ")))
	}
}

func (l *loader) driverNames() string {
	var names []string
	for _, d := range l.o.Drivers {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// mixIn adds to a device's identity what it refers to: specifications, files and
// references to secrets. Only with the same ones can a session be kept.
func (l *loader) mixIn(h io.Writer, view *glance, credential string) {
	for _, name := range view.asked {
		fmt.Fprintf(h, "specification %q %s\n", name, l.shelf[name].mark)
	}
	for _, mark := range view.files {
		fmt.Fprintf(h, "file %s\n", mark)
	}
	for _, c := range l.draft.Credentials {
		if credential != "" && c.Name == credential {
			fmt.Fprintf(h, "credential %q %v\n", c.User, c.Secrets) // maps print sorted
		}
	}
}

// traitsFailed puts a driver's complaint to the setting that it is about.
func (l *loader) traitsFailed(name string, settings *value, err error, view *glance) {
	at, msg := settings.at, err.Error()
	var f *driver.FieldError
	if errors.As(err, &f) {
		if v := settings.get(f.Field); v != nil {
			at, msg = v.at, f.Err.Error()
		}
	}
	for _, asked := range view.asked {
		if _, found := l.shelf[asked]; !found {
			msg += l.shelf.hint(asked, l.o.Library)
		}
	}
	l.failFor(at, "device", name, "", msg)
}

func (s shelf) hint(name string, lib Library) string {
	names := make([]string, 0, len(s))
	for n := range s {
		names = append(names, n)
	}
	slices.Sort(names)
	if near := room.Nearest(name, slices.Concat(names, libraryNames(lib))); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	if len(names) == 0 {
		return "; the room names no files under specifications:"
	}
	const most = 20
	more := ""
	if len(names) > most {
		names, more = names[:most], " and more"
	}
	return "; there are " + strings.Join(names, ", ") + more
}

// part gives what holds for one device: its range's entry, with the range in
// its settings walked to this member, and over it what its own entry says.
func (s *deviceSource) part() (devicePart, *value) {
	part := s.entry.part
	settings := s.entry.value.get("settings")
	if settings == nil {
		settings = &value{at: s.entry.value.at}
	}
	if s.count > 1 {
		settings = s.entry.walk(settings, s.index, s.count)
	}
	if s.over == nil {
		return part, settings
	}
	own, v := s.over.part, s.over.value
	given := func(key string) bool { return v.get(key) != nil }
	if given("driver") {
		if own.Driver != part.Driver {
			settings = &value{at: v.at}
		}
		part.Driver = own.Driver
	}
	if given("credential") {
		part.Credential = own.Credential
	}
	if given("feed") {
		part.Feed = own.Feed
	}
	if given("stagger") {
		part.Stagger = own.Stagger
	}
	if given("at-once") {
		part.AtOnce = own.AtOnce
	}
	if given("verify") {
		part.Verify = own.Verify
	}
	if given("poll") {
		part.Poll = own.Poll
	}
	if more := v.get("settings"); more != nil {
		settings = more.over(settings)
	}
	return part, settings
}

// field gives the value of a field of a device's entry, or the entry itself.
func (s *deviceSource) field(key string) *value {
	if s.over != nil {
		if v := s.over.value.get(key); v != nil {
			return v
		}
	}
	if v := s.entry.value.get(key); v != nil {
		return v
	}
	return s.entry.value
}

// over gives a mapping with the fields of v, and those of under that v lacks.
func (v *value) over(under *value) *value {
	if v.shape != mapping || under.shape != mapping {
		return v
	}
	both := &value{at: v.at, shape: mapping, fields: slices.Clone(v.fields)}
	for _, f := range under.fields {
		if v.get(f.key) == nil {
			both.fields = append(both.fields, f)
		}
	}
	return both
}

// walk gives the settings for the i-th of n members of a range: in its texts,
// each bracket range of exactly n members is replaced by its i-th. Other
// brackets, such as those of an IPv6 address, stay.
func (e *deviceEntry) walk(v *value, i, n int) *value {
	switch v.shape {
	case scalar:
		if strings.IndexByte(v.text, '[') >= 0 {
			return &value{at: v.at, shape: scalar, quoted: v.quoted, text: e.walkText(v.text, i, n)}
		}
	case list:
		out := &value{at: v.at, shape: list, items: make([]*value, len(v.items))}
		for k, item := range v.items {
			out.items[k] = e.walk(item, i, n)
		}
		return out
	case mapping:
		out := &value{at: v.at, shape: mapping, fields: slices.Clone(v.fields)}
		for k := range out.fields {
			out.fields[k].value = e.walk(out.fields[k].value, i, n)
		}
		return out
	case nothing:
	}
	return v
}

func (e *deviceEntry) walkText(text string, i, n int) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '[')
		if open < 0 {
			break
		}
		length := strings.IndexByte(text[open:], ']')
		if length < 0 {
			break
		}
		group := text[open : open+length+1]
		b.WriteString(text[:open])
		if members := e.group(group, n); members != nil {
			b.WriteString(members[i])
		} else {
			b.WriteString(group)
		}
		text = text[open+length+1:]
	}
	b.WriteString(text)
	return b.String()
}

// group gives the members of a bracket range if there are n, else nil.
func (e *deviceEntry) group(text string, n int) []string {
	if members, found := e.walks[text]; found {
		return members
	}
	var members []string
	if strings.Trim(text, "[]0123456789,-") == "" {
		if list, err := limits.Parse(text); err == nil && list.Len() == n {
			members = list.Names()
		}
	}
	if e.walks == nil {
		e.walks = make(map[string][]string)
	}
	e.walks[text] = members
	return members
}

// print writes the value in one canonical form.
func (v *value) print(w io.Writer) {
	switch v.shape {
	case nothing:
		io.WriteString(w, "~")
	case scalar:
		io.WriteString(w, strconv.Quote(v.text))
	case list:
		io.WriteString(w, "[")
		for _, item := range v.items {
			item.print(w)
			io.WriteString(w, ",")
		}
		io.WriteString(w, "]")
	case mapping:
		sorted := slices.Clone(v.fields)
		sort.Slice(sorted, func(i, j int) bool { return sorted[i].key < sorted[j].key })
		io.WriteString(w, "{")
		for _, f := range sorted {
			fmt.Fprintf(w, "%q:", f.key)
			f.value.print(w)
			io.WriteString(w, ",")
		}
		io.WriteString(w, "}")
	}
}
