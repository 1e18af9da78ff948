package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// parrot: start a device that asks for a password and says it again with whatever
// it answers; it turns away who is called "wrong". Where it listens goes into
// parrot.yaml, as devices good and bad.
func cmdParrot(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				parrot(c)
			}()
		}
	}()
	text := "specifications: parrot.dev\ndevices:\n"
	for _, name := range []string{"good", "bad"} {
		text += fmt.Sprintf("  %s: {driver: script, credential: %s, settings: {spec: parrot, address: \"tcp://%s\"}}\n", name, name, l.Addr())
	}
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), "parrot.yaml"), []byte(text), 0o600))
}

func parrot(c net.Conn) {
	in := bufio.NewReader(c)
	ask := func(prompt string) (string, bool) {
		_, _ = io.WriteString(c, prompt)
		line, err := in.ReadString('\n')
		return strings.TrimSpace(line), err == nil
	}
	user, _ := ask("login: ")
	password, ok := ask("password: ")
	if user == "wrong" {
		_, _ = fmt.Fprintf(c, "%s is not the password of %s\r\n", password, user)
		_ = c.SetReadDeadline(time.Now().Add(time.Second)) // it hangs up when this has surely been read
		_, _ = in.ReadByte()
		return
	}
	for prompt := "welcome, " + password + "\r\n> "; ok; {
		var line string
		line, ok = ask(prompt)
		switch {
		case line == "status":
			prompt = fmt.Sprintf("1 on %s\r\n2 off %s\r\n> ", password, password)
		default:
			prompt = fmt.Sprintf("ERROR %s %s\r\n> ", line, password)
		}
	}
}

// leaks TEXT [FILE…]: look for a text in all files of the script but these, in
// what the daemon has logged and in the last output; with !, it must not be there.
func cmdLeaks(ts *testscript.TestScript, neg bool, args []string) {
	text, but := []byte(args[0]), args[1:]
	var found []string
	look := func(name string, data []byte) {
		if bytes.Contains(data, text) {
			found = append(found, name)
		}
	}
	work := ts.Getenv("WORK")
	ts.Check(filepath.WalkDir(work, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(work, path)
		if err != nil || !d.Type().IsRegular() || slices.Contains(but, name) {
			return err
		}
		data, err := os.ReadFile(path)
		look(name, data)
		return err
	}))
	look("stdout", []byte(ts.ReadFile("stdout")))
	look("stderr", []byte(ts.ReadFile("stderr")))
	if log := placeOf(ts).log; log != nil && placeOf(ts).daemon == nil {
		look("the daemon's log", []byte(log.String()))
	}
	if (len(found) > 0) == neg {
		ts.Fatalf("%s is shown by: %s", text, strings.Join(found, ", "))
	}
}
