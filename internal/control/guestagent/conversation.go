package guestagent

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"millwright.dev/millwright/internal/driver/action"
)

// conversation is one with an agent. One goroutine asks; stop may come from any.
type conversation struct {
	line io.ReadWriteCloser
	in   *bufio.Reader
	stop func()
}

// Bounds of what an agent says, in bytes.
const (
	maxLine  = 64 << 10 // of one answer
	maxNoise = 1 << 20  // of what comes before we are in step
	maxSaid  = 200      // of what is handed on
)

func newConversation(line io.ReadWriteCloser) *conversation {
	return &conversation{
		line: line, in: bufio.NewReader(line),
		stop: sync.OnceFunc(func() { _ = line.Close() }),
	}
}

// delimiter is no part of any JSON: it has the agent forget what it has read so far,
// and stands before the answer to guest-sync-delimited.
const delimiter = 0xff

// errStep is of an agent that never answered what it was asked first.
var errStep = errors.New("it talks, and does not get in step")

// sync gets in step: it asks with a number of its own, and passes over all that comes
// before that number is answered.
func (c *conversation) sync() error {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	// 53 bits: a number that any reader of JSON keeps whole.
	id := binary.BigEndian.Uint64(random[:]) >> 11
	// The newline ends what somebody before us may have begun.
	ask := fmt.Appendf([]byte{delimiter}, "\n{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%d}}\n", id)
	if _, err := c.line.Write(ask); err != nil {
		return err
	}
	for noise := 0; noise < maxNoise; {
		n, err := c.skip(maxNoise - noise)
		noise += n
		if err != nil {
			return err
		}
		text, err := c.readLine()
		if err != nil {
			return err
		}
		noise += len(text)
		var reply struct{ Return *uint64 }
		if json.Unmarshal(text, &reply) == nil && reply.Return != nil && *reply.Return == id {
			return nil
		}
	}
	return errStep
}

// skip reads up to and with the next delimiter, and no more than most bytes.
func (c *conversation) skip(most int) (n int, err error) {
	for ; n < most; n++ {
		b, err := c.in.ReadByte()
		if err != nil || b == delimiter {
			return n, err
		}
	}
	return n, errStep
}

// send asks for a command.
func (c *conversation) send(command, arguments string) error {
	ask := `{"execute":"` + command + `"}`
	if arguments != "" {
		ask = `{"execute":"` + command + `","arguments":` + arguments + `}`
	}
	_, err := io.WriteString(c.line, ask+"\n")
	return err
}

// Refusal is what an agent answers to a command that it will not do.
type Refusal struct{ Class, Desc string }

func (r *Refusal) Error() string { return "it refuses: " + r.Desc + " (" + r.Class + ")" }

// answer reads the answer to a command.
func (c *conversation) answer() (json.RawMessage, error) {
	text, err := c.readLine()
	if err != nil {
		return nil, err
	}
	var reply struct {
		Return json.RawMessage
		Error  *struct{ Class, Desc string }
	}
	switch err := json.Unmarshal(text, &reply); {
	case err != nil:
		return nil, fmt.Errorf("it answers what is no JSON: %s", action.Clean(nil, string(text), maxSaid))
	case reply.Error != nil:
		return nil, &Refusal{Class: action.Clean(nil, reply.Error.Class, maxSaid), Desc: action.Clean(nil, reply.Error.Desc, maxSaid)}
	case reply.Return == nil:
		return nil, errors.New("it answers neither a result nor an error")
	}
	return reply.Return, nil
}

// readLine reads one line that is not blank.
func (c *conversation) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := c.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("it answers more than %d bytes", maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}
