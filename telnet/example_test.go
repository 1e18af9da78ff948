package telnet_test

import (
	"fmt"
	"net"

	"millwright.dev/millwright/telnet"
)

// A power strip that opens with option requests, and a client that sees only
// its menu.
func Example() {
	strip, client := net.Pipe()
	go func() {
		s := telnet.NewServer(strip, telnet.Options{Ask: []telnet.Option{telnet.TerminalType}})
		_, _ = s.Write([]byte("User Name :"))
		_ = s.Close()
	}()

	c := telnet.NewConn(client, telnet.Options{})
	defer func() { _ = c.Close() }()
	buf := make([]byte, 64)
	n, _ := c.Read(buf)
	fmt.Printf("%s\n", buf[:n])
	// Output: User Name :
}

// Towards devices described by PowerMan's device files, answer as powermand
// does, and say what was ignored.
func ExamplePowerMan() {
	strip, daemon := net.Pipe()
	go func() {
		_, _ = strip.Write([]byte("\xff\xfd\x22> ")) // IAC DO LINEMODE
		_ = strip.Close()
	}()

	c := telnet.NewConn(daemon, telnet.PowerMan(func(cmd telnet.Command, opt telnet.Option) {
		fmt.Println("ignored:", cmd, opt)
	}))
	defer func() { _ = c.Close() }()
	buf := make([]byte, 64)
	n, _ := c.Read(buf)
	fmt.Printf("%q\n", buf[:n])
	// Output:
	// ignored: DO LINEMODE
	// "> "
}
