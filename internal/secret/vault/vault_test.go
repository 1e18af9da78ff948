package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"filippo.io/age"

	"millwright.dev/millwright/internal/secret"
)

// dieAt and dieIn ask this test program to rotate a store and to die by SIGKILL at
// the n-th step.
const (
	dieAt = "MILLWRIGHT_TEST_DIE_AT"
	dieIn = "MILLWRIGHT_TEST_DIE_IN"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(dieIn); dir != "" {
		os.Exit(rotateAndDie(dir))
	}
	os.Exit(m.Run())
}

func rotateAndDie(dir string) int {
	at, _ := strconv.Atoi(os.Getenv(dieAt))
	v := New(options(dir))
	v.step = func(string) error {
		if at--; at == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	if _, _, err := v.Rotate(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// options are those of a test's store: with an identity if the folder has one.
func options(dir string) Options {
	o := In(dir)
	if path := filepath.Join(dir, "identity"); exists(path) {
		o.Identity = path
	}
	return o
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var texts = map[string]string{"pdu": "hunter2-canary", "bmc/rack-1": "line one\nline two\n", "x": "ä\x00\xff"}

func filled(t testing.TB, o Options) *Vault {
	t.Helper()
	v := New(o)
	for name, text := range texts {
		if err := v.Set(t.Context(), name, secret.NewValue(text)); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// mustHold checks that a fresh reader of the same files finds every secret.
func mustHold(t testing.TB, o Options) {
	t.Helper()
	v := New(o)
	for name, text := range texts {
		if got, err := v.Get(t.Context(), name); err != nil || got.Reveal() != text {
			t.Fatalf("%s: got %q, %v", name, got.Reveal(), err)
		}
	}
}

func identity(t testing.TB, dir string) (recipient string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "identity"), []byte("# made by a test\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String()
}

func TestSecretsComeBackAndDoNotShow(t *testing.T) {
	for _, locked := range []string{"key file", "age"} {
		dir := filepath.Join(t.TempDir(), "state")
		if locked == "age" {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			identity(t, dir)
		}
		v := filled(t, options(dir))
		mustHold(t, options(dir))
		if exists(filepath.Join(dir, DefaultKey)) == (locked == "age") {
			t.Errorf("%s: the key file is there: %v", locked, locked == "age")
		}
		list, err := v.List(t.Context())
		if err != nil || len(list) != 3 || list[0].Name != "bmc/rack-1" || list[0].Key == "" || list[0].Set.IsZero() {
			t.Errorf("%s: list: %+v, %v", locked, list, err)
		}
		data, err := os.ReadFile(v.File())
		if err != nil || bytes.Contains(data, []byte("canary")) {
			t.Errorf("%s: the file shows a secret (%v)", locked, err)
		}
		for _, name := range []string{DefaultFile, DefaultKey, DefaultFile + ".lock"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", name, info.Mode())
			}
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	v := New(In(dir))
	if _, err := v.Get(t.Context(), "pdu"); !errors.Is(err, ErrNone) || !errors.Is(err, secret.ErrMissing) {
		t.Errorf("no store: %v", err)
	}
	if _, err := v.List(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("list of no store: %v", err)
	}
	if _, _, err := v.Rotate(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("rotation of no store: %v", err)
	}
	filled(t, In(dir))
	if _, err := v.Get(t.Context(), "pdu2"); !errors.Is(err, secret.ErrMissing) || !strings.Contains(err.Error(), "pdu2") {
		t.Errorf("no such secret: %v", err)
	}
	if err := v.Remove(t.Context(), "pdu2"); !errors.Is(err, secret.ErrMissing) {
		t.Errorf("removing no such secret: %v", err)
	}
	for name, value := range map[string]string{"pdu": "", "-x": "y", "big": strings.Repeat("x", secret.MaxSize+1)} {
		if err := v.Set(t.Context(), name, secret.NewValue(value)); err == nil {
			t.Errorf("set %s to %d bytes", name, len(value))
		}
	}
	mustHold(t, In(dir))
}

// A reader sees what another process has written, at the next use.
func TestChangesAreSeen(t *testing.T) {
	dir := t.TempDir()
	reader, writer := New(In(dir)), New(In(dir))
	filled(t, In(dir))
	for i := range 5 {
		want := "password " + strconv.Itoa(i)
		if err := writer.Set(t.Context(), "pdu", secret.NewValue(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := reader.Get(t.Context(), "pdu"); err != nil || got.Reveal() != want {
			t.Errorf("got %q, %v; want %q", got.Reveal(), err, want)
		}
		if _, _, err := writer.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := reader.Get(t.Context(), "pdu"); err != nil || got.Reveal() != want {
			t.Errorf("after rotation: got %q, %v; want %q", got.Reveal(), err, want)
		}
	}
	if err := writer.Remove(t.Context(), "pdu"); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Get(t.Context(), "pdu"); !errors.Is(err, secret.ErrMissing) {
		t.Errorf("removed: %v", err)
	}
}

func TestWritersDoNotLoseEachOthersSecrets(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			v := New(In(dir)) // as another process would
			for k := range 3 {
				if err := v.Set(t.Context(), fmt.Sprintf("s%d-%d", i, k), secret.NewValue("text")); err != nil {
					t.Error(err)
				}
				if _, _, err := v.Rotate(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			v := New(In(dir))
			for range 20 {
				if _, err := v.List(t.Context()); err != nil && !errors.Is(err, ErrNone) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if list, err := New(In(dir)).List(t.Context()); err != nil || len(list) != 24 {
		t.Errorf("%d secrets of 24, %v", len(list), err)
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	v := filled(t, In(dir))
	before, err := v.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	oldKey, err := os.ReadFile(filepath.Join(dir, DefaultKey))
	if err != nil {
		t.Fatal(err)
	}
	id, n, err := v.Rotate(t.Context())
	if err != nil || n != 3 || id == before[0].Key {
		t.Fatalf("rotated %d to %s: %v", n, id, err)
	}
	mustHold(t, In(dir))
	after, _ := v.List(t.Context())
	for i := range after {
		if after[i].Key != id || !after[i].Set.Equal(before[i].Set) {
			t.Errorf("%+v became %+v", before[i], after[i])
		}
	}
	// The old key opens nothing any more, and the error says what belongs together.
	if err := os.WriteFile(filepath.Join(dir, DefaultKey), oldKey, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(In(dir)).Get(t.Context(), "pdu"); err == nil || !strings.Contains(err.Error(), id) {
		t.Errorf("with the old key: %v", err)
	}
}

func TestMoveToAnAgeIdentity(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	filled(t, In(dir))
	identity(t, dir)
	o := options(dir)
	o.Recipients = []string{identity(t, elsewhere)}
	mustHold(t, o) // with the key file still
	if _, _, err := New(o).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustHold(t, o)
	if exists(filepath.Join(dir, DefaultKey)) {
		t.Error("the key file is still there")
	}
	spare := In(dir)
	spare.Identity = filepath.Join(elsewhere, "identity")
	mustHold(t, spare)
	identity(t, elsewhere)
	for name, o := range map[string]Options{"another identity": spare, "none": In(dir)} {
		if _, err := New(o).Get(t.Context(), "pdu"); err == nil || errors.Is(err, secret.ErrMissing) {
			t.Errorf("with %s: %v", name, err)
		}
	}
	if _, _, err := New(options(dir)).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustHold(t, options(dir))
}

// An identity that cannot be read is not shown in the error.
func TestABrokenIdentityDoesNotShow(t *testing.T) {
	dir := t.TempDir()
	o := In(dir)
	o.Identity = filepath.Join(dir, "identity")
	const text = "AGE-SECRET-KEY-1CANARYCANARY"
	if err := os.WriteFile(o.Identity, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := New(o).Set(t.Context(), "pdu", secret.NewValue("x"))
	if err == nil || strings.Contains(strings.ToLower(err.Error()), "canary") {
		t.Errorf("%v", err)
	}
}

func TestARecordCannotPassForAnother(t *testing.T) {
	dir := t.TempDir()
	v := filled(t, In(dir))
	c, err := v.load()
	if err != nil {
		t.Fatal(err)
	}
	good := c.records["pdu"]
	other := c.records["x"]
	for name, change := range map[string]func(*record){
		"name":  func(r *record) { r.Name = "bmc/rack-1" },
		"time":  func(r *record) { r.Set = other.Set.Add(1) },
		"nonce": func(r *record) { r.Nonce = other.Nonce },
		"text":  func(r *record) { r.Sealed = other.Sealed },
		"cut":   func(r *record) { r.Sealed = r.Sealed[:len(r.Sealed)-1] },
		"bit":   func(r *record) { r.Sealed = bytes.Clone(r.Sealed); r.Sealed[0] ^= 1 },
	} {
		r := good
		change(&r)
		if got, err := c.open(r); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: opened to %q, %v", name, got.Reveal(), err)
		}
	}
	// One bad record keeps neither the others from being read nor a rotation quiet.
	good.Sealed = other.Sealed
	c.records["pdu"] = good
	if err := v.writeContent(c); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Get(t.Context(), "x"); err != nil || got.Reveal() != texts["x"] {
		t.Errorf("x: %v", err)
	}
	if _, _, err := v.Rotate(t.Context()); err == nil || !strings.Contains(err.Error(), "pdu") {
		t.Errorf("rotation over a bad record: %v", err)
	}
}

func TestAKeyFileThatEverybodyReadsIsRefused(t *testing.T) {
	dir := t.TempDir()
	filled(t, In(dir))
	if err := os.Chmod(filepath.Join(dir, DefaultKey), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New(In(dir)).Get(t.Context(), "pdu"); !errors.Is(err, secret.ErrExposed) {
		t.Errorf("%v", err)
	}
}

// Wherever a rotation stops, be it by an error or by sudden death, all secrets can
// be read afterwards, and the next rotation works.
func TestAStoppedRotationLosesNothing(t *testing.T) {
	for _, locked := range []string{"key file", "age", "key file to age"} {
		dir := t.TempDir()
		if locked == "age" {
			identity(t, dir)
		}
		filled(t, options(dir))
		if locked == "key file to age" {
			identity(t, dir)
		}
		steps := 0
		for at := 1; ; at++ {
			boom, n := errors.New("boom"), 0
			v := New(options(dir))
			v.step = func(string) error {
				if n++; n == at {
					return boom
				}
				return nil
			}
			_, _, err := v.Rotate(t.Context())
			mustHold(t, options(dir))
			if err == nil {
				steps = at
				break
			}
			if !errors.Is(err, boom) {
				t.Fatal(err)
			}
		}
		if steps < 5 {
			t.Errorf("%s: only %d steps", locked, steps)
		}
	}
}

func TestAKilledRotationLosesNothing(t *testing.T) {
	dir := t.TempDir()
	filled(t, In(dir))
	killed := 0
	for at := 1; ; at++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), dieIn+"="+dir, dieAt+"="+strconv.Itoa(at))
		out, err := cmd.CombinedOutput()
		mustHold(t, In(dir))
		if err == nil {
			break
		}
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v\n%s", at, err, out)
		}
		killed++
	}
	if killed != 12 {
		t.Errorf("killed at %d steps, not at 12", killed)
	}
	keys, err := New(In(dir)).readKeys()
	if err != nil || len(keys) != 1 {
		t.Errorf("%d keys are left, %v", len(keys), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	v := filled(t, In(dir))
	good, err := os.ReadFile(v.File())
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(good, []byte("\n"))
	for name, data := range map[string][]byte{
		"empty":        nil,
		"not ours":     []byte("root:x:0:0\n"),
		"newer":        bytes.Replace(good, []byte(`"version":1`), []byte(`"version":2`), 1),
		"cut":          good[:len(good)-20],
		"cut at line":  good[:len(good)-1],
		"twice":        slices.Concat(good, lines[1]),
		"unknown part": bytes.Replace(good, []byte(`"name"`), []byte(`"nome"`), 1),
		"endless line": slices.Concat(good, bytes.Repeat([]byte("x"), maxLine+1)),
		"two on one":   slices.Concat(lines[0], bytes.TrimSpace(lines[1]), lines[2]),
	} {
		if err := os.WriteFile(v.File(), data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := v.Get(t.Context(), "pdu")
		if err == nil || !strings.Contains(err.Error(), v.File()) {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.Set(t.Context(), "pdu", secret.NewValue("x")); err == nil {
			t.Errorf("%s: a broken store was overwritten", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	v := filled(f, In(f.TempDir()))
	data, err := os.ReadFile(v.File())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data)
		if err != nil {
			return
		}
		text, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, text)
		}
		if text2, err := again.encode(); err != nil || !bytes.Equal(text, text2) {
			t.Errorf("written again it is another: %v", err)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(keyHead + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Fuzz(func(t *testing.T, text string) {
		if keys, err := parseKeys(text); err == nil && (len(keys) == 0 || len(keys) > maxKeys) {
			t.Errorf("%d keys", len(keys))
		}
	})
}
