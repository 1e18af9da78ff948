package roomfile

import (
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/room"
)

// room checks the draft and makes the room. It is done even if there are
// problems already, to find more, unless they would only be echoes.
func (l *loader) room() *room.Room {
	if len(l.draft.Nodes) == 0 && len(l.problems) == 0 {
		p := &Problem{Msg: "no nodes are defined", powermand: "powermand: no nodes are defined"}
		if len(l.files) > 0 {
			p.File = l.files[0].name
		}
		l.problems = append(l.problems, p)
		if len(l.ockles) > 0 {
			l.problems = append(l.problems, l.warnings...) // which say why
		}
		return nil
	}
	whole := l.complete()
	r, problems := room.New(l.draft)
	for _, p := range problems {
		if !whole && p.Code == room.Unknown {
			continue // what is missing may stand where it could not be read
		}
		at, msg := l.find(p), p.Msg+l.first(p)
		if p.Kind == "room" {
			l.fail(at, "%s", msg)
			continue
		}
		l.failFor(at, p.Kind, p.Name, p.Object, msg)
	}
	return r
}

// failFor notes a problem of one entry's name with an object that stands quoted
// in msg, or none; see Problem.names.
func (l *loader) failFor(at place, kind, name, object, msg string) {
	before := len(l.problems)
	l.fail(at, "%s", msg)
	if len(l.problems) == before {
		return
	}
	p := l.problems[before]
	p.kind, p.names = kind, []string{name}
	if object != "" {
		p.Msg = strings.Replace(msg, strconv.Quote(object), hole, 1)
		p.objects = []string{object}
	}
}

// complete says whether every file could be read and understood so far that all
// names in it are known.
func (l *loader) complete() bool {
	if len(l.problems) == 0 {
		return true
	}
	if l.partial {
		return false
	}
	parsed := 0
	for _, p := range l.parts {
		if p.conf == nil || p.layout != nil {
			parsed++
		}
	}
	return parsed > 0 && parsed == len(l.seen)
}

// first tells where the other one of two duplicates stands.
func (l *loader) first(p room.Problem) string {
	if p.Other < 0 {
		return ""
	}
	here := l.find(p)
	p.Item, p.Other = p.Other, -1
	return " (first at " + l.where(l.find(p), here) + ")"
}

// find gives the place of a problem.
func (l *loader) find(p room.Problem) place {
	source := func(list []entrySource) place {
		if p.Item < 0 || p.Item >= len(list) {
			return place{}
		}
		return list[p.Item].find(p.Field, p.Index)
	}
	switch p.Kind {
	case "node":
		if p.Item >= 0 {
			return l.nodes[p.Item].find(p.Field, p.Index)
		}
	case "device":
		if p.Item >= 0 && l.devices[p.Item].entry.value == nil {
			return l.devices[p.Item].entry.at
		} else if p.Item >= 0 {
			return l.devices[p.Item].field(p.Field).orKey(l.devices[p.Item].entry.at)
		}
	case "feed":
		return source(l.feeds)
	case "group":
		return source(l.groups)
	case "alias":
		return source(l.aliases)
	case "credential":
		return source(l.creds)
	case "veto":
		return source(l.vetoes)
	case "control":
		return source(l.controls)
	case "check":
		return source(l.checks)
	case "limit":
		return source(l.limits)
	case "ups":
		return source(l.upses)
	case "stage":
		return source(l.stages)
	case "schedule":
		return source(l.schedules)
	case "plugin":
		return source(l.plugins)
	}
	return place{}
}

// orKey gives the value's place, or the key's for a mapping.
func (v *value) orKey(key place) place {
	if v.shape == mapping {
		return key
	}
	return v.at
}

func (s nodeSource) find(name string, index int) place {
	e := s.entry
	if s.over != nil && (s.over.value.get(name) != nil || name == "name") {
		e = s.over
	}
	return e.find(name, index)
}

// find gives the place of a field's item, or of the nearest thing around it.
func (s *entrySource) find(name string, index int) place {
	v := s.value.get(name)
	switch name {
	case "members":
		v = s.value
		fallthrough
	case "needs", "nodes":
		if index >= 0 && index < len(s.members.item) {
			index = int(s.members.item[index])
		}
	}
	if v == nil || name == "name" {
		return s.at
	}
	if index < 0 {
		return v.at
	}
	return v.item(index)
}
