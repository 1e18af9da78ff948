package folder

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/ockle/ini"
)

// config reads config.ini. What it does not say, or says wrong, is as it is by
// default.
func (r *reader) config() {
	c := &r.folder.Config
	file := filepath.Join(r.root, ConfigName)
	data, err := r.open(file)
	doc := ini.New()
	switch {
	case err == nil:
		c.File = file
		doc, _ = r.parse(file, data, "")
	case errors.Is(err, fs.ErrNotExist):
		r.warn(file, 0, "is not there; everything in it is as it is by default")
	default:
		r.fail(file, 0, "", "cannot be read, and everything in it is taken as it is by default: %v", cause(err))
	}
	values := make(map[string]string)
	for _, s := range ConfigSections() {
		for _, f := range s.Fields {
			values[s.Name+" "+f.Key] = r.value(file, doc, s.Name, f)
		}
	}
	text := func(key string) string { return values[key] }
	number := func(key string) int { n, _ := ini.Int(values[key]); return n } // was checked
	seconds := func(key string) time.Duration { return time.Duration(number(key)) * time.Second }
	folder := func(key, standard string) string {
		name := values["main "+key]
		if clean := filepath.Clean(name); filepath.IsLocal(name) && clean != "." {
			return clean
		}
		r.fail(file, doc.Line("main", key), "", "%s leads out of the folder, and %s is taken instead", key, standard)
		return standard
	}
	c.Plugins, _ = ini.List(text("plugins pluginlist")) // was checked
	c.PluginDir, c.LogFile = text("main plugin_dir"), text("main log_file_path")
	c.ServerDir = folder("server_dir", "servers")
	c.PDUDir = folder("outlet_dir", "outlets")
	c.TesterDir = folder("tester_dir", "testers")
	c.ControllerDir = folder("controller_dir", "controllers")
	c.Settle, c.MaxAttempts = seconds("servers max_startup_time"), number("servers max_attempts")
	c.Listener = Listener{
		Port: number("plugins.SocketListener listener_port"), MaxConnections: number("plugins.SocketListener max_connections"),
		MaxReceive: number("plugins.SocketListener max_rcv_size"), Timeout: seconds("plugins.SocketListener socket_timeout"),
	}
	c.Logger = Logger{Database: text("plugins.Logger log_db"), Resolution: seconds("plugins.Logger log_resolution")}
	c.AutoControl = AutoControl{
		Wait: seconds("plugins.AutoControl wait_time"), IdlePasses: number("plugins.AutoControl max_start_attempts"),
	}
}

// value gives a value of config.ini, and its default if there is none or it is
// wrong.
func (r *reader) value(file string, doc *ini.Document, section string, f Field) string {
	key := f.Key
	value, found := doc.Get(section, key)
	if !found && f.Alias != "" {
		key = f.Alias
		value, found = doc.Get(section, key)
	}
	if !found || value == "" && f.Type != String {
		return f.Default
	}
	if err := f.Check(value); err != nil {
		r.fail(file, doc.Line(section, key), "", "[%s] %s %v, and is taken as %q", section, key, err, f.Default)
		return f.Default
	}
	return value
}

// generator reads a PDU, a controller or a tester.
func (r *reader) generator(kind Kind, file, name string, doc *ini.Document, broken string) {
	g := Generator{Kind: kind, Name: name, File: file, Broken: broken}
	section := string(kind)
	fail := func(line int, msg string) {
		if g.Broken == "" {
			g.Broken = msg
		}
		r.fail(file, line, called(kind, name), "%s", msg)
	}
	g.Type, _ = doc.Get(section, "type")
	g.Comment, _ = doc.Get(section, "comment")
	template, known := r.templateOf(kind, g.Type)
	switch {
	case broken != "" && !known:
	case !doc.Has(section):
		fail(0, "there is no section ["+section+"]")
	case g.Type == "":
		fail(doc.Line(section, ""), "there is no type")
	case !known:
		fail(doc.Line(section, "type"), "there is no type "+quote(g.Type)+" of "+section+", but "+strings.Join(types(kind), ", "))
	default:
		g.Settings = r.settings(file, doc, section, template, template.Generator, []string{"type", "comment"}, fail)
	}
	all := &r.folder.PDUs
	switch kind {
	case Controller:
		all = &r.folder.Controllers
	case Tester:
		all = &r.folder.Testers
	}
	if r.at[kind] == nil {
		r.at[kind] = make(map[string]int)
	}
	r.at[kind][name] = len(*all)
	*all = append(*all, g)
}

// templateOf finds the template of a type, of those that Ockle does not know too.
func (r *reader) templateOf(kind Kind, typ string) (Template, bool) {
	if t, known := TemplateOf(kind, typ); known {
		return t, true
	}
	known := r.src.Types != nil && typ != "" && r.src.Types(kind, typ)
	return Template{Kind: kind, Type: typ, Open: true}, known
}

// types gives the names of the types of a kind.
func types(kind Kind) []string {
	var names []string
	for _, t := range Templates() {
		if t.Kind == kind {
			names = append(names, t.Type)
		}
	}
	return names
}

// settings gives the values of a section by their keys, checked, with defaults for
// what is missing; not those of besides, which mean something else.
func (r *reader) settings(file string, doc *ini.Document, section string, of Template, fields []Field, besides []string, fail func(line int, msg string)) map[string]string {
	values := make(map[string]string)
	for _, key := range doc.Keys(section) {
		if key == "name" || slices.Contains(besides, key) {
			continue
		}
		if !of.Open && !slices.ContainsFunc(fields, func(f Field) bool { return f.Key == key }) {
			r.warn(file, doc.Line(section, key), "[%s] %s is not a setting of this type", section, quote(key))
		}
		values[key], _ = doc.Get(section, key)
	}
	for _, f := range fields {
		value, found := values[f.Key]
		if !found || value == "" && f.Type != String {
			values[f.Key] = f.Default
			continue
		}
		if err := f.Check(value); err != nil {
			fail(doc.Line(section, f.Key), "["+section+"] "+f.Key+" "+err.Error())
		}
	}
	return values
}
