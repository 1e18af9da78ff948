package promtext_test

import (
	"bytes"
	"math"
	"regexp"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/promtext"
)

func TestText(t *testing.T) {
	var b bytes.Buffer
	w := promtext.NewWriter(&b)
	w.One("rooms", promtext.Gauge, "Rooms,\nall \\ of them.", 1.5, "name", "a \"b\"\\\n\xff", "kind", "")
	c := promtext.NewCounters("done_total", "Done.", "op", "outcome")
	c.Add(2, "on", "ok")
	c.Add(1, "off", "failed")
	c.Add(1e16, "on", "ok")
	c.WriteTo(w)
	promtext.NewCounters("lost_total", "Lost.").WriteTo(w)
	h := promtext.NewHistograms("took_seconds", "Took.", []float64{.5, 2}, "route")
	for _, v := range []float64{.5, .1, 1, 9} {
		h.Observe(v, "/v1")
	}
	h.WriteTo(w)
	w.One("odd", promtext.Gauge, "Odd.", math.Inf(-1))
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `# HELP rooms Rooms,\nall \\ of them.
# TYPE rooms gauge
rooms{name="a \"b\"\\\n` + "\ufffd" + `",kind=""} 1.5
# HELP done_total Done.
# TYPE done_total counter
done_total{op="off",outcome="failed"} 1
done_total{op="on",outcome="ok"} 1.0000000000000002e+16
# HELP lost_total Lost.
# TYPE lost_total counter
lost_total 0
# HELP took_seconds Took.
# TYPE took_seconds histogram
took_seconds_bucket{route="/v1",le="0.5"} 2
took_seconds_bucket{route="/v1",le="2"} 3
took_seconds_bucket{route="/v1",le="+Inf"} 4
took_seconds_sum{route="/v1"} 10.6
took_seconds_count{route="/v1"} 4
# HELP odd Odd.
# TYPE odd gauge
odd -Inf
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSelf: each line is as the format has them, and the process knows its memory.
func TestSelf(t *testing.T) {
	var b bytes.Buffer
	w := promtext.NewWriter(&b)
	promtext.Runtime(w)
	promtext.Process(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.e+]+)$`)
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		if !line.MatchString(l) {
			t.Errorf("not a line of the format: %q", l)
		}
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"} {
		if !strings.Contains(b.String(), "\n"+name+" ") {
			t.Errorf("%s is missing", name)
		}
	}
}
