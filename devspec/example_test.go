package devspec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"millwright.dev/millwright/devspec"
)

const relay = `
specification "relay" {
	timeout 5
	plug name { "1" "2" }
	script login { send "hello\n" expect "> " }
	script status_all {
		send "show\n"
		foreachplug {
			expect "relay ([0-9]): (on|off)\r\n"
			setplugstate $1 $2 on="on" off="off"
		}
		expect "> "
	}
}
device "d0" "relay" "relay.example:23"
node "web[1-2]" "d0"
`

// open serves one file from memory; devspec.OSOpen opens real ones.
func open(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(relay)), nil }

// A configuration is read, then resolved; all that is wrong comes at once.
func ExampleParseConfig() {
	conf, err := devspec.ParseConfig("powerman.conf", open)
	if err != nil {
		fmt.Println(err)
		return
	}
	layout, err := conf.Resolve()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range layout.Nodes {
		d := layout.Devices[n.Device]
		fmt.Printf("%s is plug %s of %s at %s\n", n.Name, d.Plugs[n.Plug].Name, d.Decl.Name, d.Decl.Where)
	}
	// Output:
	// web1 is plug 1 of d0 at relay.example:23
	// web2 is plug 2 of d0 at relay.example:23
}

// Errors show where they are.
func ExampleErrorList() {
	_, err := devspec.ParseConfig("relay.dev", func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("specification \"relay\" {\n  script on { sent \"on\" }\n}\n")), nil
	})
	var list devspec.ErrorList
	if errors.As(err, &list) {
		fmt.Println(strings.ReplaceAll(list.Caret(), "\t", "    "))
		fmt.Println(list[0].Powermand())
	}
	// Output:
	// relay.dev:2:15: expected a statement (send, expect, delay, setplugstate, setresult, foreachplug, foreachnode, ifon, ifoff), found 'sent'
	//       script on { sent "on" }
	//                   ^
	// powermand: parse error: relay.dev::2
}

// states prints the states of plugs as they come.
type states struct{ table *devspec.PlugTable }

func (s states) PlugState(plug int, state devspec.State, raw string) {
	fmt.Printf("plug %s is %s\n", s.table.Name(plug), state)
}
func (s states) PlugResult(plug int, ok bool, text string) {}
func (s states) Trace(t devspec.Trace)                     { fmt.Println(t.Format("d0")) }

// A session runs the scripts that Choose picks. The device here is a recording.
func ExampleSession() {
	conf, _ := devspec.ParseConfig("powerman.conf", open)
	layout, _ := conf.Resolve()
	dev := layout.Devices[0]

	recording, err := devspec.ReadRecording("relay.rec", strings.NewReader(`# devspec recording 1
> "hello\n"
< "> "
> "show\n"
< "relay 1: on\r\n"
< "relay 2: off\r\n"
< "> "
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	here, there := net.Pipe()
	played := make(chan error)
	go func() { played <- devspec.Replay(there, recording) }()

	s := devspec.NewSession(dev.Spec, here, devspec.Options{})
	defer s.Close()
	table := devspec.NewPlugTable(dev.Plugs)
	ctx := context.Background()

	login := devspec.Action{Script: dev.Spec.Script(devspec.ScriptLogin)}
	if err := s.Run(ctx, login, devspec.NewCall(table, nil, nil)); err != nil {
		fmt.Println(err)
		return
	}
	targets := []int{0, 1}
	actions, err := dev.Spec.Choose(devspec.OpStatus, targets, true)
	if err != nil {
		fmt.Println(err)
		return
	}
	call := devspec.NewCall(table, targets, states{table})
	call.Trace = true
	for _, a := range actions {
		if err := s.Run(ctx, a, call); err != nil {
			fmt.Println(err)
			return
		}
	}
	s.Close() // the device stays on the line until we leave
	fmt.Println("replay:", <-played)
	// Output:
	// send(d0): 'show\n'
	// recv(d0): 'relay 1: on\r\n'
	// plug 1 is on
	// recv(d0): 'relay 2: off\r\n'
	// plug 2 is off
	// recv(d0): '> '
	// replay: <nil>
}

// Lint finds what would fail at run time.
func ExampleCheck() {
	conf, _ := devspec.ParseConfig("bad.dev", func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("specification \"bad\" {\n  timeout 5\n  script status { send \"%d\\n\" expect \"ok$\" }\n}\n")), nil
	})
	for _, w := range devspec.Check(conf) {
		fmt.Println(w)
	}
	// Output:
	// bad.dev:1:1: specification "bad" has no login script (powermand stops at start) [no-login]
	// bad.dev:3:19: "%d" is not %s or %%; powermand may crash on it (write %% for a percent sign) [bad-format]
	// bad.dev:3:31: $ in an expect never matches: the end of the input is not the end of a line [dollar]
}
