package sim

import (
	"bytes"
	"context"
	_ "embed" // for the archive
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/pressed"
)

// Style is the way one make of power strip talks.
type Style interface {
	// Name is the word for the make in a configuration.
	Name() string
	// Serve holds one user's whole conversation: banner, login, commands. It
	// returns nil when the user has left, or the first error of the terminal.
	// It runs once for each connection, at the same time as others.
	Serve(t *Terminal) error
}

// PacketStyle is a make whose datagrams are not a conversation with each peer. Its Serve is
// not called; instead it has the unit's socket.
type PacketStyle interface {
	Style
	// ServePackets answers until ctx ends or conn is closed, and then returns. It is
	// called anew each time that the unit comes back to the network.
	ServePackets(ctx context.Context, conn net.PacketConn)
}

// Follower is a make that wants to know what becomes of the machines whose buttons it
// has. Follow is told of outlet i's at each change: its new state, how long it boots, and
// what it draws now. It must be quick and not call the room.
type Follower interface {
	Follow(i int, s MachineState, boot time.Duration, watts float64)
}

// Styles returns the built-in makes, the default first.
func Styles() []Style {
	return append([]Style{virtual{}, menu3(), menu2(), line{}, slash{}}, spokenStyles()...)
}

// errLeft ends a conversation from deep inside a menu.
var errLeft = errors.New("the user has left")

// left turns errLeft into nil, which is what Style.Serve returns then.
func left(err error) error {
	if errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// attempts is how often a wrong password may be typed on one connection.
const attempts = 3

// archive is the folders devices and dialogues, pressed.
//
//go:generate go test . -run TestPressed -press
//go:embed pressed.tar.gz
var archive string

var files = pressed.New(archive)

// DeviceFile returns a device file in PowerMan's language that fits a built-in
// make; its specification is called "mw-" and the name of the make. It is for as
// many outlets as the file lists, unless plugs are given, which then replace
// the list. The answer is nil if there is no file for the make.
func DeviceFile(style string, plugs ...string) []byte {
	text, err := files.ReadFile("devices/" + style + ".dev")
	if err != nil || len(plugs) == 0 {
		return text
	}
	const head = "plug name {"
	start := bytes.Index(text, []byte(head)) + len(head)
	end := start + bytes.IndexByte(text[start:], '}')
	listed := bytes.Count(text[start:end], []byte(`"`)) / 2

	out := bytes.Clone(text[:start])
	for i, p := range plugs {
		if i%16 == 0 {
			out = append(out, "\n\t\t"...)
		}
		out = append(strconv.AppendQuote(out, p), ' ')
	}
	out = append(out, text[end:]...)
	// In menus, the number after the last outlet stands for all.
	return bytes.ReplaceAll(out, sendNumber(listed+1), sendNumber(len(plugs)+1))
}

func sendNumber(n int) []byte { return fmt.Appendf(nil, `send "%d\r\n"`, n) }

const blanks = "                                "

// pad returns the blanks that bring text up to a width.
func pad(text string, width int) string { return blanks[:max(0, min(width-len(text), len(blanks)))] }
