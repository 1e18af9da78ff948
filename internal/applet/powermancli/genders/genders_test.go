package genders

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const cluster = `# comment
a1,a2,n[1-4]   all,cluster=c%n
n[1-2] login,cpus=4   # trailing
n[2-3]	mgmt
n4 cpus=8,pct=%%n,a-b,odd=a%m%
n1 x
n2 y

n3 z,x2
bare
`

// Every query is put to nodeattr too: it is the authority.
func TestQueryAnswersAsNodeattr(t *testing.T) {
	db, err := Parse(strings.NewReader(cluster))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "genders")
	if err := os.WriteFile(file, []byte(cluster), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"x", "nope", "~nope", "cpus", "cpus=4", "cpus=5", "cpus=*", "x=", "=4", "cpus=4=4", "", " x ",
		"cluster=cn2", "cluster=c%n", "pct=%n", "odd=a%m%", "a-b", "x|y", "x&y", "x-y", "x+y",
		"x||y&&z", "y&&z||x", "x--x||y", "x||y--y", "x||z--z", "~x&&y", "~x||x", "~~x", "~(x)", "~ x",
		"(x||y)&&login", "all--login", "all--login--z", "all--(login--x)", "all&&~login", "x|| y", "x ||y",
		"a-b--x", "z||y||x", "(x", "x)", "x y", "x,y", "()", "x||", "||x", "cpus = 4", "~", "(x)(y)",
	} {
		want, wantErr := exec.Command("nodeattr", "-f", file, "-n", query).Output()
		got, err := db.Query(query)
		if strings.Join(got, "\n") != strings.TrimSpace(string(want)) || (err != nil) != (wantErr != nil) {
			t.Errorf("%q: got %v, %v; nodeattr says %q, %v", query, got, err, want, wantErr)
		}
		if err != nil && !errors.Is(err, ErrQuery) {
			t.Errorf("%q: error %v", query, err)
		}
	}
}

func TestBadFilesAreRefusedAsByNodeattr(t *testing.T) {
	for _, text := range []string{
		"n1 a b\n", "n1 a\nn1 a\n", "n1.dom a\n", "n1, n2 a\n", "n1 a,,b\n", "n1 a,\n", "n1 a=\n", "n1 =b\n", "n1 a=b=c\n",
		"n1,,n2 a\n", "n1 a # b\n", "n1\nn1 a\nn1\n", "  n1 a\n", "n1 a",
	} {
		file := filepath.Join(t.TempDir(), "genders")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		wantErr := exec.Command("nodeattr", "-f", file, "-n", "a").Run()
		if _, err := Load(file); (err != nil) != (wantErr != nil) || err != nil && !errors.Is(err, ErrParse) {
			t.Errorf("%q: got %v; nodeattr: %v", text, err, wantErr)
		}
	}
}

func FuzzQuery(f *testing.F) {
	f.Add(cluster, "x||~(y--z)")
	f.Fuzz(func(t *testing.T, file, query string) {
		db, err := Parse(strings.NewReader(file))
		if err != nil {
			return
		}
		nodes, err := db.Query(query)
		if err != nil {
			return
		}
		rest, err := db.Query("~(" + query + ")")
		if strings.Trim(query, " \t") != "" && !strings.ContainsAny(query, "()") && err == nil && len(nodes)+len(rest) != len(db.nodes) {
			t.Errorf("%q: %d and its complement %d do not make %d", query, len(nodes), len(rest), len(db.nodes))
		}
	})
}
