package vpc_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/sim/vpc"
)

// row is four plugs, of which number 2 is bad.
type row struct{ on, beacon [4]bool }

func (*row) Len() int          { return 4 }
func (*row) Name(i int) string { return strconv.Itoa(i) }

func (r *row) Find(name string) (int, bool) {
	i, err := strconv.ParseUint(name, 10, 8)
	return int(i), err == nil && i < 4
}
func (r *row) On(i int) bool              { return r.on[i] }
func (r *row) Bad(i int) bool             { return i == 2 }
func (r *row) Switch(i int, on bool) bool { r.on[i] = on; return true }
func (r *row) Beacon(i int) bool          { return r.beacon[i] }
func (r *row) SetBeacon(i int, on bool)   { r.beacon[i] = on }
func (r *row) Reset(int)                  {}

func TestAnswers(t *testing.T) {
	tests := []struct{ line, want string }{
		{"stat *", "plug 0: OFF\nplug 1: OFF\nplug 2: ERROR\nplug 3: OFF\n1 OK\n"},
		{"stat 1", "plug 1: OFF\n1 OK\n"},
		{"stat 4", "1 BADVAL: 4\n"},
		{"on 1", "1: OK\n1 OK\n"},
		{"on 1\r", "1: OK\n1 OK\n"},
		{"on *", "0: OK\n1: OK\n2: ERROR\n3: OK\n1 OK\n"},
		{"on [0-1,3]", "0: OK\n1: OK\n3: OK\n1 OK\n"},
		{"off 3,0", "3: OK\n0: OK\n1 OK\n"},
		{"off 2", "2: ERROR\n1 OK\n"},
		{"on [3-4]", "1 BADVAL: 4\n"},
		{"on [3-", "1 UNKNOWN: on [3-\n"},
		{"on [1-99999999999]", "1 UNKNOWN: on [1-99999999999]\n"},
		{"temp 3", "plug 3: 86\n1 OK\n"},
		{"reset [0-1]", "1 OK\n"},
		{"flash *", "1 UNKNOWN: flash *\n"},
		{"spew 1", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#$%^&*()-_=+[]\n1 OK\n"},
		{"", ""},
		{"logoff", "1 OK\n"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			var out bytes.Buffer
			s := vpc.Session{Plugs: &row{}, Out: &out, Sleep: func(time.Duration) error { return nil }}
			s.Answer("login")
			out.Reset()
			if more := s.Answer(tt.line); more != (tt.line != "logoff") {
				t.Errorf("the session goes on: %v", more)
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// brokenAfter is a writer that breaks after so many bytes.
type brokenAfter struct{ left int }

func (w *brokenAfter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("broken")
	}
	return len(p), nil
}

func TestEndlessSpewEndsWithItsReader(t *testing.T) {
	s := vpc.Session{Plugs: &row{}, Out: &brokenAfter{1 << 20}}
	if err := s.Serve(strings.NewReader("login\nspew 2147483647\nstat *\n")); err == nil {
		t.Error("the session ended well, want the error of the writer")
	}
}

func FuzzServe(f *testing.F) {
	f.Add([]byte("login\non [0-3]\nstat *\nspew 3\nlogoff\n"))
	f.Add([]byte("login\n\x00\n\nstat 99999999999999999999\n" + strings.Repeat("x", 300)))
	f.Fuzz(func(t *testing.T, typed []byte) {
		s := vpc.Session{
			Plugs: &row{}, Out: &brokenAfter{1 << 20},
			Sleep: func(time.Duration) error { return io.ErrClosedPipe },
		}
		_ = s.Serve(bytes.NewReader(typed)) // must return
	})
}
