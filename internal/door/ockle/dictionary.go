package ockle

import (
	"context"
	"io/fs"
	"path"
	"slices"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ockle"
	"millwright.dev/millwright/ockle/folder"
	"millwright.dev/millwright/ockle/ini"
)

// replay gives an Open and a Glob over files in memory.
func replay(files map[string][]byte) (open func(string) ([]byte, error), glob func(string) ([]string, error)) {
	open = func(name string) ([]byte, error) {
		if text, found := files[path.Clean(name)]; found {
			return text, nil
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	glob = func(pattern string) ([]string, error) {
		var found []string
		for name := range files {
			ok, err := path.Match(path.Clean(pattern), name)
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, name)
			}
		}
		slices.Sort(found)
		return found, nil
	}
	return open, glob
}

// sections gives all that a file holds.
func sections(text []byte) ockle.Sections {
	doc, _ := ini.Parse(text)
	if doc == nil {
		return nil
	}
	list := ockle.Sections{}
	for _, name := range doc.Sections() {
		s := ockle.Section{Name: name}
		for _, key := range doc.Keys(name) {
			text, _ := doc.Get(name, key)
			s.Keys = append(s.Keys, ockle.Value{Key: key, Text: text})
		}
		list = append(list, s)
	}
	return list
}

// dictionary gives all files of a kind. In a room that is made of other files it says the
// same as far as there are words for it.
func dictionary(key string, kind folder.Kind) command {
	return func(_ context.Context, v visit) (ockle.Values, error) {
		all := make(ockle.Configuration)
		if v.etc == nil {
			if err := v.plain(kind, all); err != nil {
				return nil, err
			}
			return value(key, ockle.JSON(all)), nil
		}
		if err := v.desk.NeedConfigure(v.actor, "read Ockle's files"); err != nil {
			return nil, err
		}
		if kind == "" {
			for _, s := range v.etc.Servers {
				all[s.Name] = sections(v.etc.Files[s.File])
			}
		} else {
			for _, g := range v.etc.Generators(kind) {
				all[g.Name] = sections(v.etc.Files[g.File])
			}
		}
		return value(key, ockle.JSON(all)), nil
	}
}

// plain puts what a room without files of Ockle's has of a kind.
func (v *visit) plain(kind folder.Kind, all ockle.Configuration) error {
	r := v.view.Room
	if kind == "" {
		nodes, err := v.view.Nodes("")
		for _, id := range nodes {
			all[r.Nodes[id].Name] = v.plainServer(id)
		}
		return err
	}
	if !v.view.Everything() {
		return v.desk.NeedView(v.actor, "list "+string(kind)+"s")
	}
	one := func(name, typ string) {
		all[name] = ockle.Sections{{Name: string(kind), Keys: ockle.Values{{Key: "type", Text: typ}, {Key: "comment"}}}}
	}
	switch kind {
	case folder.PDU:
		for i := range r.Devices {
			one(r.Devices[i].Name, r.Devices[i].Driver)
		}
	case folder.Controller:
		for i := range r.Controls {
			one(r.Controls[i].Name, r.Controls[i].Kind)
		}
	case folder.Tester:
		for i := range r.Checks {
			one(r.Checks[i].Name, r.Checks[i].Kind)
		}
	}
	return nil
}

// plainServer gives a node as a server's file would have it.
func (v *visit) plainServer(id room.NodeID) ockle.Sections {
	r := v.view.Room
	n := &r.Nodes[id]
	var outlets, controls, tests, needs []string
	list := make(ockle.Sections, 1)
	add := func(names *[]string, name string, kind folder.Kind, from string) {
		*names = append(*names, name)
		list = append(list, ockle.Section{Name: name, Keys: ockle.Values{{Key: string(kind), Text: from}}})
	}
	for _, c := range n.Cords {
		d := &r.Devices[c.Device]
		add(&outlets, v.outlet(n.Name, d.Name, d.Plugs[c.Plug].Name), folder.PDU, d.Name)
	}
	for _, c := range n.Controls {
		add(&controls, r.Controls[c].Name, folder.Controller, r.Controls[c].Name)
	}
	for _, c := range n.Checks {
		add(&tests, r.Checks[c].Name, folder.Tester, r.Checks[c].Name)
	}
	for _, need := range n.Needs {
		if v.view.Sees(need) {
			needs = append(needs, r.Nodes[need].Name)
		}
	}
	list[0] = ockle.Section{Name: "server", Keys: ockle.Values{
		{Key: "outlets", Text: ini.FormatList(outlets)},
		{Key: "controls", Text: ini.FormatList(controls)},
		{Key: "tests", Text: ini.FormatList(tests)},
		{Key: "dependencies", Text: ini.FormatList(needs)},
		{Key: "comment"},
	}}
	return list
}

// objects gives the sections of a server that are of a kind, those in use first and in
// their order.
func objects(key string, kind folder.Kind) command {
	return func(_ context.Context, v visit) (ockle.Values, error) {
		var all ockle.Sections
		var used []string
		if v.etc == nil {
			id, err := v.server()
			if err != nil {
				return nil, err
			}
			all = v.plainServer(id)
		} else {
			if err := v.desk.NeedConfigure(v.actor, "read Ockle's files"); err != nil {
				return nil, err
			}
			s := v.etc.server(v.said.Text(ockle.KeyServer))
			if s == nil {
				return nil, ockle.Errorf(ockle.CodeNotFound, "there is no server %q", v.said.Text(ockle.KeyServer))
			}
			all = sections(v.etc.Files[s.File])
		}
		for _, s := range all {
			if text, found := s.Keys.Get(kind.Object() + "s"); found && s.Name == "server" {
				used, _ = ini.List(text)
			}
		}
		first, rest := ockle.Sections{}, ockle.Sections{}
		for _, name := range used {
			if i := slices.IndexFunc(all, func(s ockle.Section) bool { return s.Name == name }); i >= 0 && has(all[i], kind) {
				first = append(first, all[i])
			}
		}
		for _, s := range all {
			if has(s, kind) && !slices.Contains(used, s.Name) {
				rest = append(rest, s)
			}
		}
		return value(key, ockle.JSON(append(first, rest...))), nil
	}
}

func has(s ockle.Section, kind folder.Kind) bool {
	_, found := s.Keys.Get(string(kind))
	return found
}
