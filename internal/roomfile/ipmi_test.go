package roomfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/room"
)

func TestIPMI(t *testing.T) {
	read, err := load(t, "room.yaml", "room.yaml", `
ipmi:
  users:
    admin: {password: "secret:bmc", privilege: administrator, as: ann}
    watch: {password: "env:WATCH"}
  suites: "17, 3"
  ipmi15: yes
  nodes: {"web[1-3]": "127.0.0.1:[16230-16232]", db1: "192.0.2.7", "vm[1-2]": "[9001-9002]", six: "[::1]:623"}
nodes: {"web[1-3]": , db1: , "vm[1-2]": , six: }
`)
	if err != nil {
		t.Fatal(err)
	}
	want := room.IPMI{
		Users:  []room.IPMIUser{{Name: "admin", Password: "secret:bmc", Privilege: "administrator", As: "ann"}, {Name: "watch", Password: "env:WATCH", Privilege: "operator", As: "watch"}},
		Suites: []uint8{17, 3}, V15: true,
		Nodes: []room.IPMINode{
			{Node: "web1", Listen: "127.0.0.1:16230"},
			{Node: "web2", Listen: "127.0.0.1:16231"},
			{Node: "web3", Listen: "127.0.0.1:16232"},
			{Node: "db1", Listen: "192.0.2.7:623"},
			{Node: "vm1", Listen: "127.0.0.1:9001"},
			{Node: "vm2", Listen: "127.0.0.1:9002"},
			{Node: "six", Listen: "[::1]:623"},
		},
	}
	if d := cmp.Diff(want, read.Room.Settings.IPMI); d != "" {
		t.Error(d)
	}
}

func TestIPMIFaults(t *testing.T) {
	const user = "users: {a: {password: 'env:A'}}, "
	for text, want := range map[string]string{
		"ipmi: {nodes: {web1: 9001}}":                                                  "nobody could log in",
		"ipmi: {" + user + "nodes: {web9: 9001}}":                                      `there is no node "web9"`,
		"ipmi: {" + user + "nodes: {'web[1-2]': '127.0.0.1:9001'}}":                    "is the BMC of node web1 already",
		"ipmi: {" + user + "nodes: {web1: 9001, 'web[1-2]': '[9002-9003]'}}":           "node web1 is a BMC already, at 127.0.0.1:9001",
		"ipmi: {" + user + "nodes: {web1: 'bmc.example:623'}}":                         "names are not looked up",
		"ipmi: {" + user + "suites: '17,0'}":                                           "never takes it",
		"ipmi: {" + user + "suites: '4'}":                                              "no cipher suite",
		"ipmi: {users: {a: {password: hunter22}}}":                                     "",
		"ipmi: {users: {a: {privilege: user}}}":                                        "password",
		"ipmi: {users: {a: {password: 'env:A', privilege: oem}}}":                      "oem",
		"ipmi: {users: {abcdefghijklmnopq: {password: 'env:A', privilege: operator}}}": "1 to 16 bytes",
	} {
		_, err := load(t, "room.yaml", "room.yaml", text+"\nnodes: {'web[1-2]': }\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
