package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestDriverPage takes the driver out of docs/drivers.md, puts it where the page
// says, and holds it to the suite that every driver passes.
func TestDriverPage(t *testing.T) {
	code := regexp.MustCompile("(?s)```go file=([a-z_]+\\.go)\n(.*?)```")
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir, replace := t.TempDir(), map[string]string{}
	for _, m := range code.FindAllStringSubmatch(read(t, "docs/drivers.md"), -1) {
		write(t, filepath.Join(dir, m[1]), m[2])
		replace[filepath.Join(top, "internal/driver/relay", m[1])] = filepath.Join(dir, m[1])
	}
	if len(replace) != 2 {
		t.Fatalf("docs/drivers.md holds %d Go files, want the driver and its test", len(replace))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	program := filepath.Join(dir, "relay.test")
	run(t, top, "go", "test", "-vet=off", "-c", "-o", program, "-overlay", filepath.Join(dir, "overlay.json"), "./internal/driver/relay")
	run(t, dir, program)
	if said := run(t, dir, "gofmt", "-l", "."); said != "" {
		t.Errorf("docs/drivers.md: not formatted: %s", said)
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
