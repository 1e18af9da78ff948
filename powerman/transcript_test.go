package powerman

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each transcript is played to a server of its own, byte for byte. "C: " is
// sent with a line end, "S: " must come with CR LF, and "S: powerman> " is the
// prompt. At the end the client stops sending, and nothing more may come.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatal("transcripts are missing:", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			conn, err := net.Dial("tcp", serve(t, &Server{Handler: newRoom()}))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			play(t, file, conn.(*net.TCPConn))
		})
	}
}

func play(t *testing.T, file string, conn *net.TCPConn) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for n, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		switch kind, text := line[:min(3, len(line))], line[min(3, len(line)):]; kind {
		case "C: ":
			if _, err := io.WriteString(conn, text+"\n"); err != nil {
				t.Fatal(err)
			}
		case "S: ":
			want := text + "\r\n"
			if text == Prompt {
				want = text
			}
			got := make([]byte, len(want))
			if k, err := io.ReadFull(r, got); err != nil || string(got) != want {
				t.Fatalf("line %d: got %q, %v; want %q", n+1, got[:k], err, want)
			}
		case "#  ", "# ", "#", "":
		default:
			if !strings.HasPrefix(line, "#") {
				t.Fatalf("%s:%d: no such kind of line", file, n+1)
			}
		}
	}
	if err := conn.CloseWrite(); err != nil {
		t.Log("closing:", err) // after quit the server may be gone
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Fatalf("left over: %q, %v", rest, err)
	}
}

func TestStdioEndsAfterTheRunningCommand(t *testing.T) {
	room := newRoom()
	room.hold = make(chan struct{})
	in, out := io.Pipe()
	done := make(chan error)
	go func() {
		srv := &Server{Handler: room}
		done <- srv.ServeConn(context.Background(), stdio{strings.NewReader("status t[0-3]\nquit\n"), out})
	}()
	r := bufio.NewReader(in)
	want := "001 2.4.4\r\npowerman> 208 Command in progress\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
	<-room.entered
	close(room.hold)
	rest, err := io.ReadAll(r)
	want = "302 on:      t[1-2]\r\n302 off:     t0\r\n302 unknown: t3\r\n103 Query complete\r\npowerman> "
	if err != nil || string(rest) != want {
		t.Fatalf("got %q, %v; want %q", rest, err, want)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

type stdio struct {
	io.Reader
	io.WriteCloser
}
