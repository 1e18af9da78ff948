package exec_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/hostlist"
)

// TestMain lets the test binary be the command that the driver runs.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "fake-tool" {
		os.Exit(tool(os.Args[2], os.Args[3], os.Args[4:]))
	}
	goleak.VerifyTestMain(m)
}

const password = "Numbat-0x51"

// tool is a power controller whose plugs are files in a folder: "on-3" is there
// while plug 3 is on. Its faults are files too.
func tool(dir, verb string, args []string) int {
	d := folder(dir)
	switch {
	case verb == "sleep":
		time.Sleep(time.Hour)
	case d.has("hang"):
		return hang(d)
	case d.has("garbage"):
		fmt.Print("\x00\xff\xfe1: onn\n: on\n\x1b[2J on off on\n")
		fmt.Fprint(os.Stderr, "\xff\x00\n")
		return 77
	case os.Getenv("MILLWRIGHT_USER") != "warden" || os.Getenv("MILLWRIGHT_PASSWORD") != password:
		fmt.Fprintln(os.Stderr, "wrong user or password")
		return 3
	case verb == "list":
		return list(d)
	}
	if d.has("echo") {
		fmt.Println("you are", os.Getenv("MILLWRIGHT_PASSWORD"))
	}
	exit := 0
	names, err := hostlist.Expand(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	for _, plug := range names {
		said := d.do(verb, plug)
		switch {
		case strings.HasPrefix(said, "!"):
			fmt.Fprintf(os.Stderr, "logged in with %s\n", os.Getenv("MILLWRIGHT_PASSWORD"))
			fmt.Fprintf(os.Stderr, "plug %s %s (password %s)\n\n", plug, said[1:], os.Getenv("MILLWRIGHT_PASSWORD"))
			exit = 1
		case len(names) > 1 || len(args) > 1:
			fmt.Printf("%s: %s\n", plug, said)
		default:
			fmt.Println(said)
		}
	}
	return exit
}

// hang never ends by itself, and has a child that does not either and holds the
// output open.
func hang(d folder) int {
	child := exec.Command(os.Args[0], "fake-tool", string(d), "sleep")
	child.Stdout = os.Stdout
	if err := child.Start(); err != nil {
		return 9
	}
	time.Sleep(time.Hour)
	return 9
}

func list(d folder) int {
	plugs, err := os.ReadFile(filepath.Join(string(d), "plugs"))
	if err != nil {
		return 4
	}
	for _, plug := range strings.Fields(string(plugs)) {
		fmt.Printf("%s: %s\n", plug, d.state("on-"+plug))
	}
	return 0
}

// folder is the controller's state.
type folder string

func (d folder) has(name string) bool {
	_, err := os.Stat(filepath.Join(string(d), name))
	return err == nil
}

func (d folder) state(name string) string {
	if d.has(name) {
		return "on"
	}
	return "off"
}

// write writes a file whole or not at all.
func (d folder) write(name, text string) {
	path := filepath.Join(string(d), name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		panic(err)
	}
}

func (d folder) remove(name string) { _ = os.Remove(filepath.Join(string(d), name)) }

// set makes a plug or a light what it is to be, and counts if that is new.
func (d folder) set(name string, on bool) {
	if d.has(name) == on {
		return
	}
	if on {
		d.write(name, "")
	} else {
		d.remove(name)
	}
	d.write("moves-"+name, strings.Repeat("x", d.moves(name)+1))
}

func (d folder) moves(name string) int {
	text, _ := os.ReadFile(filepath.Join(string(d), "moves-"+name))
	return len(text)
}

// do does one thing to one plug and gives what is printed; "!" starts a refusal.
func (d folder) do(verb, plug string) string {
	switch {
	case d.has("reject-" + plug):
		return "!says no"
	case d.has("stick-"+plug) && verb != "status":
		return "ok"
	}
	switch verb {
	case "on", "off":
		d.set("on-"+plug, verb == "on")
	case "beacon-on", "beacon-off":
		d.set("light-"+plug, verb == "beacon-on")
	case "cycle":
		d.set("on-"+plug, false)
		d.set("on-"+plug, true)
	case "reset":
	case "status":
		return d.state("on-" + plug)
	case "beacon":
		return d.state("light-" + plug)
	case "temp":
		return "21.5 C"
	default:
		return "!does not know " + verb
	}
	return "ok"
}
