package prompt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/applet/prompt"
)

// talk runs a loop that quotes its words and stops at "quit".
func talk(t *testing.T, in io.Reader, maxLine int) (string, error) {
	t.Helper()
	var out bytes.Buffer
	l := prompt.Loop{Prompt: "> ", MaxLine: maxLine, Out: &out, Run: func(_ context.Context, words []string) bool {
		fmt.Fprintf(&out, "%q", words)
		return words[0] != "quit"
	}}
	err := l.Serve(t.Context(), in)
	return out.String(), err
}

func TestLines(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", "> "},
		{"words", " a\tb\vc\r\ne\n", `> ["a" "b" "c"]> ["e"]> `},
		{"empty lines", "\n \n\t\r\n", "> > > > "},
		{"no line end", "a", `> ["a"]> `},
		{"leaving", "quit now\na\n", `> ["quit" "now"]`},
		{"zero bytes", "a\x00b\n\x00\nc\n", `> ["a"]> > ["c"]> `},
		{"just fits", "1234567\n8\n", `> ["1234567"]> ["8"]> `},
		{"one too long", "12345678\n9\n", `> ["12345678"]> > ["9"]> `},
		{"three times too long", "12345678abcdefghXY\n9\n", `> ["12345678"]> ["abcdefgh"]> ["XY"]> ["9"]> `},
		{"other blanks are text", "a\u00a0b\f\xff\n", "> [\"a\\u00a0b\" \"\\xff\"]> "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, in := range map[string]io.Reader{
				"at once":      strings.NewReader(tt.in),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				got, err := talk(t, in, 8)
				if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
					t.Errorf("%s: error %v (-want +got):\n%s", name, err, diff)
				}
			}
		})
	}
}

func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	if _, err := talk(t, iotest.ErrReader(broken), 8); !errors.Is(err, broken) {
		t.Errorf("input fails: %v", err)
	}
	l := prompt.Loop{Prompt: "> ", MaxLine: 8, Out: failing{}, Run: func(context.Context, []string) bool { return true }}
	if err := l.Serve(t.Context(), strings.NewReader("a\n")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("output fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Serve(ctx, strings.NewReader("a\n")); !errors.Is(err, context.Canceled) {
		t.Errorf("context ends: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
