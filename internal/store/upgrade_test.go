package store

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestUpgrade applies migrations to databases that have had none, some, or others.
func TestUpgrade(t *testing.T) {
	file := func(text string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- A comment.\n\n-- +goose Up\n" + text + "\n-- +goose Down\nDROP TABLE one;\n")}
	}
	one, two := file("CREATE TABLE one (a TEXT);\n\nCREATE INDEX ones ON one (a);\n"), file("INSERT INTO one VALUES ('x;y'); -- two\nINSERT INTO one VALUES ('z');")
	for _, c := range []struct {
		name          string
		first, second fstest.MapFS
		fails         string // the second
		version       int64
		rows          int
	}{
		{"at once", nil, fstest.MapFS{"m/00001_a.sql": one, "m/00002_b.sql": two}, "", 2, 2},
		{"one after the other", fstest.MapFS{"m/00001_a.sql": one}, fstest.MapFS{"m/00001_a.sql": one, "m/00002_b.sql": two}, "", 2, 2},
		{"again", fstest.MapFS{"m/00001_a.sql": one, "m/00002_b.sql": two}, fstest.MapFS{"m/00001_a.sql": one, "m/00002_b.sql": two}, "", 2, 2},
		{"a number is left out", fstest.MapFS{"m/00001_a.sql": one}, fstest.MapFS{"m/00001_a.sql": one, "m/00007_b.sql": two}, "", 7, 2},
		{"one that should have come before", fstest.MapFS{"m/00001_a.sql": one, "m/00003_c.sql": two}, fstest.MapFS{"m/00001_a.sql": one, "m/00002_b.sql": two, "m/00003_c.sql": two}, "had migration 3, and not 00002_b.sql before it", 3, 2},
		{"the second half of one fails", fstest.MapFS{"m/00001_a.sql": one}, fstest.MapFS{"m/00001_a.sql": one, "m/00002_b.sql": file("INSERT INTO one VALUES ('x');\nNONSENSE;")}, "migration 00002_b.sql: ", 1, 0},
		{"one without a mark", fstest.MapFS{"m/00001_a.sql": one}, fstest.MapFS{"m/00002_b.sql": {Data: []byte("DROP TABLE one;")}}, "has no line", 1, 0},
		{"one without a number", fstest.MapFS{"m/00001_a.sql": one}, fstest.MapFS{"m/b.sql": two}, "has no number", 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "db"))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for i, files := range []fs.FS{c.first, c.second} {
				if i == 0 && c.first == nil {
					continue
				}
				err := upgrade(t.Context(), d, files, "m")
				if want := c.fails; i == 1 && want != "" {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("the second time: %v, want %q", err, want)
					}
				} else if err != nil {
					t.Fatal(err)
				}
			}
			var rows int
			if err := d.QueryRow("SELECT COUNT(*) FROM one").Scan(&rows); err != nil {
				t.Fatal(err)
			}
			version, err := schemaVersion(t.Context(), d)
			if err != nil || version != c.version || rows != c.rows {
				t.Errorf("version %d with %d rows (%v), want %d with %d", version, rows, err, c.version, c.rows)
			}
		})
	}
}
