// Package mib knows SNMP objects by name: it reads MIB modules for what they say
// of object identifiers, and nothing else of them.
//
// It exists because device files name objects as net-snmp's tools do
// ("Pulizzi::outlet3Status.0"), and a whole SMI parser would be a project of its
// own. Start with [Tree.Resolve].
//
// Source: RFC 2578 (SMIv2) and RFC 1155 (SMIv1), for assignments of the form
// "name OBJECT-TYPE ... ::= { parent 3 }"; mib_api(3) and snmp.conf(5) of net-snmp
// for where modules are.
package mib

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is read.
const (
	maxFile    = 4 << 20 // bytes
	maxFiles   = 5000
	maxModules = 500
	maxDepth   = 128 // numbers in an identifier, and steps to the root
)

// OID is an object identifier.
type OID []uint32

// String writes it with a point in front of each number.
func (o OID) String() string {
	var b strings.Builder
	for _, n := range o {
		fmt.Fprintf(&b, ".%d", n)
	}
	return b.String()
}

// base is the module of names that everybody knows.
const base = "SNMPv2-SMI"

// Tree is the modules that are loaded. It is for one goroutine.
type Tree struct {
	dirs    []string
	files   map[string]string // of modules, once somebody asked
	modules map[string]*module
	names   map[string]string // of the nearest known identifier, for Name
}

// New makes a tree of the well-known names, to which modules in these folders can
// be added.
func New(dirs []string) *Tree {
	t := &Tree{dirs: dirs, modules: map[string]*module{}, names: map[string]string{}}
	m := &module{name: base, nodes: map[string]node{}}
	for name, oid := range map[string]OID{
		"iso": {1}, "org": {1, 3}, "dod": {1, 3, 6}, "internet": {1, 3, 6, 1}, "directory": {1, 3, 6, 1, 1}, "mgmt": {1, 3, 6, 1, 2},
		"mib-2": {1, 3, 6, 1, 2, 1}, "transmission": {1, 3, 6, 1, 2, 1, 10}, "experimental": {1, 3, 6, 1, 3}, "private": {1, 3, 6, 1, 4},
		"enterprises": {1, 3, 6, 1, 4, 1}, "security": {1, 3, 6, 1, 5}, "snmpV2": {1, 3, 6, 1, 6}, "snmpModules": {1, 3, 6, 1, 6, 3},
		"system": {1, 3, 6, 1, 2, 1, 1}, "sysDescr": {1, 3, 6, 1, 2, 1, 1, 1}, "sysObjectID": {1, 3, 6, 1, 2, 1, 1, 2}, "sysUpTime": {1, 3, 6, 1, 2, 1, 1, 3},
		"sysContact": {1, 3, 6, 1, 2, 1, 1, 4}, "sysName": {1, 3, 6, 1, 2, 1, 1, 5}, "sysLocation": {1, 3, 6, 1, 2, 1, 1, 6},
	} {
		m.nodes[name] = node{fixed: oid}
		from := m.name
		if strings.HasPrefix(name, "sys") {
			from = "SNMPv2-MIB" // RFC 3418
		}
		t.note(from, name, oid)
	}
	t.modules[m.name] = m
	return t
}

// Dirs are the folders where net-snmp's tools look. home and mibdirs are $HOME
// and $MIBDIRS; a "+" in front of the latter adds to the usual ones.
func Dirs(home, mibdirs string) []string {
	usual := []string{"/usr/share/snmp/mibs", "/usr/share/snmp/mibs/iana", "/usr/share/snmp/mibs/ietf", "/var/lib/snmp/mibs/iana", "/var/lib/snmp/mibs/ietf"}
	if home != "" {
		usual = append([]string{filepath.Join(home, ".snmp/mibs")}, usual...)
	}
	switch more, plus := strings.CutPrefix(mibdirs, "+"); {
	case mibdirs == "":
		return usual
	case plus:
		return append(usual, filepath.SplitList(more)...)
	default:
		return filepath.SplitList(mibdirs)
	}
}

// Load reads a module, and those it imports from where there are any.
func (t *Tree) Load(name string) error {
	if t.modules[name] != nil {
		return nil
	}
	if t.files == nil {
		t.index()
	}
	file, ok := t.files[name]
	if !ok {
		return fmt.Errorf("there is no MIB module %s in %s", name, strings.Join(t.dirs, ", "))
	}
	text, err := read(file)
	if err != nil {
		return err
	}
	var imports []string
	for _, m := range parse(text) {
		if t.modules[m.name] != nil || len(t.modules) >= maxModules {
			continue
		}
		t.modules[m.name] = m
		for _, from := range m.imports {
			imports = append(imports, from)
		}
	}
	slices.Sort(imports)
	for _, from := range slices.Compact(imports) {
		_ = t.Load(from) // what is missing shows when a name is not found
	}
	if m := t.modules[name]; m != nil {
		for node := range m.nodes {
			if oid, err := t.find(m, node, 0); err == nil {
				t.note(m.name, node, oid)
			}
		}
	}
	return nil
}

func (t *Tree) note(module, name string, oid OID) {
	key := oid.String()
	if _, taken := t.names[key]; !taken {
		t.names[key] = module + "::" + name
	}
}

func read(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", fmt.Errorf("%s is no file of at most %d bytes", file, maxFile)
	}
	text, err := os.ReadFile(file)
	return string(text), err
}

// index finds out which module is in which file. The first folder wins.
func (t *Tree) index() {
	t.files = map[string]string{}
	n := 0
	for _, dir := range t.dirs {
		entries, _ := os.ReadDir(dir) // a folder that is missing holds nothing
		for _, e := range entries {
			if n++; n > maxFiles {
				return
			}
			file := filepath.Join(dir, e.Name())
			text, err := read(file)
			if err != nil {
				continue
			}
			for _, name := range moduleNames(text) {
				if t.files[name] == "" {
					t.files[name] = file
				}
			}
		}
	}
}

// Resolve reads an identifier: numbers, with or without a point in front; a name
// and what follows; or "MODULE::name" and what follows, where the module is
// loaded if it is not yet.
func (t *Tree) Resolve(text string) (OID, error) {
	var m *module
	rest := text
	if name, after, found := strings.Cut(text, "::"); found {
		if err := t.Load(name); err != nil {
			return nil, err
		}
		m, rest = t.modules[name], after
	}
	var oid OID
	for i, label := range strings.Split(strings.TrimPrefix(rest, "."), ".") {
		n, err := strconv.ParseUint(label, 10, 32)
		switch {
		case err == nil:
			oid = append(oid, uint32(n))
		default:
			found, err := t.lookup(m, label)
			if err != nil || (i > 0 && !within(found, oid)) {
				return nil, fmt.Errorf("unknown object identifier %s (at '%s')", text, label)
			}
			oid = slices.Clone(found)
		}
		if len(oid) > maxDepth {
			return nil, fmt.Errorf("the object identifier has more than %d numbers", maxDepth)
		}
	}
	if len(oid) < 2 {
		return nil, fmt.Errorf("unknown object identifier %s", text)
	}
	return oid, nil
}

func within(oid, under OID) bool {
	return len(oid) > len(under) && slices.Equal(oid[:len(under)], under)
}

// lookup finds a name in one module, or without one in all, in the order of their
// names.
func (t *Tree) lookup(m *module, name string) (OID, error) {
	if m != nil {
		return t.find(m, name, 0)
	}
	order := []string{base}
	for n := range t.modules {
		order = append(order, n)
	}
	slices.Sort(order[1:])
	for _, n := range order {
		if _, ok := t.modules[n].nodes[name]; ok {
			return t.find(t.modules[n], name, 0)
		}
	}
	return nil, fmt.Errorf("no such name")
}

// find works out an identifier through its parents.
func (t *Tree) find(m *module, name string, depth int) (OID, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s hangs under itself", name)
	}
	n, ok := m.nodes[name]
	switch from := t.modules[m.imports[name]]; {
	case ok && n.fixed != nil:
		return n.fixed, nil
	case ok:
	case from != nil && from != m:
		return t.find(from, name, depth+1)
	case m.name != base:
		return t.find(t.modules[base], name, depth+1)
	default:
		return nil, fmt.Errorf("no such name")
	}
	parent := OID{}
	if n.parent != "" {
		var err error
		if parent, err = t.find(m, n.parent, depth+1); err != nil {
			return nil, err
		}
	}
	if len(parent)+len(n.subs) > maxDepth {
		return nil, fmt.Errorf("%s is too long", name)
	}
	return append(slices.Clone(parent), n.subs...), nil
}

// Name writes an identifier as net-snmp's tools do: the longest part that has a
// name, with its module, and numbers.
func (t *Tree) Name(oid OID) string {
	for n := len(oid); n > 0; n-- {
		if name, ok := t.names[oid[:n].String()]; ok && n > 1 {
			return name + oid[n:].String()
		}
	}
	if len(oid) > 0 && oid[0] == 1 {
		return "iso" + oid[1:].String()
	}
	return oid.String()
}
