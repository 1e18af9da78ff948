package standard_test

import (
	"context"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/sensor"
	"millwright.dev/millwright/internal/check/standard"
)

// TestKinds holds each kind to what the room file's schema and the docs are made from.
func TestKinds(t *testing.T) {
	var names []string
	for _, k := range standard.Kinds() {
		names = append(names, k.Name)
		if k.Summary == "" || k.New() == k.New() {
			t.Errorf("%s: no summary, or settings that are not fresh", k.Name)
		}
		tagged(t, k.Name, reflect.TypeOf(k.New()).Elem())
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %v", names)
	}
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && !slices.Contains([]string{"standard", "checktest", "remote", "plugin", "testdata"}, f.Name()) && !slices.Contains(names, f.Name()) {
			t.Errorf("the folder %s is no kind", f.Name())
		}
	}
}

func tagged(t *testing.T, kind string, s reflect.Type) {
	t.Helper()
	for i := range s.NumField() {
		f := s.Field(i)
		switch {
		case f.Tag.Get("yaml") == ",inline":
			tagged(t, kind, f.Type)
		case f.IsExported() && (f.Tag.Get("yaml") == "" || f.Tag.Get("doc") == ""):
			t.Errorf("%s: %s has no name or no words", kind, f.Name)
		}
	}
}

// TestCutShort holds that a check which somebody cuts short, or whose node has no
// address, says that nobody could tell, and ends.
func TestCutShort(t *testing.T) {
	for _, k := range standard.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel() // a resolver may be slow to say that there is no such name
			s := k.New()
			fill(reflect.ValueOf(s).Elem())
			if limit, is := s.(*sensor.Settings); is {
				limit.Max = new(float64)
			}
			c, err := s.Prepare()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			start := time.Now()
			if r := c.Run(ctx, checktest.Env()); r.Verdict != check.Unknown && k.Name != "dummy" {
				t.Errorf("cut short: %s, %s", r.Verdict, r.Said)
			}
			env := checktest.Env()
			env.Node, env.Address = "n1.invalid", "n1.invalid"
			ctx, cancel = context.WithTimeout(t.Context(), checktest.Patience)
			defer cancel()
			if r := c.Run(ctx, env); r.Verdict != check.Unknown && !slices.Contains([]string{"dummy", "exec"}, k.Name) {
				t.Errorf("no such name: %s, %s", r.Verdict, r.Said)
			}
			if time.Since(start) > 2*checktest.Patience {
				t.Error("it does not end in time")
			}
		})
	}
}

// fill gives what is required.
func fill(s reflect.Value) {
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if f.Tag.Get("required") != "true" {
			continue
		}
		switch required := map[string]any{
			"port": 22, "url": "http://{address}/", "command": "", "quantity": "power", "unit": "cron.service",
			"name": "n1.example.org", "type": "A", "oid": "1.3.6.1.2.1.1.3.0", "server": "postgresql", "plugin": "p", "provides": "c",
		}[f.Tag.Get("yaml")].(type) {
		case int:
			s.Field(i).SetInt(int64(required))
		case string:
			if s.Field(i).Kind() == reflect.Slice {
				s.Field(i).Set(reflect.ValueOf([]string{"sleep", "60"}[:1]))
				continue
			}
			if required == "" {
				required = "true"
			}
			s.Field(i).SetString(required)
		}
	}
	if all := s.FieldByName("All"); all.IsValid() {
		all.Set(reflect.ValueOf([]string{"other"}))
	}
}

// TestEmpty holds that settings of which nothing is filled in never end the program.
func TestEmpty(t *testing.T) {
	for _, k := range standard.Kinds() {
		s := reflect.New(reflect.TypeOf(k.New()).Elem()).Interface().(check.Settings)
		if _, err := s.Prepare(); err == nil && !slices.Contains([]string{"power", "sensor"}, k.Name) {
			t.Errorf("%s takes settings that are all empty", k.Name)
		}
	}
}
