package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"millwright.dev/millwright/internal/secret"
)

const text = "hunter2-longer"

func TestNoWayOfPrintingAValueShowsIt(t *testing.T) {
	v := secret.NewValue(text)
	type holder struct {
		hidden secret.Value
		Shown  secret.Value
		Ptr    *secret.Value
		Map    map[string]secret.Value
	}
	h := holder{v, v, &v, map[string]secret.Value{"password": v}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10s"} {
		fmt.Fprintf(&out, verb+verb+verb, v, h, &h)
	}
	for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		l.Info("log in", "password", v, "all", h)
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	hexed := fmt.Sprintf("%x", text)
	if s := out.String(); strings.Contains(s, text) || strings.Contains(s, hexed) || !strings.Contains(s, secret.Mask) {
		t.Errorf("a secret shows in:\n%s", s)
	}
	if v.Reveal() != text {
		t.Errorf("Reveal gives %q", v.Reveal())
	}
}

func TestEqual(t *testing.T) {
	v := secret.NewValue(text)
	if !v.Equal(secret.NewValue(text)) || v.Equal(secret.NewValue(text+"x")) || v.Equal(secret.Value{}) {
		t.Error("Equal is wrong")
	}
	if !(secret.Value{}).Equal(secret.NewValue("")) || !(secret.Value{}).IsZero() {
		t.Error("the zero Value is not the empty secret")
	}
}

func TestParse(t *testing.T) {
	for in, ok := range map[string]bool{
		"": true, "env:A_1": true, "file:/etc/x": true, "file:keys/x y": true,
		"hunter2": false, "env:": false, "env:1A": false, "env:A=B": false, "file:": false, "store:x": false, "ENV:A": false, "file:a\x00b": false,
		"secret:pdu/rack-1.a_b": true, "secret:": false, "secret:-a": false, "secret:a b": false, "secret:" + strings.Repeat("a", 129): false,
	} {
		ref, err := secret.Parse(in)
		if (err == nil) != ok {
			t.Errorf("Parse(%q): %v", in, err)
		}
		if ok && ref.String() != in {
			t.Errorf("Parse(%q) prints as %q", in, ref)
		}
		if err != nil && (!errors.Is(err, secret.ErrSyntax) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("Parse(%q): error %q is not a syntax error or repeats the text", in, err)
		}
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("good", "one\n\n", 0o640)
	write("dos", "two\r\n", 0o600)
	write("open", text, 0o644)
	write("full", strings.Repeat("x", secret.MaxSize), 0o600)
	write("big", strings.Repeat("x", secret.MaxSize+1), 0o600)
	t.Setenv("MILLWRIGHT_TEST_SECRET", "three\n")
	for _, c := range []struct {
		ref, want string
		err       error // nil: any, when want is "!"
	}{
		{"file:good", "one\n", nil},
		{"file:" + filepath.Join(dir, "dos"), "two", nil},
		{"file:full", strings.Repeat("x", secret.MaxSize), nil},
		{"file:big", "!", nil},
		{"file:.", "!", nil},
		{"file:open", "!", secret.ErrExposed},
		{"file:none", "!", secret.ErrMissing},
		{"env:MILLWRIGHT_TEST_SECRET", "three\n", nil},
		{"env:MILLWRIGHT_TEST_NONE", "!", secret.ErrMissing},
		{"secret:none", "!", secret.ErrMissing},
		{"", "", nil},
	} {
		ref, err := secret.Parse(c.ref)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ref.Resolve(t.Context(), secret.Places{Dir: dir})
		switch {
		case c.want == "!":
			if err == nil || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.ref) || strings.Contains(err.Error(), text) {
				t.Errorf("%s: error %v", c.ref, err)
			}
		case err != nil || v.Reveal() != c.want:
			t.Errorf("%s: got %.20q, %v", c.ref, v.Reveal(), err)
		}
	}
}

func TestCredentialNamesEveryMissingValue(t *testing.T) {
	t.Setenv("MILLWRIGHT_TEST_SECRET", text)
	env := func(name string) secret.Ref {
		ref, err := secret.Parse("env:MILLWRIGHT_TEST_" + name)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	c := secret.Credential{User: "admin", Values: map[string]secret.Ref{secret.Password: env("SECRET")}}
	r, err := c.Resolve(t.Context(), secret.Places{})
	if err != nil || r.User != "admin" || r.Get(secret.Password).Reveal() != text || !r.Get(secret.Key).IsZero() || len(r.Secrets()) != 1 {
		t.Errorf("resolved to %v, %v", r, err)
	}
	c.Values[secret.Key], c.Values[secret.Passphrase] = env("NONE1"), env("NONE2")
	_, err = c.Resolve(t.Context(), secret.Places{})
	for _, want := range []string{"key: ", "NONE1", "passphrase: ", "NONE2"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func masker(texts ...string) *secret.Masker {
	values := make([]secret.Value, len(texts))
	for i, s := range texts {
		values[i] = secret.NewValue(s)
	}
	return secret.NewMasker(values...)
}

func TestMasker(t *testing.T) {
	for _, c := range []struct {
		secrets  []string
		in, want string
	}{
		{nil, "login: x", "login: x"},
		{[]string{"abc", "abcdef"}, "abcdef abc ab", "**** **** ab"},
		{[]string{"1", ""}, "outlet 1", "outlet 1"},
		{[]string{"aab"}, "aaaab", "aa****"},
		{[]string{"KEY\nline1\nline2\n"}, "KEY\nline1\nline2\n, line2\r\n", "****, ****\r\n"},
		{[]string{"abcX", "bcd"}, "abcd", "a****"},
	} {
		m := masker(c.secrets...)
		if got := m.String(c.in); got != c.want {
			t.Errorf("%q in %q: got %q, want %q", c.secrets, c.in, got, c.want)
		}
		var out strings.Builder
		w := m.Writer(&out)
		for i := range c.in { // byte by byte: the hardest way to cut it
			if _, err := w.Write([]byte{c.in[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || out.String() != c.want {
			t.Errorf("%q in a stream of %q: got %q, want %q (%v)", c.secrets, c.in, out.String(), c.want, err)
		}
	}
}

func FuzzMaskerStreamsAsItMasks(f *testing.F) {
	f.Add("pass", "password", "my password is pass", 3)
	f.Add("aab", "abaab", "aabaabaaab", 1)
	f.Fuzz(func(t *testing.T, s1, s2, in string, at int) {
		m := masker(s1, s2)
		at = max(0, min(at, len(in)))
		var out strings.Builder
		w := m.Writer(&out)
		_, err1 := w.Write([]byte(in[:at]))
		_, err2 := w.Write([]byte(in[at:]))
		if err := errors.Join(err1, err2, w.Close()); err != nil || out.String() != m.String(in) {
			t.Errorf("got %q, want %q, %v", out.String(), m.String(in), err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("env:A")
	f.Add("file:/a")
	f.Fuzz(func(t *testing.T, in string) {
		if ref, err := secret.Parse(in); err == nil && ref.String() != in {
			t.Errorf("Parse(%q) prints as %q", in, ref)
		}
	})
}
