package check_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/secret"
)

func TestFill(t *testing.T) {
	env := &check.Env{Node: "n+1", Address: "2001:db8::1"}
	for in, want := range map[string]string{
		"plain": "plain", "{node}.{address}": "n+1.2001:db8::1", "{other}": "{other}",
	} {
		if got := env.Fill(in); got != want {
			t.Errorf("%s: %s and not %s", in, got, want)
		}
	}
	if got := env.FillURL("https://{address}/{node}"); got != "https://[2001:db8::1]/n+1" {
		t.Error(got)
	}
	env.Address = "fe80::1%eth0"
	if got := env.FillURL("https://{address}/"); got != "https://[fe80::1%25eth0]/" {
		t.Error(got)
	}
	env.Address = "a/../b?c"
	if got := env.FillURL("https://{address}/"); got != "https://a%2F..%2Fb%3Fc/" {
		t.Error(got)
	}
}

func TestVerdictsAsText(t *testing.T) {
	for _, v := range []check.Verdict{check.Unknown, check.OK, check.Bad} {
		text, _ := v.MarshalText()
		var back check.Verdict
		if err := back.UnmarshalText(text); err != nil || back != v {
			t.Errorf("%s becomes %s", v, back)
		}
	}
	v := check.OK
	if _ = v.UnmarshalText([]byte("splendid")); v != check.Unknown {
		t.Error(v)
	}
}

func TestWant(t *testing.T) {
	one, two := 1.0, 2.0
	env := &check.Env{Node: "n+1", Address: "192.0.2.1"}
	for _, tt := range []struct {
		want  check.Want
		value string
		says  string // of the error; empty if it is as wanted
	}{
		{check.Want{}, "anything", ""},
		{check.Want{Is: "up"}, " up\n", ""},
		{check.Want{Is: "up"}, "UP", `"UP" and not "up"`},
		{check.Want{Is: "10"}, "10.0", ""},
		{check.Want{Is: "{node}"}, "n+1", ""},
		{check.Want{Like: "^{node}$"}, "n+1", ""},
		{check.Want{Like: "^{node}$"}, "nn1", "not like"},
		{check.Want{Like: "^a.c$"}, "abc", ""},
		{check.Want{Min: &one, Max: &two}, "1.5", ""},
		{check.Want{Min: &one}, "0.5", "less than 1"},
		{check.Want{Max: &two}, "3", "more than 2"},
		{check.Want{Max: &two}, "NaN", "no number"},
		{check.Want{Max: &two}, "many", "no number"},
		{check.Want{Is: "2", Max: &one}, "2", "more than 1"},
	} {
		j, err := tt.want.Judge()
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Look(env, tt.value); (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v of %q: %v", tt.want, tt.value, err)
		}
	}
	for _, wrong := range []check.Want{{Like: "("}, {Like: strings.Repeat("a", 5000)}, {Min: &two, Max: &one}} {
		if _, err := wrong.Judge(); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// TestHalfASecret: what is cut was masked before, wherever the cut goes through.
func TestHalfASecret(t *testing.T) {
	const pass = "q7w8e9|r0"
	env := &check.Env{Credential: secret.Resolved{Values: map[string]secret.Value{secret.Password: secret.NewValue(pass)}}}
	j, err := check.Want{Is: "up"}.Judge()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 80 {
		text := strings.Repeat("-", n) + pass + strings.Repeat("-", 80)
		for _, said := range []string{env.Line(text, 60), j.Look(env, text).Error()} {
			if strings.Contains(said, pass[:3]) || n < 50 && !strings.Contains(said, secret.Mask) {
				t.Errorf("behind %d others it says %s", n, said)
			}
		}
	}
}

// TestUnreached holds the rule of which failures are the peer's.
func TestUnreached(t *testing.T) {
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	call := func(n syscall.Errno) error {
		return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", n)}
	}
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		want check.Verdict
		says string
	}{
		{t.Context(), call(syscall.ECONNREFUSED), check.Bad, "connection refused"},
		{t.Context(), call(syscall.EHOSTUNREACH), check.Bad, "no route to host"},
		{t.Context(), call(syscall.ENETUNREACH), check.Unknown, "unreachable"},
		{t.Context(), call(syscall.EMFILE), check.Unknown, "too many open files"},
		{t.Context(), fmt.Errorf("dial: %w", context.DeadlineExceeded), check.Bad, "no answer in time"},
		{t.Context(), &net.DNSError{Name: "n1", Err: "no such host"}, check.Unknown, "n1 cannot be resolved"},
		{cut, call(syscall.ECONNREFUSED), check.Unknown, "cut short"},
		{t.Context(), errors.New("odd"), check.Bad, "odd"},
	} {
		r := check.Unreached(tt.ctx, "connect", tt.err)
		if r.Verdict != tt.want || !strings.Contains(r.Said, tt.says) {
			t.Errorf("%v: %s, %s", tt.err, r.Verdict, r.Said)
		}
	}
}

func TestBounded(t *testing.T) {
	r := check.Result{Verdict: 77, Said: strings.Repeat("a\nb\x00é", 1000), Values: make([]check.Value, 1000)}.Bounded()
	if r.Verdict != check.Unknown || len(r.Said) > check.MaxSaid || len(r.Values) > check.MaxValues || strings.ContainsAny(r.Said, "\n\x00") {
		t.Errorf("%s, %d bytes, %d values: %q", r.Verdict, len(r.Said), len(r.Values), r.Said)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("all is well\r\n", 60)
	f.Add("\x1b[31mred\x00 \u202e back", 10)
	f.Add(strings.Repeat("é", 100), 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 3 + max(0, limit%1000)
		got := check.Line(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q of %d bytes", got, len(got))
		}
	})
}
