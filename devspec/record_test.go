package devspec

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

const recordSpec = `specification "s" { timeout 5
	script login { expect "user: " send "%{user}\n" expect "password: " send "%{password}\n" expect "> " }
	script status_all { send "stat\n" foreachplug { expect "([0-9]): (ON|OFF)\r\n" setplugstate $1 $2 on="ON" off="OFF" } expect "> " } }`

func recordedDevice(c net.Conn) {
	for _, turn := range []struct{ say, hear string }{
		{"user: ", "root\n"}, {"password: ", "s3cret\n"}, {"\x00s3cret\xe9> ", "stat\n"}, {"1: ON\r\n2: OFF\r\n3: ON\r\n> ", "?"},
	} {
		for _, c1 := range []byte(turn.say) { // byte by byte, so that secrets are cut
			c.Write([]byte{c1})
		}
		io.ReadFull(c, make([]byte, len(turn.hear)))
	}
}

// TestRecordAndReplay records a session, and runs the same scripts against the
// recording.
func TestRecordAndReplay(t *testing.T) {
	spec := mustSpec(t, recordSpec)
	table := NewPlugTable([]Plug{{"1", "a"}, {"2", "b"}, {"3", "c"}})
	secrets := map[string]string{"user": "root", "password": "s3cret"}
	converse := func(t *testing.T, conn io.ReadWriteCloser) []string {
		s := NewSession(spec, conn, Options{Secrets: secrets})
		out := &log{}
		for _, name := range []ScriptName{ScriptLogin, ScriptStatusAll} {
			if err := s.Run(t.Context(), Action{Script: spec.Script(name)}, NewCall(table, []int{0, 1, 2}, out)); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return out.lines
	}
	var text bytes.Buffer
	var first []string
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		go func() { recordedDevice(there); there.Close() }()
		first = converse(t, NewRecorder(here, &text, secrets))
	})
	const recording = `# devspec recording 1
< "user: "
> "root\n"
< "password: "
> "****\n"
< "\u0000****\u00e9> "
> "stat\n"
< "1: ON\r\n"
< "2: OFF\r\n"
< "3: ON\r\n"
< "> "
`
	if got := strings.ReplaceAll(text.String(), `\x00`, `\u0000`); got != recording {
		t.Errorf("the recording is\n%s", got)
	}
	turns, err := ReadRecording("r", &text)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		end := make(chan error, 1)
		go func() { end <- Replay(there, turns) }()
		want(t, converse(t, here), first...)
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
}

func TestReplayHearsSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		end := make(chan error, 1)
		go func() { end <- Replay(there, []Turn{{true, "on 1\n"}}) }()
		io.WriteString(here, "on 2\n")
		if err := <-end; err == nil || !strings.Contains(err.Error(), `expected "on 1\n", heard "on 2"`) {
			t.Error(err)
		}
		here.Close()
	})
}

func TestBadRecordings(t *testing.T) {
	for text, piece := range map[string]string{
		"":                                    "r: the recording is empty",
		"> \"a\"\n":                           "r:1: this is no recording",
		recordHeader + "\n? \"a\"\n":          "r:2: want < or >",
		recordHeader + "\n\n# x\n< a\n":       "r:4: the text is not properly quoted",
		recordHeader + "\n< \"\\u0100\"\n":    "r:2: 'Ā' is not a byte",
		recordHeader + "\n<\n":                "r:2: want < or >",
		recordHeader + "\n< \"a\" \"b\"\n":    "r:2: the text",
		recordHeader + "\n> \"a\"\n> \"b\"\n": "",
	} {
		_, err := ReadRecording("r", strings.NewReader(text))
		if (err == nil) != (piece == "") || err != nil && !strings.Contains(err.Error(), piece) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestLongSecretsInRecordings: a secret that lies across what is held back.
func TestLongSecretsInRecordings(t *testing.T) {
	here, there := net.Pipe()
	go io.Copy(io.Discard, there)
	var text bytes.Buffer
	r := NewRecorder(here, &text, map[string]string{"k": "topsecret"})
	for range 1500 {
		r.Write([]byte("xxtopse"))
		r.Write([]byte("cretyy\n"))
	}
	r.Close()
	there.Close()
	turns, err := ReadRecording("r", &text)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := turns[0].Text, strings.Repeat("xx****yy\n", 1500); got != want {
		t.Errorf("%d bytes, want %d; secret shown: %t", len(got), len(want), strings.Contains(got, "secret"))
	}
}
