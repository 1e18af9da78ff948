package mib

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const acme = `-- a comment -- ACME-MIB DEFINITIONS ::= BEGIN
ACME-MIB { iso org(3) } DEFINITIONS ::= BEGIN
IMPORTS
    enterprises, OBJECT-TYPE FROM SNMPv2-SMI
    base FROM ACME-BASE;
acme MODULE-IDENTITY LAST-UPDATED "202001010000Z" DESCRIPTION "x ::= { y 1 } -- no comment" ::= { enterprises 9999 }
table OBJECT-TYPE SYNTAX SEQUENCE OF Entry ::= { acme 1 } -- behind
entry OBJECT-TYPE SYNTAX Entry INDEX { number } ::= { table 1 }
Entry ::= SEQUENCE { number INTEGER, kind OBJECT IDENTIFIER, state INTEGER }
number OBJECT-TYPE SYNTAX INTEGER (1..24) ::= { entry 1 }
state  OBJECT-TYPE SYNTAX INTEGER { on(1), off(2) } DEFVAL { on } ::= { entry 3 }
far    OBJECT IDENTIFIER ::= { iso org(3) dod(6) 7 }
other  OBJECT IDENTIFIER ::= { base 5 }
turn   OBJECT IDENTIFIER ::= { round 1 }
round  OBJECT IDENTIFIER ::= { turn 1 }
Kind ::= TEXTUAL-CONVENTION SYNTAX OBJECT IDENTIFIER
alarm  TRAP-TYPE ENTERPRISE acme ::= 3
THING MACRO ::= BEGIN TYPE NOTATION ::= { x 1 } END
END
`

const acmeBase = "ACME-BASE DEFINITIONS ::= BEGIN\nbase OBJECT IDENTIFIER ::= { 1 3 6 1 4 1 8888 }\nEND\nTWO DEFINITIONS\n::= BEGIN two OBJECT IDENTIFIER ::= { mib-2 2 } END"

func acmeTree(t testing.TB) *Tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": acme, "b.my": acmeBase, "junk": "DEFINITIONS ::= BEGIN \x00 DEFINITIONS"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return New([]string{"/nonexistent", dir})
}

func TestResolve(t *testing.T) {
	tree := acmeTree(t)
	if err := tree.Load("ACME-MIB"); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"1.3.6": ".1.3.6", ".1.3.6.1": ".1.3.6.1", "enterprises.318": ".1.3.6.1.4.1.318", "iso.org.dod.internet.private.enterprises.1": ".1.3.6.1.4.1.1",
		"ACME-MIB::state.7": ".1.3.6.1.4.1.9999.1.1.3.7", "state.7": ".1.3.6.1.4.1.9999.1.1.3.7", "number.0": ".1.3.6.1.4.1.9999.1.1.1.0", "far.0": ".1.3.6.7.0", "other.0": ".1.3.6.1.4.1.8888.5.0",
		"TWO::two.1": ".1.3.6.1.2.1.2.1", "SNMPv2-SMI::sysDescr.0": ".1.3.6.1.2.1.1.1.0", "acme.table.entry.state.1": ".1.3.6.1.4.1.9999.1.1.3.1", "ACME-BASE::base.4294967295": ".1.3.6.1.4.1.8888.4294967295",
		"": "", ".": "", "1": "", "nosuch.1": "", "NOSUCH::x": "", "ACME-MIB::nosuch": "", "kind.0": "", "turn.0": "", "alarm": "", "x.1": "", "y.1": "", "1.3.4294967296": "", "1.3.-1": "", "1..3": "", "state.number": "", strings.Repeat("1.", 200) + "1": "",
	} {
		oid, err := tree.Resolve(text)
		if oid.String() != want || (err != nil) != (want == "") {
			t.Errorf("%q is %v, %v; want %q", text, oid, err, want)
		}
	}
	for want, oid := range map[string]OID{
		"ACME-MIB::state.7": {1, 3, 6, 1, 4, 1, 9999, 1, 1, 3, 7}, "SNMPv2-SMI::enterprises.5": {1, 3, 6, 1, 4, 1, 5}, "SNMPv2-MIB::sysDescr.0": {1, 3, 6, 1, 2, 1, 1, 1, 0}, "iso.2.3": {1, 2, 3}, ".0.0": {0, 0}, "": nil,
	} {
		if got := tree.Name(oid); got != want {
			t.Errorf("%v has the name %q, want %q", oid, got, want)
		}
	}
}

func TestDirs(t *testing.T) {
	for _, tt := range []struct{ home, mibdirs, first, last string }{
		{"/root", "", "/root/.snmp/mibs", "/var/lib/snmp/mibs/ietf"},
		{"", "", "/usr/share/snmp/mibs", "/var/lib/snmp/mibs/ietf"},
		{"/root", "/a:/b", "/a", "/b"},
		{"/root", "+/a", "/root/.snmp/mibs", "/a"},
	} {
		if got := Dirs(tt.home, tt.mibdirs); got[0] != tt.first || got[len(got)-1] != tt.last {
			t.Errorf("Dirs(%q, %q) = %q", tt.home, tt.mibdirs, got)
		}
	}
}

// TestDebiansModules reads what Debian's net-snmp brings along. The modules of the
// RFCs that these import from are not among it.
func TestDebiansModules(t *testing.T) {
	tree := New(Dirs("", ""))
	for name, want := range map[string]string{
		"UCD-SNMP-MIB::laLoad.1":                     ".1.3.6.1.4.1.2021.10.1.3.1",
		"UCD-DISKIO-MIB::diskIONReadX.3":             ".1.3.6.1.4.1.2021.13.15.1.1.12.3",
		"NET-SNMP-EXTEND-MIB::nsExtendOutput1Line.1": ".1.3.6.1.4.1.8072.1.3.2.3.1.1.1",
		"LM-SENSORS-MIB::lmTempSensorsValue.2":       ".1.3.6.1.4.1.2021.13.16.2.1.3.2",
		"NET-SNMP-MIB::netSnmpAgentOIDs.10":          ".1.3.6.1.4.1.8072.3.2.10",
	} {
		oid, err := tree.Resolve(name)
		if got := oid.String(); got != want || err != nil {
			t.Errorf("%s is %s, %v; want %s", name, got, err, want)
		}
		if got := tree.Name(oid); got != name {
			t.Errorf("%s comes back as %s", name, got)
		}
	}
}

// FuzzParse: whatever a file holds, names come to an end.
func FuzzParse(f *testing.F) {
	f.Add(acme)
	f.Add(acmeBase)
	f.Add("A DEFINITIONS ::= BEGIN a OBJECT IDENTIFIER ::= { a 1 } b OBJECT-TYPE ::= {")
	f.Add("A DEFINITIONS ::= BEGIN IMPORTS a FROM B b FROM A; \"")
	f.Fuzz(func(t *testing.T, text string) {
		tree := New(nil)
		for _, m := range parse(text) {
			tree.modules[m.name] = m
			for name := range m.nodes {
				if oid, err := tree.find(m, name, 0); err == nil && len(oid) > maxDepth {
					t.Errorf("%s has %d numbers", name, len(oid))
				}
			}
		}
	})
}
