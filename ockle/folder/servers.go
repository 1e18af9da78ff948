package folder

import (
	"slices"

	"millwright.dev/millwright/ockle/ini"
)

// kinds are in the order in which a server's lists are told of.
var kinds = [...]Kind{PDU, Controller, Tester}

// list gives the key of [server] with the objects in use.
func (k Kind) list() string { return k.Object() + "s" }

// server reads what a server's file says by itself; what it needs of others is
// looked up when all are read.
func (r *reader) server(file, name string, doc *ini.Document, broken string) {
	const section = "server"
	s := Server{Name: name, File: file, Broken: broken}
	d := draft{doc: doc, use: make(map[Kind][]string)}
	fail := r.breaker(&s)
	switch {
	case doc.Has(section):
	case broken == "":
		fail(0, "there is no section [server]")
	}
	names := func(key string) []string {
		value, _ := doc.Get(section, key)
		list, err := ini.List(value)
		if err != nil {
			fail(doc.Line(section, key), "[server] "+key+" "+err.Error())
		}
		return r.once(file, doc.Line(section, key), key, list)
	}
	s.Comment, _ = doc.Get(section, "comment")
	for _, kind := range kinds {
		d.use[kind] = names(kind.list())
	}
	s.Needs = names("dependencies")
	for _, key := range doc.Keys(section) {
		if key != "name" && !slices.ContainsFunc(ServerFields(), func(f Field) bool { return f.Key == key }) {
			r.warn(file, doc.Line(section, key), "[server] %s is not a setting of servers", quote(key))
		}
	}
	for _, name := range doc.Sections() {
		if name != section {
			d.objects = append(d.objects, r.object(file, doc, name))
		}
	}
	r.folder.Servers = append(r.folder.Servers, s)
	r.drafts = append(r.drafts, d)
}

// breaker gives a function that sets a server aside.
func (r *reader) breaker(s *Server) func(line int, msg string) {
	return func(line int, msg string) {
		if s.Broken == "" {
			s.Broken = msg
		}
		r.fail(s.File, line, called("", s.Name), "%s", msg)
	}
}

// once drops names that come again.
func (r *reader) once(file string, line int, key string, list []string) []string {
	seen := make(map[string]bool)
	return slices.DeleteFunc(list, func(name string) bool {
		if seen[name] {
			r.warn(file, line, "%s has %s more than once", key, quote(name))
			return true
		}
		seen[name] = true
		return false
	})
}

// object reads a section that is an outlet, a control or a test. What is wrong with
// it is told when it is known whether it is in use.
func (r *reader) object(file string, doc *ini.Document, section string) Object {
	o := Object{Name: section, Line: doc.Line(section, "")}
	if err := CheckName(section); err != nil {
		o.Broken = err.Error()
	}
	for _, kind := range kinds {
		from, found := doc.Get(section, string(kind))
		switch {
		case !found:
		case o.Kind != "":
			o.Broken = "it has both a " + string(o.Kind) + " and a " + string(kind)
		default:
			o.Kind, o.From = kind, from
		}
	}
	if o.Kind == "" {
		o.Broken = "it has neither a pdu nor a controller nor a tester"
		return o
	}
	i, found := r.at[o.Kind][o.From]
	if !found {
		o.Broken = "there is no " + called(o.Kind, o.From)
		return o
	}
	g := &r.folder.Generators(o.Kind)[i]
	template, _ := r.templateOf(o.Kind, g.Type)
	o.Settings = r.settings(file, doc, section, template, template.PerServer, []string{string(o.Kind)}, func(_ int, msg string) {
		if o.Broken == "" {
			o.Broken = msg
		}
	})
	if g.Broken != "" {
		o.Broken = called(o.Kind, o.From) + " is set aside: " + g.Broken
	}
	return o
}

// resolve puts objects where they are used.
func (r *reader) resolve() {
	for i := range r.folder.Servers {
		s, d := &r.folder.Servers[i], &r.drafts[i]
		byName := make(map[string]Object, len(d.objects))
		for _, o := range d.objects {
			byName[o.Name] = o
		}
		used := make(map[string]bool)
		fail := r.breaker(s)
		for _, kind := range kinds {
			into := map[Kind]*[]Object{PDU: &s.Outlets, Controller: &s.Controls, Tester: &s.Tests}[kind]
			for _, name := range d.use[kind] {
				o, found := byName[name]
				line := d.doc.Line("server", kind.list())
				switch {
				case !found:
					fail(line, "there is no section for the "+kind.Object()+" "+quote(name))
					continue
				case o.Broken != "":
					fail(o.Line, kind.Object()+" "+quote(name)+": "+o.Broken)
				case o.Kind != kind:
					fail(line, quote(name)+" is not "+article(kind.Object())+" but "+article(o.Kind.Object()))
					continue
				}
				used[name] = true
				*into = append(*into, o)
			}
		}
		for _, o := range d.objects {
			if used[o.Name] {
				continue
			}
			s.Disabled = append(s.Disabled, o)
			if o.Broken != "" {
				r.warn(s.File, o.Line, "[%s] is not in use, and could not be: %s", o.Name, o.Broken)
			}
		}
	}
}

func article(noun string) string {
	if noun == PDU.Object() {
		return "an " + noun
	}
	return "a " + noun
}
