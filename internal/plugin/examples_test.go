package plugin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

var update = flag.Bool("update", false, "write the transcript in docs/plugins.md anew")

const patience = time.Minute // for what must happen

func folder(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs("../../examples/plugins/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGoExample(t *testing.T) {
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "file-age"), ".")
	build.Dir = folder(t, "go")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h, states := real(t, plugin.Spec{Argv: []string{"./file-age"}, Dir: dir})
	until(t, states, plugin.Running)
	if err := os.WriteFile(filepath.Join(dir, "n1.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	use := plugin.Use{Plugin: "p", Provides: "file-age", Settings: plugin.Values{"path": dir + "/{node}.log"}}
	for node, want := range map[string]string{"n1": "ok", "n2": "bad"} {
		if r, err := h.Check(ctx, use, plugin.Node{Name: node}); err != nil || r.Verdict != want {
			t.Errorf("%s: %+v, %v, want %s", node, r, err, want)
		}
	}
	use.Settings = nil
	if _, err := h.Check(ctx, use, plugin.Node{Name: "n1"}); err == nil || !strings.Contains(err.Error(), "path: it is missing") {
		t.Errorf("without a path: %v", err)
	}
}

// recorder is a process whose lines are written down.
type recorder struct {
	plugin.Process
	mu  *sync.Mutex
	log *bytes.Buffer
	in  []byte // of the plugin, without an end yet
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.log.WriteString("→ " + string(p))
	r.mu.Unlock()
	return r.Process.Write(p)
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Process.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in = append(r.in, p[:n]...)
	if i := bytes.LastIndexByte(r.in, '\n'); i >= 0 {
		for line := range bytes.Lines(r.in[:i+1]) {
			r.log.WriteString("← " + string(line))
		}
		r.in = append([]byte(nil), r.in[i+1:]...)
	}
	return n, err
}

// answering is a desk that lets everything happen, and tells of wishes.
type answering struct{ wishes chan plugin.Wish }

func (d *answering) Do(_ context.Context, w plugin.Wish) (plugin.Outcome, error) {
	d.wishes <- w
	return plugin.Outcome{Request: "r-7", Said: "1 node was cycled"}, nil
}

func (*answering) RunCheck(context.Context, plugin.Look) (plugin.CheckResult, error) {
	return plugin.CheckResult{Verdict: "bad", Said: "no answer in time"}, nil
}

// The example in Python does what it says; and what is said in between stands in the docs.
func TestPythonExample(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plugs.json"), []byte(`{"password": "sesame", "plugs": {"1": "off", "2": "locked"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var log bytes.Buffer
	states := make(chan plugin.Status, 100)
	h := plugin.New(plugin.Options{
		Version: "1.0", Changed: func(s plugin.Status) { states <- s },
		Start: func(ctx context.Context, s plugin.Spec, stderr io.Writer) (plugin.Process, error) {
			p, err := new(transport.Dialer).Start(ctx, transport.Program{Argv: s.Argv, Dir: s.Dir, Stderr: stderr})
			if err != nil {
				return nil, err
			}
			return &recorder{Process: p, mu: &mu, log: &log}, nil
		},
	})
	defer h.Close(context.Background())
	desk := &answering{wishes: make(chan plugin.Wish, 1)}
	h.Connect(desk)
	spec := plugin.Spec{
		Name: "example", Argv: []string{filepath.Join(folder(t, "python"), "example.py")}, Dir: dir,
		Enabled: true, Settings: plugin.Values{"greeting": "mended"}, As: "mender",
	}
	if err := h.Apply([]plugin.Spec{spec}); err != nil {
		t.Fatal(err)
	}
	until(t, states, plugin.Running)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	useDriver(ctx, t, h, dir)
	useOthers(ctx, t, h, dir)
	h.Publish(plugin.Event{Seq: 42, Time: time.Unix(1_800_000_000, 0).UTC(), Kind: "machine", Targets: "n7", Detail: "kernel crash dump saved"})
	if w := <-desk.wishes; w != (plugin.Wish{Plugin: "example", As: "mender", Op: "cycle", Nodes: "n7", Reason: "it logged a crash, and no answer in time"}) {
		t.Errorf("the reaction asks for %+v", w)
	}
	for said := false; !said; { // it has heard what became of it
		lines, _ := h.Log("example")
		said = len(lines) > 0 && strings.HasSuffix(lines[len(lines)-1].Text, "mended: n7: 1 node was cycled")
	}
	if err := h.Close(ctx); err != nil {
		t.Fatal(err)
	}
	inDocs(t, log.String())
}

func useDriver(ctx context.Context, t *testing.T, h *plugin.Host, dir string) {
	t.Helper()
	use := plugin.Use{Plugin: "example", Provides: "file", Settings: plugin.Values{"path": "plugs.json"}}
	_, err := h.Open(ctx, use, "pdu1", []string{"1", "2"}, secret.Resolved{})
	var no *plugin.Error
	if !errors.As(err, &no) || no.Code != plugin.Denied {
		t.Errorf("open without a password: %v", err)
	}
	who := secret.Resolved{User: "admin", Values: map[string]secret.Value{"password": secret.NewValue("sesame")}}
	s, err := h.Open(ctx, use, "pdu1", []string{"1", "2"}, who)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Do(ctx, "on", []string{"1", "2"}); err != nil || !r["1"].Done || r["2"].Failed != "it is locked" {
		t.Errorf("on: %v, %v", r, err)
	}
	if r, err := s.Do(ctx, "status", []string{"1", "2"}); err != nil || r["1"].State != "on" || r["2"].State != "off" {
		t.Errorf("status: %v, %v", r, err)
	}
	if r, err := s.Measure(ctx); err != nil || len(r) != 2 || r[0].Value != 60 {
		t.Errorf("measure: %v, %v", r, err)
	}
	_ = s.Close()
	if text, err := os.ReadFile(filepath.Join(dir, "plugs.json")); err != nil || !strings.Contains(string(text), `"1": "on"`) {
		t.Errorf("the file has %s (%v)", text, err)
	}
}

func useOthers(ctx context.Context, t *testing.T, h *plugin.Host, dir string) {
	t.Helper()
	node := plugin.Node{Name: "n1", Address: "192.0.2.1"}
	if r, err := h.Check(ctx, plugin.Use{Plugin: "example", Provides: "free-space", Settings: plugin.Values{"percent": 1}}, node); err != nil || r.Verdict == "unknown" || !strings.Contains(r.Said, "of the disk are free on n1") {
		t.Errorf("the check says %+v, %v", r, err)
	}
	flag := plugin.Use{Plugin: "example", Provides: "flag", Settings: plugin.Values{"folder": "."}}
	for _, step := range []struct{ verb, state, fault string }{
		{"status", "off", ""}, {"on", "", ""}, {"status", "on", ""}, {"off", "", ""}, {"off", "", "it is down already"},
	} {
		state, err := h.Control(ctx, flag, step.verb, node)
		if state != step.state || (err != nil) != (step.fault != "") || err != nil && err.Error() != step.fault {
			t.Errorf("%s: %q, %v, want %+v", step.verb, state, err, step)
		}
	}
	hook := plugin.Use{Plugin: "example", Provides: "hook", Settings: plugin.Values{"file": "told"}}
	if err := h.Notify(ctx, hook, plugin.Event{Seq: 41, Time: time.Unix(1_799_999_000, 0).UTC(), Kind: "ups", Detail: "ups1 is on battery"}); err != nil {
		t.Errorf("notify: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "told")); string(text) != "ups ups1 is on battery\n" {
		t.Errorf("it has told %q (%v)", text, err)
	}
}

// withoutPings leaves out pings, which come when the clock says so, and numbers our
// requests as if there had been none.
func withoutPings(said string) string {
	number, kept := regexp.MustCompile(`"id": ?(\d+)`), make(map[string]string)
	var out strings.Builder
	for line := range strings.Lines(said) {
		found := number.FindStringSubmatch(line)
		ours := strings.HasPrefix(line, "→") == strings.Contains(line, `"method"`)
		switch {
		case found == nil || !ours:
			out.WriteString(line)
			continue
		case strings.Contains(line, `"method":"ping"`):
			continue
		case strings.HasPrefix(line, "→"):
			kept[found[1]] = strconv.Itoa(len(kept) + 1)
		}
		if id, ok := kept[found[1]]; ok {
			out.WriteString(strings.Replace(line, found[0], strings.TrimSuffix(found[0], found[1])+id, 1))
		}
	}
	return out.String()
}

// inDocs holds that docs/plugins.md has the transcript, but for what differs each time.
func inDocs(t *testing.T, said string) {
	t.Helper()
	said = withoutPings(said)
	for _, r := range []struct{ pattern, put string }{
		{`"timeout_ms":\d+`, `"timeout_ms":20000`},
		{`"verdict": "\w+", "said": "\d+ %`, `"verdict": "ok", "said": "42 %`},
		{`"quantity": "percent", "value": [\d.]+`, `"quantity": "percent", "value": 42.0`},
	} {
		said = regexp.MustCompile(r.pattern).ReplaceAllString(said, r.put)
	}
	const page, from, to = "../../docs/plugins.md", "<!-- transcript -->\n```\n", "```\n<!-- /transcript -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), from)
	shown, after, found := strings.Cut(rest, to)
	switch {
	case !found:
		t.Fatalf("%s has no place for the transcript", page)
	case shown == said:
	case *update:
		if err := os.WriteFile(page, []byte(before+from+said+to+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s shows another conversation: run go test ./internal/plugin -run Python -update\n%s", page, said)
	}
	for line := range strings.Lines(said) {
		if _, message, _ := strings.Cut(line, " "); !json.Valid([]byte(message)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

// TestDocsCompile holds that the pieces of Python in the docs are Python.
func TestDocsCompile(t *testing.T) {
	text, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	pieces := regexp.MustCompile("(?s)```python\n(.*?)```").FindAllSubmatch(text, -1)
	for _, p := range pieces {
		cmd := exec.CommandContext(t.Context(), "python3", "-c", "import sys; compile(sys.stdin.read(), 'docs', 'exec')")
		cmd.Stdin = bytes.NewReader(p[1])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	if len(pieces) < 2 {
		t.Errorf("the docs have %d pieces of Python", len(pieces))
	}
}
