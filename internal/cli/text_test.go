package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"web[1-4],db1", 0, "web[1-4],db1"},
		{"web[1-4],db1", 12, "web[1-4],db1"},
		{"web[1-4],db1", 11, "web[1-4],|db1"},
		{"a,b,c,d", 4, "a,b,|c,d"},
		{"one two three", 7, "one two|three"},
		{"unbreakable", 4, "unbreakable"},
		{"unbreakable, it", 4, "unbreakable,|it"},
		{"ää,öö,üü", 3, "ää,|öö,|üü"},
	} {
		if got := strings.Join(wrap(tt.text, tt.width), "|"); got != tt.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	tb := table{style: style{width: 30}, head: []string{"NODE", "N", "CORDS"}}
	tb.row(text("web1"), number("7"), text("pdu1:1"))
	tb.row(text("a\x1b[31m"), number("12"), text("pdu1:[1-4],pdu2:[1-4]"))
	tb.row(text("lonely"), number("1"), text(""))
	var b strings.Builder
	if err := tb.write(&b); err != nil {
		t.Fatal(err)
	}
	want := `NODE     N  CORDS
web1     7  pdu1:1
a?[31m  12  pdu1:[1-4],
            pdu2:[1-4]
lonely   1
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// A table fits its terminal: columns that are too wide wrap.
func TestTableFits(t *testing.T) {
	tb := table{style: style{width: 42}, head: []string{"N", "FROM", "BY", "NOTE"}}
	tb.row(number("1"), text("/var/lib/millwright/a/long/path/room.yaml"), text("files"), text("read at the start"))
	tb.row(number("12"), text("short"), text(""), text(""))
	var b strings.Builder
	if err := tb.write(&b); err != nil {
		t.Fatal(err)
	}
	want := ` N  FROM          BY     NOTE
 1  /var/lib/     files  read at the start
    millwright/
    a/long/path/
    room.yaml
12  short
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	for said, want := range map[string]string{
		"90s": "2026-03-05T11:58:30Z", "2d": "2026-03-03T12:00:00Z", "0.5d": "2026-03-05T00:00:00Z",
		"07:30": "2026-03-05T07:30:00Z", "2026-03-01": "2026-03-01T00:00:00Z",
		"2026-03-01 07:30": "2026-03-01T07:30:00Z", "2026-03-01T07:30:00+01:00": "2026-03-01T06:30:00Z",
		"yesterday": "error", "d": "error", "-1d": "error",
	} {
		at, err := moment(said, now)
		got := at.UTC().Format(time.RFC3339)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", said, got, want)
		}
	}
}

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, ExitOK},
		{exit(ExitUnknown), ExitUnknown},
		{usagef("no"), ExitTrouble},
		{&room.Error{Code: room.CodeInternal, Err: &client.NoDaemon{}}, ExitTrouble},
		{fmt.Errorf("ask: %w", &room.Error{Code: room.CodeNotFound}), ExitRefused},
		{&room.Error{Code: room.CodeBusy}, ExitRefused},
		{&room.Error{Code: room.CodeInvalid}, ExitTrouble},
		{&room.Error{Code: room.CodeUnknown}, ExitUnknown},
		{context.Canceled, ExitStopped},
		{errors.New("else"), ExitTrouble},
	} {
		if got := statusOf(tt.err); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, got, tt.want)
		}
	}
}

// Every command can be made into a page of the manual.
func TestHelpIsComplete(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		switch {
		case c.Hidden:
		case c.Short == "" || strings.HasSuffix(c.Short, "."):
			t.Errorf("%s: Short is a sentence without a full stop: %q", c.CommandPath(), c.Short)
		case c.Long == "" || c.Example == "":
			t.Errorf("%s has no Long or no Example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := (&program{}).root()
	walk(root)
	for _, c := range root.Commands() {
		if !c.Hidden && !slices.ContainsFunc(groups, func(g *cobra.Group) bool { return g.ID == c.GroupID }) {
			t.Errorf("%s is in no group, so the help leaves it out", c.Name())
		}
	}
}

// BenchmarkShow is what the command line itself needs for a status of 10,000 nodes,
// once the daemon has answered, device by device in any order.
func BenchmarkShow(b *testing.B) {
	lines := make([]wire.Line, 10_000)
	for i := range lines {
		lines[i] = wire.Line{Kind: wire.KindResult, Node: fmt.Sprint("t", (i/16*401)%625*16+i%16), Outcome: fleet.OK, State: []string{"on", "off"}[i%7/6]}
	}
	for b.Loop() {
		p := &program{stdout: io.Discard, stderr: io.Discard}
		a := &answer{program: p, verb: &verb{}, op: room.Status}
		for i := range lines {
			a.take(lines[i])
		}
		a.show()
	}
}
