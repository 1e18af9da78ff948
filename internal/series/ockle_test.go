package series_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"millwright.dev/millwright/internal/series"
	"millwright.dev/millwright/internal/store"
)

// ockleLog makes a file as Ockle's logger does, with what it would write and what it
// would not.
func ockleLog(t *testing.T, rows ...[3]any) (path string, more func(rows ...[3]any)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "log.db")
	d, err := sql.Open("sqlite", path+"?_pragma=synchronous(0)&_pragma=journal_mode(memory)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.Exec("CREATE TABLE log (id INTEGER PRIMARY KEY, server TEXT, dataDict TEXT, time TEXT)"); err != nil {
		t.Fatal(err)
	}
	more = func(rows ...[3]any) {
		t.Helper()
		for _, r := range rows {
			if _, err := d.Exec("INSERT INTO log VALUES (NULL, ?, ?, ?)", r[0], r[1], r[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	more(rows...)
	return path, more
}

func importLog(t *testing.T, b *series.Book, path string) *series.OckleReport {
	t.Helper()
	l, err := store.OpenOckleLog(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := b.ImportOckle(t.Context(), l, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestImportOfOckle(t *testing.T) {
	begin := time.Now().Add(-48 * time.Hour).Truncate(time.Hour)
	at := func(i int) string { return fmt.Sprintf("%d.25", begin.Unix()+int64(i)*10) }
	var rows [][3]any
	for i := range 1000 {
		data := fmt.Sprintf(`{"outletpdu1":{"current":%d,"name":"pdu1"},"controlcpu":{"CPU":"%d","name":"cpu"}}`, 400+i%3, i%100)
		rows = append(rows, [3]any{[]string{"web1", "web2"}[i%2], data, at(i)})
	}
	path, more := ockleLog(t, rows...)
	more([][3]any{
		{"web1", `{`, at(1000)},
		{"web1", `[]`, at(1000)},
		{"web1", `{"outletx":{"current":null,"warp":3}}`, at(1000)},
		{"web1", `{"outletx":{"current":"NaN"}}`, at(1000)},
		{"web1", `{"outletx":{"current":1}}`, "soon"},
		{"web1", `{"outletx":{"current":1}}`, "1e99"},
		{"web1", nil, at(1000)},
		{strings.Repeat("x", 5000), `{}`, at(1000)},
		{"web1", strings.Repeat(" ", 2<<20), at(1000)},
		{"a\nb", `{"outletx":{"current":1}}`, at(1000)},
	}...)
	b := book(t)
	r := importLog(t, b, path)
	if diff := cmp.Diff(map[string]int{
		"rows whose data cannot be read":               2,
		"values that are no numbers":                   2,
		"values of metrics that are not known":         1,
		"rows without a time":                          2,
		"rows with a text that is missing or too long": 3,
		"values of series that cannot be kept":         1,
	}, r.LeftOut); diff != "" {
		t.Error(diff)
	}
	if r.Rows != 1010 || r.Samples != 2000 || r.Series != 4 || r.Earlier {
		t.Errorf("%+v", r)
	}
	amps := series.Query{
		Match: series.Matcher{series.LabelNode: {"web1"}, series.LabelQuantity: {"current"}},
		From:  begin, To: begin.Add(3 * time.Hour), Points: 180,
	}
	check := func() {
		t.Helper()
		a, err := b.Ask(t.Context(), amps)
		if err != nil || len(a.Lines) != 1 || a.Lines[0].Unit != "A" {
			t.Fatalf("%+v, %v", a, err)
		}
		if v := a.Lines[0].Values[0]; a.Level != "minutes" || math.Abs(v-0.401) > 0.0005 {
			t.Errorf("the first minute has %v A at level %s", v, a.Level)
		}
	}
	check()
	if r := importLog(t, b, path); r.Samples != 0 || !r.Earlier {
		t.Errorf("the second time: %+v", r)
	}
	more([3]any{"web1", `{"outletpdu1":{"current":400,"name":"pdu1"}}`, at(2000)})
	if r := importLog(t, b, path); r.Samples != 1 {
		t.Errorf("after the log grew: %+v", r)
	}
	check()
}

func TestNoLogOfOckle(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.OpenOckleLog(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there was opened")
	}
	d, err := sql.Open("sqlite", filepath.Join(dir, "view"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Exec("CREATE TABLE t (x); CREATE VIEW log AS SELECT 1 AS id, x AS server, x AS dataDict, x AS time FROM t")
	if err = errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenOckleLog(t.Context(), filepath.Join(dir, "view")); err == nil {
		t.Error("a view was taken for the log")
	}
}

func book(t testing.TB) *series.Book {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.OpenSamples(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, err := series.Open(ctx, f, series.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(b.Close(), f.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}
