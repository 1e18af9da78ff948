package secret_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/secret"
)

func TestINI(t *testing.T) {
	dir := t.TempDir()
	text := "[pdu]\nwrite_community = p%%ss: word\n[a#b/c]\nKEY = 1\n"
	if err := os.WriteFile(filepath.Join(dir, "r.ini"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	from := secret.Places{Dir: dir}
	for _, tt := range []struct{ ref, want string }{
		{"ini:r.ini#pdu/write_community", "p%ss: word"},
		{"ini:" + dir + "/r.ini#pdu/Write_Community", "p%ss: word"},
	} {
		ref, err := secret.Parse(tt.ref)
		if err != nil {
			t.Fatal(err)
		}
		if ref.String() != tt.ref {
			t.Errorf("%s is written as %s", tt.ref, ref)
		}
		if v, err := ref.Resolve(t.Context(), from); v.Reveal() != tt.want || err != nil {
			t.Errorf("%s gives %q, %v", tt.ref, v.Reveal(), err)
		}
	}
	for _, name := range []string{"ini:r.ini#pdu/none", "ini:r.ini#none/key", "ini:none.ini#pdu/key"} {
		ref, err := secret.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ref.Resolve(t.Context(), from); !errors.Is(err, secret.ErrMissing) || strings.Contains(err.Error(), "word") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"ini:", "ini:x", "ini:x#y", "ini:#y/z", "ini:x#/z", "ini:x#y/"} {
		if _, err := secret.Parse(bad); !errors.Is(err, secret.ErrSyntax) {
			t.Errorf("%q is taken: %v", bad, err)
		}
	}
}
