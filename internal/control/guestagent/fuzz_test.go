package guestagent

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// fixed is an agent that says one thing, whatever it is asked.
type fixed struct {
	io.Reader
	io.Writer
}

func (fixed) Close() error { return nil }

// FuzzConversation: whatever an agent says, the conversation ends, in bounds; and
// nobody is in step with one that does not know our number.
func FuzzConversation(f *testing.F) {
	f.Add([]byte("\xff{\"return\": 1}\n"))
	f.Add([]byte("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\n"))
	f.Add([]byte("\xff\xff\n\n\xff{\"return\": -1}\n{\"return\": {}}\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		c := newConversation(fixed{bytes.NewReader(said), io.Discard})
		if err := c.sync(); err == nil {
			t.Errorf("%q got us in step", said)
		}
		c = newConversation(fixed{bytes.NewReader(said), io.Discard})
		text, err := c.answer()
		var refused *Refusal
		if err == nil && len(text) > maxLine || errors.As(err, &refused) && len(refused.Desc) > 3*maxSaid+8 {
			t.Errorf("%q is answered by %q, %v", said, text, err)
		}
	})
}
