package layout_test

import (
	"os"
	"testing"

	. "millwright.dev/millwright/internal/layout"
)

func TestLook(t *testing.T) {
	g := map[string]Graph{"five": five(), "thirty": thirty(), "hall": hall(200), "rand": random(20, 30, 1)}[os.Getenv("G")]
	if os.Getenv("FOLD") != "" {
		g, _ = Fold(g, FoldOptions{Alike: os.Getenv("FOLD") == "alike", Name: fold})
	}
	l, err := Compute(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := 80
	if os.Getenv("W") != "" {
		w = 120
	}
	f, _ := os.Create("/tmp/glook")
	defer f.Close()
	Terminal(f, l, TerminalOptions{Width: w, Colour: os.Getenv("COL") != "", ASCII: os.Getenv("ASC") != ""})
}

func bench(b *testing.B, g Graph) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compute(g, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLayout(b *testing.B) {
	b.Run("1000", func(b *testing.B) { bench(b, hall(1000)) })
	b.Run("random10000", func(b *testing.B) { bench(b, random(10000, 50000, 1)) })
	b.Run("tiers10000", func(b *testing.B) { bench(b, tiers(10000, 50000, 50, 1)) })
	b.Run("hall10000", func(b *testing.B) { bench(b, hall(10000)) })
}
