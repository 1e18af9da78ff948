package roomfile_test

import (
	"strings"
	"testing"
	"time"
)

func TestConsoles(t *testing.T) {
	read, err := load(t, "room.yaml", "room.yaml", `
credentials: {box: {user: ops}}
consoles: {log: yes, size: 2, keep: 3, scrollback: 16, nodes: "@rack", message: all}
nodes:
  "web[1-3]": {groups: rack, console: {via: "telnet://ts1:[7001-7003]"}}
  web2: {console: {via: "ssh://web2", credential: box, log: no, file: two.log, message: mine}}
  "vm[1-2]": {console: {via: "unix:///run/vm[1-2]", linger: 0, timestamps: no}}
  db1:
groups: {rack: []}
`)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"telnet://ts1:7001 log all", "ssh://web2 two.log mine", "telnet://ts1:7003 log all", "unix:///run/vm1 all raw", "unix:///run/vm2 all raw", " all"} {
		c, named := read.Room.Console(read.Room.All()[i])
		got := c.Via
		if c.Keeping.Log {
			got += " log"
		}
		if c.Keeping.File != "" {
			got += " " + c.Keeping.File
		}
		got += " " + c.Message
		if c.Keeping.Raw {
			got += " raw"
		}
		if got != want || named != (i < 5) {
			t.Errorf("%s: %q (%v), want %q", read.Room.Nodes[i].Name, got, named, want)
		}
		if k := c.Keeping; k.Size != 2<<20 || k.Keep != 3 || k.Scrollback != 16<<10 || k.Linger != 30*time.Second && !k.Raw {
			t.Errorf("%s: %+v", read.Room.Nodes[i].Name, k)
		}
	}
}

func TestConsoleFaults(t *testing.T) {
	for text, want := range map[string]string{
		"nodes: {a: {console: {via: 'telnet://'}}}":                         "room.yaml:1:28",
		"nodes: {a: {console: {via: nosuch}}}":                              `there is no device "nosuch"`,
		"nodes: {a: {console: {via: 'ssh://h', credential: nosuch}}}":       `there is no credential "nosuch"`,
		"nodes: {a: {console: {via: 'tcp://h:1', credential: x}}}":          "a credential is for an ssh address",
		"nodes: {a: {console: {file: ../../etc/passwd}}}":                   "does not stay inside",
		"nodes: {a: {console: {file: /etc/passwd}}}":                        "does not stay inside",
		"nodes: {a: {console: {file: x.log}}, b: {console: {file: x.log}}}": "in the same file",
		"nodes: {a: {console: {size: 0}}}":                                  "1 to 4096 MiB",
		"consoles: {scrollback: 100000}\nnodes: {a: }":                      "at most 4096 KiB",
		"consoles: {nodes: '@nosuch', log: yes}\nnodes: {a: }":              "nosuch",
		"nodes: {a: {console: {baud: 9600}}}":                               "baud",
		"nodes: {a: {console: telnet}}":                                     "",
	} {
		_, err := load(t, "room.yaml", "room.yaml", text+"\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
