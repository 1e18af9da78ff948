package client

import (
	"bytes"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/door/http/wire"
)

// FuzzMessages reads anything as a stream: it ends, no message is longer than may
// be, and what has no data is none.
func FuzzMessages(f *testing.F) {
	for _, s := range []string{
		"retry: 2000\n\nevent: event\nid: 7\ndata: {}\n\n",
		": alive\nid: 8\n\ndata: a\ndata: b\n\n",
		"data\n\n", "data:\n\n", "event: problem\r\ndata: {\"problem\":{}}\r\n\r\n", "data: cut",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := bytes.Count(text, []byte("\n"))
		for m, err := range messagesIn(bytes.NewReader(text)) {
			if err != nil {
				return
			}
			if lines--; lines < 0 || len(m.data) == 0 || len(m.data) > wire.MaxLine {
				t.Fatalf("%q gives %+v", text, m)
			}
		}
	})
}

func TestMessages(t *testing.T) {
	var told []string
	for m, err := range messagesIn(strings.NewReader("retry: 1\n\nevent: a\nid: 1\ndata: x\ndata:  y\n\n: alive\nid: 2\n\ndata: z\n\ndata: cut")) {
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, m.kind+"|"+m.id+"|"+string(m.data))
	}
	if got := strings.Join(told, ";"); got != "a|1|x\n y;|2|z" {
		t.Errorf("%q", got)
	}
	endless := strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 10)
	for _, err := range messagesIn(strings.NewReader(endless)) {
		if err == nil {
			t.Error("a message without an end is told")
		}
	}
}
