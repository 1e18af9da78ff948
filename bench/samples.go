package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// sampleFigures are those of samples over time. The benchmarks are beside the code, in
// internal/series, because they fill a year in seconds, which only that can do.
func sampleFigures() []figure {
	return []figure{
		{"samples: 1,000 nodes × 3 values every 10 s, 5,000 checks a minute (six hours of it)", samples("Room", func(m map[string]float64) string {
			return fmt.Sprintf("%.2f %% of a core, %.0f MB of memory; grows %.0f MB a day (raw %.0f, minutes %.0f, hours %.1f, days %.1f); journal back after %.0f ms",
				m["core-%"], m["heap-MB"], m["MB/day"], m["raw-MB/day"], m["minutes-MB/day"], m["hours-MB/day"], m["days-MB/day"], m["restart-ms"])
		})},
		{"samples: chart of one series over a year", samples("Chart/one-year$", chartTime)},
		{"samples: chart of one series over a year, by six hours", samples("Chart/one-year-5000-points$", chartTime)},
		{"samples: chart of 1,000 series over a year, by feed", samples("Chart/1000-year-by-feed$", chartTime)},
		{"samples: chart of 1,000 series over a month, by feed and two hours", samples("Chart/1000-month-by-feed$", chartTime)},
	}
}

func chartTime(m map[string]float64) string {
	return fmt.Sprintf("%.1f ms (%.1f ms at best)", m["ms/chart"], m["best-ms"])
}

// samples runs a benchmark of internal/series.
func samples(name string, say func(map[string]float64) string) func(*bench, string) error {
	return func(b *bench, title string) error {
		times := "20x"
		if name == "Room" {
			times = "1x"
		}
		out, err := exec.CommandContext(b.ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark"+name, "-benchtime", times, "./internal/series").CombinedOutput()
		if err != nil {
			return fmt.Errorf("measure samples: %w: %s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "Benchmark") {
				continue
			}
			row(title, "–", say(metricsOf(line)), "")
			return nil
		}
		return fmt.Errorf("measure samples: no figures in %q", out)
	}
}

// metricsOf reads the numbers with units of one line of `go test -bench`.
func metricsOf(line string) map[string]float64 {
	m := make(map[string]float64)
	words := strings.Fields(line)
	for i := 2; i+1 < len(words); i += 2 {
		if v, err := strconv.ParseFloat(words[i], 64); err == nil {
			m[words[i+1]] = v
		}
	}
	return m
}
