// Package promtext counts things and writes them in Prometheus' text format, version
// 0.0.4.
//
// It is a page of its own because the format is one, and the usual library brings the
// machinery of protocol buffers with it, two megabytes of a program that is to fit small
// boards.
//
// Start at [Writer]; [Counters] and [Histograms] are for what is counted as it happens.
//
// Source: "Exposition formats", prometheus.io.
package promtext

import (
	"bufio"
	"io"
	"math"
	"strconv"
	"strings"
)

// ContentType is that of the format.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Kind is what sort of metric a family is.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Writer writes families of metrics, each as a whole before the next.
type Writer struct {
	w    *bufio.Writer
	name string
}

// NewWriter makes one that writes to w. Flush is to be called at the end.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, 32<<10)} }

// Flush writes what is left, and gives the first error that there was.
func (w *Writer) Flush() error { return w.w.Flush() }

// Family begins a family; its samples follow.
func (w *Writer) Family(name string, kind Kind, help string) {
	w.name = name
	w.text("# HELP ", name, " ", strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help), "\n# TYPE ", name, " ", string(kind), "\n")
}

// Sample writes one value of the family; labels are names and values in turn.
func (w *Writer) Sample(value float64, labels ...string) { w.sample("", value, labels) }

func (w *Writer) sample(suffix string, value float64, labels []string) {
	w.text(w.name, suffix)
	for i := 0; i+1 < len(labels); i += 2 {
		sign := ","
		if i == 0 {
			sign = "{"
		}
		w.text(sign, labels[i], `="`, escaped(labels[i+1]), `"`)
	}
	if len(labels) > 1 {
		w.text("}")
	}
	w.text(" ", number(value), "\n")
}

// One writes a family that has one sample.
func (w *Writer) One(name string, kind Kind, help string, value float64, labels ...string) {
	w.Family(name, kind, help)
	w.Sample(value, labels...)
}

func (w *Writer) text(parts ...string) {
	for _, p := range parts {
		_, _ = w.w.WriteString(p) // Flush gives the error
	}
}

func escaped(value string) string {
	if !strings.ContainsAny(value, "\\\"\n") {
		return strings.ToValidUTF8(value, "\ufffd")
	}
	return strings.ToValidUTF8(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value), "\ufffd")
}

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
