package hostlist_test

import (
	"math/rand/v2"
	"testing"

	"millwright.dev/millwright/hostlist"
)

func tenThousand(b *testing.B) []string {
	b.Helper()
	names, err := hostlist.Expand("node[1-10000]")
	if err != nil {
		b.Fatal(err)
	}
	return names
}

func shuffled(b *testing.B) []string {
	b.Helper()
	names := tenThousand(b)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}

// listOf is the list of names as they come.
func listOf(names []string) hostlist.List {
	var l hostlist.List
	for _, name := range names {
		l.Append(name)
	}
	return l
}

func BenchmarkFoldInOrder(b *testing.B) {
	names := tenThousand(b)
	b.ReportAllocs()
	for b.Loop() {
		hostlist.Fold(names)
	}
}

func BenchmarkFoldShuffled(b *testing.B) {
	names := shuffled(b)
	b.ReportAllocs()
	for b.Loop() {
		hostlist.Fold(names)
	}
}

func BenchmarkStringOfSingles(b *testing.B) {
	l := listOf(shuffled(b))
	b.ReportAllocs()
	for b.Loop() {
		_ = l.String()
	}
}

func BenchmarkParseSingles(b *testing.B) {
	text := listOf(shuffled(b)).String()
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := hostlist.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWalk(b *testing.B) {
	l := listOf(tenThousand(b))
	b.ReportAllocs()
	for b.Loop() {
		for range l.All() {
		}
	}
}

func BenchmarkNames(b *testing.B) {
	l := listOf(tenThousand(b))
	b.ReportAllocs()
	for b.Loop() {
		l.Names()
	}
}

// Set algebra on ranges does not depend on how many names they hold.
func BenchmarkSubtractFromMillion(b *testing.B) {
	wide := hostlist.Limits{Range: 1_000_000, Names: 2_000_000}
	all, err := wide.Parse("n[0-999999]")
	if err != nil {
		b.Fatal(err)
	}
	some, err := wide.Parse("n[7,500000-600000]")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		hostlist.Subtract(all, some)
	}
}

func BenchmarkIntersectShuffled(b *testing.B) {
	x, y := listOf(tenThousand(b)), listOf(shuffled(b))
	b.ReportAllocs()
	for b.Loop() {
		hostlist.Intersect(x, y)
	}
}
