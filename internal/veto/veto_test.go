package veto

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a room of four nodes with these hooks.
func lab(t testing.TB, vetoes ...room.DraftVeto) *room.Room {
	t.Helper()
	d := room.Draft{Vetoes: vetoes}
	for i := range 4 {
		d.Nodes = append(d.Nodes, room.DraftNode{Name: fmt.Sprintf("n%d", i+1)})
	}
	r, problems := room.New(d)
	if problems != nil {
		t.Fatal(problems)
	}
	return r
}

// hook is a hook that is asked about off.
func hook(name string, argv ...string) room.DraftVeto {
	return room.DraftVeto{Veto: room.Veto{Name: name, Argv: argv, Ops: []room.Op{room.Off}, Timeout: time.Minute}}
}

// script makes a hook of a shell script.
func script(name, text string) room.DraftVeto { return hook(name, "/bin/sh", "-c", text) }

func question(r *room.Room) Question {
	return Question{Request: "R1", Actor: "eve", Door: "local", Op: room.Off, Reason: "it smells", Room: r, Nodes: []room.NodeID{0, 1, 2}}
}

func TestAHookIsToldEverything(t *testing.T) {
	dir := t.TempDir()
	v := script("slurm", `cat > question; env > environment; echo '{"decision":"allow"}'`)
	v.Members = []string{"n2", "n3", "n4"}
	t.Setenv("MILLWRIGHT_TEST_CANARY", "canary")
	r := lab(t, v)
	verdict, err := New(Options{Dir: dir}).Ask(t.Context(), question(r))
	if err != nil || len(verdict.Refused)+len(verdict.Confirm)+len(verdict.Failed) > 0 || len(verdict.Asked) != 1 {
		t.Fatalf("%+v, %v", verdict, err)
	}
	var got asked
	text, err := os.ReadFile(filepath.Join(dir, "question"))
	if err != nil || json.Unmarshal(text, &got) != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if fmt.Sprint(got) != "{1 slurm R1 eve local  off  it smells false 2 [n2 n3] n[2-3]}" {
		t.Errorf("asked %v", got)
	}
	env, err := os.ReadFile(filepath.Join(dir, "environment"))
	if err != nil || strings.Contains(string(env), "canary") || !strings.Contains(string(env), "MILLWRIGHT_VETO=slurm\n") {
		t.Errorf("the environment is %s (%v)", env, err)
	}
}

// text gives a verdict in one line.
func (v Verdict) text() string {
	return fmt.Sprintf("refused=%s confirm=%s failed=%s", Text(v.Refused), Text(v.Confirm), Text(v.Failed))
}

func TestWhatAHookSays(t *testing.T) {
	const nothing = "refused= confirm= failed="
	for says, want := range map[string]string{
		`echo '{"decision":"allow"}'`:                                        nothing,
		`echo '{"decision":"allow","reason":"idle","refuse":{}}'`:            nothing,
		`echo '{"decision":"refuse","reason":"no"}'`:                         "refused=veto h: no confirm= failed=",
		`echo '{"decision":"refuse"}'`:                                       "refused=veto h: no reason is given",
		`echo '{"decision":"confirm","reason":"sure?"}'`:                     "confirm=veto h: sure?",
		`echo '{"refuse":{"n1":"job 42","n2":"job 42","n3":"job 7"}}'`:       "refused=veto h: n[1-2]: job 42; n3: job 7 confirm=",
		`echo '{"decision":"allow","refuse":{"n1":"job 42"}}'`:               "refused=veto h: n1: job 42",
		`echo '{"decision":"confirm","refuse":{"n1":"job 42"}}'`:             "refused=veto h: n1: job 42",
		`printf '{"decision":"refuse","reason":"a\\u001b[31m\\nb\\u202ec"}'`: "refused=veto h: a [31m b c confirm",
		`cat >/dev/null; echo '{"decision":"allow"}'; sleep 600 & `:          nothing, // what it leaves running holds stdout
		`setsid sleep 5 & echo '{"decision":"allow"}'`:                       nothing,
		`echo nonsense`:             "counts as a refusal: its answer is not the JSON",
		`:`:                         "counts as a refusal: it answered nothing",
		`echo '{}'`:                 "has no decision",
		`echo '[]'`:                 "not the JSON",
		`echo '{"decision":"yes"}'`: `it decided "yes"`,
		`echo '{"decision":"allow","refuses":{"n1":"x"}}'`:  "not the JSON",
		`echo '{"decision":"allow"} {"decision":"refuse"}'`: "more behind its answer",
		`echo '{"decision":"allow"}'; exit 1`:               "ended with exit status 1",
		`echo first >&2; echo 'no squeue here' >&2; exit 3`: "ended with exit status 3: no squeue here",
		`kill -9 $$`: "ended with signal: killed",
		`head -c 100000000 /dev/zero | tr '\0' x`:                                  "its answer is longer than 1024 KiB",
		`head -c 100000000 /dev/zero | tr '\0' x >&2; echo '{"decision":"allow"}'`: nothing,
	} {
		verdict, err := New(Options{}).Ask(t.Context(), question(lab(t, script("h", says))))
		if err != nil || !strings.Contains(verdict.text(), want) {
			t.Errorf("%.60s:\n got %s, %v\nwant %s", says, verdict.text(), err, want)
		}
	}
}

func TestProgramsThatCannotBeRun(t *testing.T) {
	dir := t.TempDir()
	for _, argv := range [][]string{{"/no/such/hook"}, {"no-such-hook"}, {"./hook"}} {
		verdict, err := New(Options{Dir: dir}).Ask(t.Context(), question(lab(t, hook("h", argv...))))
		if err != nil || len(verdict.Refused) != 1 || !strings.Contains(verdict.text(), "cannot run the command") {
			t.Errorf("%v: %s, %v", argv, verdict.text(), err)
		}
	}
	// A relative path starts at the room's folder, and the program runs there.
	if err := os.WriteFile(filepath.Join(dir, "hook"), []byte("#!/bin/sh\n[ -e hook ] && echo '{\"decision\":\"allow\"}'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if verdict, err := New(Options{Dir: dir}).Ask(t.Context(), question(lab(t, hook("h", "./hook")))); err != nil || len(verdict.Refused) > 0 {
		t.Errorf("%s, %v", verdict.text(), err)
	}
}

// All are asked, all must allow, and a hook that hangs is killed with all its
// children; whether it counts is for the room to say.
func TestHooksTogether(t *testing.T) {
	mark := "sleep 600." + fmt.Sprint(os.Getpid())
	hangs := script("c-hangs", "trap '' TERM; "+mark+" & "+mark)
	hangs.Timeout = 100 * time.Millisecond
	passed := hangs
	passed.Name, passed.FailOpen = "d-passed", true
	deaf := script("e-deaf", "true")
	deaf.Ops = []room.Op{room.Cycle}
	elsewhere := script("f-elsewhere", "true")
	elsewhere.Members = []string{"n4"}
	r := lab(t, script("a-allows", `echo '{"decision":"allow"}'`), script("b-refuses", `echo '{"refuse":{"n2":"job 1"}}'`), hangs, passed, deaf, elsewhere)
	verdict, err := New(Options{}).Ask(t.Context(), question(r))
	if err != nil || strings.Join(verdict.Asked, " ") != "a-allows b-refuses c-hangs d-passed" {
		t.Fatalf("%+v, %v", verdict, err)
	}
	if want := "refused=veto b-refuses: n2: job 1; veto c-hangs: gave no valid answer, which counts as a refusal: no answer within 100ms" +
		" confirm= failed=veto d-passed: gave no valid answer, and is passed over: no answer within 100ms"; verdict.text() != want {
		t.Errorf("\n got %s\nwant %s", verdict.text(), want)
	}
	if verdict.Nodes() != "" {
		t.Errorf("nodes %s, though one refused all", verdict.Nodes())
	}
	if out, err := exec.Command("pgrep", "-f", mark).Output(); err == nil {
		t.Errorf("still running: %s", out)
	}
	if Concerns(r, room.Reset, []room.NodeID{0}) || !Concerns(r, room.Off, []room.NodeID{0}) {
		t.Error("Concerns is wrong")
	}
}

func TestAnAskerThatLeavesIsAnsweredNo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	dir := t.TempDir()
	fifo := filepath.Join(dir, "asked")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = os.ReadFile(fifo) // until the hook has opened and closed it
		cancel(errors.New("gone"))
	}()
	open := script("h", "echo > asked; exec sleep 600")
	open.FailOpen = true
	if verdict, err := New(Options{Dir: dir}).Ask(ctx, question(lab(t, open))); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("%+v, %v", verdict, err)
	}
}

func TestHooksAskedByHTTP(t *testing.T) {
	const token = "canary-token"
	handler := http.NewServeMux()
	handler.HandleFunc("POST /allow", func(w http.ResponseWriter, r *http.Request) {
		var q asked
		if json.NewDecoder(r.Body).Decode(&q) != nil || q.Hostlist != "n[1-3]" || r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, `{"decision":"allow"}`)
	})
	handler.HandleFunc("POST /parrot", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"decision":"refuse","reason":%q}`, r.Header.Get("Authorization"))
	})
	handler.Handle("POST /moved", http.RedirectHandler("/allow", http.StatusTemporaryRedirect))
	handler.HandleFunc("POST /flood", func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 14 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	handler.HandleFunc("POST /cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"decision":"allow"}`)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	pin := fmt.Sprintf("%x", sum(secure.Certificate().Raw))
	p := New(Options{Secret: func(_ context.Context, ref string) (secret.Value, error) {
		if ref != "secret:boss" {
			return secret.Value{}, secret.ErrMissing
		}
		return secret.NewValue(token), nil
	}})
	for _, tt := range []struct {
		url, want string
		change    func(*room.Veto)
	}{
		{plain.URL + "/allow", "refused= confirm=", nil},
		{secure.URL + "/allow", "certificate", nil},
		{secure.URL + "/allow", "refused= confirm=", func(v *room.Veto) { v.Pins = []string{pin} }},
		{secure.URL + "/allow", "not the pinned one", func(v *room.Veto) { v.Pins = []string{strings.Repeat("0", 64)} }},
		{secure.URL + "/allow", "refused= confirm=", func(v *room.Veto) { v.Insecure = true }},
		{secure.URL + "/allow", "certificate authorities", func(v *room.Veto) { v.CA = "/no/such/file" }},
		{plain.URL + "/allow", "its token: secret is missing", func(v *room.Veto) { v.Bearer = "secret:other" }},
		{plain.URL + "/parrot", "refused=veto h: Bearer **** confirm=", nil},
		{plain.URL + "/moved", "it answered 307", nil},
		{plain.URL + "/none", "it answered 404", nil},
		{plain.URL + "/flood", "longer than 1024 KiB", nil},
		{plain.URL + "/cut", "unexpected EOF", nil},
		{"http://127.0.0.1:1/", "connection refused", nil},
	} {
		v := room.DraftVeto{Veto: room.Veto{Name: "h", URL: tt.url, Bearer: "secret:boss", Ops: []room.Op{room.Off}, Timeout: time.Minute}}
		if tt.change != nil {
			tt.change(&v.Veto)
		}
		verdict, err := p.Ask(t.Context(), question(lab(t, v)))
		if err != nil || !strings.Contains(verdict.text(), tt.want) || strings.Contains(verdict.text(), "canary") {
			t.Errorf("%s:\n got %s, %v\nwant %s", tt.url, verdict.text(), err, tt.want)
		}
	}
}
