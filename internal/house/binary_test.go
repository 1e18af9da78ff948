package house

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxBinary is how large the program may be, stripped.
const maxBinary = 30 << 20

// TestBinary builds the program as a release does: for servers and for the small
// boards that are a home of this program.
func TestBinary(t *testing.T) {
	for _, board := range []struct{ arch, arm string }{{"amd64", ""}, {"arm64", ""}, {"arm", "7"}} {
		t.Run(board.arch+board.arm, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "millwright")
			build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./cmd/millwright")
			build.Dir = root
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+board.arch, "GOARM="+board.arm)
			if said, err := build.CombinedOutput(); err != nil {
				t.Fatalf("it does not build: %v\n%s", err, said)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > maxBinary {
				t.Errorf("it has %d MB, more than %d: look for a large import with `go version -m` and `go tool nm -size`", len(text)>>20, maxBinary>>20)
			}
			t.Logf("%.1f MB", float64(len(text))/(1<<20))
			if here, err := filepath.Abs(root); err != nil || bytes.Contains(text, []byte(here+"/")) {
				t.Errorf("it tells where it was built (%s, %v)", here, err)
			}
			static(t, text)
		})
	}
}

func static(t *testing.T, text []byte) {
	t.Helper()
	program, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a loader: it must be one static file, without cgo")
		}
	}
}
