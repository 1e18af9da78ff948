package drivertest

import (
	"reflect"
	"slices"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// traitsCases are about what a driver says before any contact.
var traitsCases = []testCase{
	{name: "settings are documented", run: settingsAreDocumented},
	{name: "traits are stable", run: traitsAreStable},
	{name: "traits are complete", run: traitsAreComplete},
	{name: "verbs offered work", run: verbsOfferedWork},
	{name: "verbs not offered are refused", run: otherVerbsAreRefused},
}

// settingsAreDocumented: the schema, the form and the docs come from the tags.
func settingsAreDocumented(s *stand) {
	v := reflect.TypeOf(s.rig.Settings)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		s.Fatalf("the settings are a %v, want a pointer to a struct", v)
	}
	for _, f := range reflect.VisibleFields(v.Elem()) {
		if f.IsExported() && (f.Tag.Get("yaml") == "" || f.Tag.Get("doc") == "") {
			s.Errorf("the setting %s lacks a yaml or a doc tag", f.Name)
		}
	}
}

func traitsAreStable(s *stand) {
	again, err := s.rig.Settings.Traits(s.rig.Shelf)
	if err != nil {
		s.Fatal(err)
	}
	first := s.traits
	first.Actions, again.Actions = nil, nil // functions cannot be compared
	if !reflect.DeepEqual(first, again) {
		s.Errorf("Traits says %+v, and asked again %+v", first, again)
	}
	s.open()
	if after, err := s.rig.Settings.Traits(s.rig.Shelf); err != nil || !slices.Equal(after.Verbs, first.Verbs) {
		s.Errorf("after Open Traits says %v, %v", after.Verbs, err)
	}
}

func traitsAreComplete(s *stand) {
	t := s.traits
	if t.Type == "" {
		s.Error("Traits has no Type")
	}
	if len(t.Verbs) == 0 {
		s.Error("the device can do nothing")
	}
	for i, op := range t.Verbs {
		if !slices.Contains(room.Ops(), op) || slices.Contains(t.Verbs[:i], op) {
			s.Errorf("verb %v is none or is there twice", op)
		}
		if t.Actions != nil && t.Actions(op, len(s.all), true) < 1 {
			s.Errorf("%v of all plugs is said to take no action", op)
		}
	}
	if t.Timeout < 0 || t.Ping < 0 {
		s.Errorf("negative times: timeout %v, ping %v", t.Timeout, t.Ping)
	}
	for _, name := range t.Login {
		switch {
		case name != secret.Password && name != secret.Key && name != secret.Passphrase:
			s.Errorf("no credential of a room can have the %q that Traits.Login wants", name)
		case s.rig.Credential.Get(name).IsZero():
			s.Errorf("Traits.Login wants a %s, and the rig's credential has none", name)
		}
	}
	for i, name := range t.Plugs {
		if name == "" || slices.Contains(t.Plugs[:i], name) {
			s.Errorf("plug %q has no name or is there twice", name)
		}
	}
	if _, pings := s.open().(driver.Pinger); t.Ping > 0 && !pings {
		s.Error("Traits asks for pings, and the session is no driver.Pinger")
	}
}

// verbsOfferedWork for one plug, for two and for all: a verb that works only for
// some choices says so by Traits.Actions.
func verbsOfferedWork(s *stand) {
	session := s.open()
	for _, op := range s.traits.Verbs {
		for _, plugs := range [][]int{{s.one()}, s.pick(1, 2), s.all} {
			if s.actions(op, len(plugs)) == 0 {
				s.Logf("left out: %v of %d plugs, which Traits says it cannot do", op, len(plugs))
				continue
			}
			if op.Changes() {
				s.do(session, op, plugs...).every(done)
			} else {
				s.do(session, op, plugs...).every(stated)
			}
		}
	}
}

// otherVerbsAreRefused: the fleet does not ask for them, but a driver that does
// something else instead would be found out too late.
func otherVerbsAreRefused(s *stand) {
	s.setAll(s.odd)
	before := s.truth()
	session := s.open()
	for _, op := range room.Ops() {
		if !s.traits.Can(op) {
			s.do(session, op, 1, 2).every(failed)
		}
	}
	s.want("after verbs that the driver has not", before)
}
