package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestExampleCode takes the driver out of docs/drivers.md and the check out of
// docs/kinds.md, puts each where its page says, and runs its tests: a driver's are the
// suite that every driver passes.
func TestExampleCode(t *testing.T) {
	for page, folder := range map[string]string{"docs/drivers.md": "internal/driver/relay", "docs/kinds.md": "internal/check/tick"} {
		t.Run(filepath.Base(folder), func(t *testing.T) { tryExample(t, page, folder) })
	}
}

func tryExample(t *testing.T, page, folder string) {
	t.Helper()
	code := regexp.MustCompile("(?s)```go file=([a-z_]+\\.go)\n(.*?)```")
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir, replace := t.TempDir(), map[string]string{}
	for _, m := range code.FindAllStringSubmatch(read(t, page), -1) {
		write(t, filepath.Join(dir, m[1]), m[2])
		replace[filepath.Join(top, folder, m[1])] = filepath.Join(dir, m[1])
	}
	if len(replace) != 2 {
		t.Fatalf("%s holds %d Go files, want the example and its test", page, len(replace))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	program := filepath.Join(dir, "example.test")
	run(t, top, "go", "test", "-vet=off", "-c", "-o", program, "-overlay", filepath.Join(dir, "overlay.json"), "./"+folder)
	run(t, dir, program)
	if said := run(t, dir, "gofmt", "-l", "."); said != "" {
		t.Errorf("%s: not formatted: %s", page, said)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a program that must succeed, and gives what it says.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, said)
	}
	return string(said)
}
