package plugincheck_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/check"
	plugincheck "millwright.dev/millwright/internal/check/plugin"
	"millwright.dev/millwright/internal/plugin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func look(t *testing.T, h *plugin.Host, provides string, settings plugin.Values) check.Result {
	t.Helper()
	s := plugincheck.WithHost([]check.Kind{plugincheck.New(nil)}, h)[0].New().(*plugincheck.Settings)
	s.Plugin, s.Provides, s.Settings = "example", provides, settings
	c, err := s.Prepare()
	if err != nil {
		return check.Unclear(err.Error())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return c.Run(ctx, check.Env{Node: "n1", Address: "n1"})
}

// The check of the example in Python.
func TestCheck(t *testing.T) {
	h := plugin.New(plugin.Options{})
	defer h.Close(context.Background())
	if err := h.Apply([]plugin.Spec{{Name: "example", Argv: []string{"./example.py"}, Dir: "../../../examples/plugins/python", Enabled: true}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		provides string
		settings plugin.Values
		want     check.Verdict
		said     string
	}{
		{"free-space", plugin.Values{"path": "/proc", "percent": 99}, check.Bad, "0 % of the disk are free on n1"},
		{"free-space", plugin.Values{"path": "/no/such"}, check.Unknown, "FileNotFoundError"},
		{"free-space", plugin.Values{"percent": 100}, check.Unknown, "percent: it is a whole number from 1 to 99"},
		{"no-such", nil, check.Unknown, `provides no check "no-such"`},
	} {
		r := look(t, h, tt.provides, tt.settings)
		if r.Verdict != tt.want || !strings.Contains(r.Said, tt.said) {
			t.Errorf("%s %v: %v, %s; want %v, %s", tt.provides, tt.settings, r.Verdict, r.Said, tt.want, tt.said)
		}
		if tt.want == check.Bad && len(r.Values) != 1 {
			t.Errorf("its values are %v", r.Values)
		}
	}
	if r := look(t, nil, "c", nil); r.Verdict != check.Unknown || !strings.Contains(r.Said, "no plugins run here") {
		t.Errorf("without a host: %+v", r)
	}
}
