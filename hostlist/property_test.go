package hostlist_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millwright.dev/millwright/hostlist"
)

// The model: the rules as they are told in words, on plain names, slow and
// obvious.

// compatible: some single width prints both numbers as typed.
func compatible(a, b hostlist.Host) bool {
	for w := range max(a.Width, b.Width) + 1 {
		if fmt.Sprintf("%0*d", w, a.Num) == fmt.Sprintf("%0*d", a.Width, a.Num) &&
			fmt.Sprintf("%0*d", w, b.Num) == fmt.Sprintf("%0*d", b.Width, b.Num) {
			return true
		}
	}
	return false
}

func modelCompare(x, y string) int {
	a, b := hostlist.ParseHost(x), hostlist.ParseHost(y)
	switch {
	case a.Prefix != b.Prefix:
		return strings.Compare(a.Prefix, b.Prefix)
	case a.Opaque != b.Opaque:
		return map[bool]int{true: -1, false: 1}[a.Opaque]
	case compatible(a, b):
		return cmp.Compare(a.Num, b.Num)
	default:
		return cmp.Compare(a.Width, b.Width)
	}
}

// modelRanged folds names in their own order.
func modelRanged(names []string) string {
	var groups []string // without their brackets
	var lastPrefix string
	var members [][]hostlist.Host
	var hosts [][][]hostlist.Host
	for i, name := range names {
		h := hostlist.ParseHost(name)
		joins := i > 0 && !h.Opaque && lastPrefix == h.Prefix && members != nil
		if !joins {
			if members = nil; !h.Opaque {
				members = [][]hostlist.Host{{h}}
			}
			groups, hosts, lastPrefix = append(groups, h.Prefix), append(hosts, members), h.Prefix
			continue
		}
		run := members[len(members)-1]
		if last := run[len(run)-1]; last.Num+1 == h.Num && compatible(last, h) {
			members[len(members)-1] = append(run, h)
		} else {
			members = append(members, []hostlist.Host{h})
		}
		hosts[len(hosts)-1] = members
	}
	for i, group := range hosts {
		var items []string
		for _, run := range group {
			lo, hi := run[0], run[len(run)-1]
			item := fmt.Sprintf("%0*d", lo.Width, lo.Num)
			if len(run) > 1 {
				item += "-" + fmt.Sprintf("%0*d", hi.Width, hi.Num)
			}
			items = append(items, item)
		}
		text := strings.Join(items, ",")
		if strings.ContainsAny(text, ",-") {
			text = "[" + text + "]"
		}
		groups[i] += text
	}
	return strings.Join(groups, ",")
}

// modelSort sorts ranges by their first names; ranges that overlap are sorted
// name by name.
func modelSort(names []string) []string {
	var runs [][]string
	for i, name := range names {
		h := hostlist.ParseHost(name)
		if i > 0 && !h.Opaque {
			last := hostlist.ParseHost(names[i-1])
			if !last.Opaque && last.Prefix == h.Prefix && last.Num+1 == h.Num && compatible(last, h) {
				runs[len(runs)-1] = append(runs[len(runs)-1], name)
				continue
			}
		}
		runs = append(runs, []string{name})
	}
	slices.SortStableFunc(runs, func(a, b []string) int { return modelCompare(a[0], b[0]) })
	var sorted []string
	for len(runs) > 0 {
		n, all := 1, slices.Clone(runs[0])
		for n < len(runs) && slices.Contains(all, runs[n][0]) {
			all = append(all, runs[n]...)
			n++
		}
		slices.SortStableFunc(all, modelCompare)
		sorted, runs = append(sorted, all...), runs[n:]
	}
	return sorted
}

func unique(names []string) []string {
	s := slices.Clone(names)
	slices.SortFunc(s, hostlist.Compare)
	return slices.Compact(s)
}

// lists draws host lists that often have something in common.
func lists() *rapid.Generator[string] {
	prefix := rapid.SampledFrom([]string{"", "t", "t0", "t1", "u-", "t1-", "t335544"})
	number := rapid.OneOf(
		rapid.StringMatching(`0{0,2}[0-9]`),
		rapid.StringMatching(`0{0,2}9[0-9]|0?10[0-9]|335544[23][0-9]`),
	)
	item := rapid.Custom(func(t *rapid.T) string {
		lo := number.Draw(t, "lo")
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return lo
		case 1:
			return lo + "-"
		default:
			var n int
			fmt.Sscanf(strings.TrimLeft(lo, "0"), "%d", &n)
			return fmt.Sprintf("%s-%d", lo, n+rapid.IntRange(0, 15).Draw(t, "more"))
		}
	})
	token := rapid.Custom(func(t *rapid.T) string {
		p := prefix.Draw(t, "prefix")
		if rapid.IntRange(0, 2).Draw(t, "plain") == 0 {
			return p + number.Draw(t, "number") + rapid.SampledFrom([]string{"", "", "p"}).Draw(t, "tail")
		}
		suffix := rapid.SampledFrom([]string{"", "", "", "p", "7", "-1"}).Draw(t, "suffix")
		return p + "[" + strings.Join(rapid.SliceOfN(item, 1, 4).Draw(t, "items"), ",") + "]" + suffix
	})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(token, 0, 6).Draw(t, "tokens"), ",")
	})
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := lists().Draw(t, "a")
		l, err := hostlist.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		checkList(t, l)
		m, err := hostlist.Parse(lists().Draw(t, "b"))
		if err != nil {
			t.Fatal(err)
		}
		checkSets(t, l, m)
	})
}

// checkList compares everything that one list can do with the model.
func checkList(t interface{ Fatalf(string, ...any) }, l hostlist.List) {
	names := slices.Collect(l.All())
	if got := l.Names(); !slices.Equal(got, names) || l.Len() != len(names) {
		t.Fatalf("%s: Names = %q, Len = %d, All = %q", l, got, l.Len(), names)
	}
	if got, want := l.String(), modelRanged(names); got != want {
		t.Fatalf("String = %s, want %s", got, want)
	}
	if again, err := hostlist.Expand(l.String()); err != nil || !slices.Equal(again, names) {
		t.Fatalf("%s reads back as %q, %v; want %q", l, again, err, names)
	}
	want := modelRanged(modelSort(names))
	if got := l.Sorted().String(); got != want {
		t.Fatalf("%s sorted = %s, want %s", l, got, want)
	}
	if got := hostlist.Fold(names); got != want {
		t.Fatalf("%s folded = %s, want %s", l, got, want)
	}
	for _, name := range names {
		if !l.Contains(name) {
			t.Fatalf("%s does not contain %s", l, name)
		}
	}
}

func checkSets(t interface{ Fatalf(string, ...any) }, a, b hostlist.List) {
	inA, inB := unique(a.Names()), unique(b.Names())
	keep := func(names []string, want func(string) bool) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !want(n) })
	}
	for _, op := range []struct {
		name string
		got  hostlist.List
		want []string
	}{
		{"unique", a.Unique(), inA},
		{"union", hostlist.Union(a, b), unique(slices.Concat(inA, inB))},
		{"intersect", hostlist.Intersect(a, b), keep(inA, func(n string) bool { return slices.Contains(inB, n) })},
		{"subtract", hostlist.Subtract(a, b), keep(inA, func(n string) bool { return !slices.Contains(inB, n) })},
	} {
		got := op.got.Names()
		slices.SortFunc(got, hostlist.Compare)
		if !slices.Equal(got, op.want) {
			t.Fatalf("%s of %s and %s = %s, want %s", op.name, a, b, op.got, modelRanged(op.want))
		}
		// One result for one set of names, and in order.
		if got, want := op.got.String(), listOf(op.want).Unique().String(); got != want || op.got.Sorted().String() != want {
			t.Fatalf("%s of %s and %s = %s, sorted %s, want %s", op.name, a, b, got, op.got.Sorted(), want)
		}
	}
	for _, name := range inB {
		if got, want := a.Contains(name), slices.Contains(inA, name); got != want {
			t.Fatalf("%s contains %s: %v, want %v", a, name, got, want)
		}
	}
}

// Compare is the rule told in words, and a total order.
func TestCompareModel(t *testing.T) {
	name := rapid.StringMatching(`[ab]?0{0,3}[0-9]{0,3}c?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := name.Draw(t, "a"), name.Draw(t, "b"), name.Draw(t, "c")
		if got, want := hostlist.Compare(a, b), modelCompare(a, b); got != want {
			t.Fatalf("Compare(%q, %q) = %d, want %d", a, b, got, want)
		}
		if (hostlist.Compare(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q compare equal", a, b)
		}
		if hostlist.Compare(a, b) <= 0 && hostlist.Compare(b, c) <= 0 && hostlist.Compare(a, c) > 0 {
			t.Fatalf("%q <= %q <= %q, but not the ends", a, b, c)
		}
	})
}

// FuzzParse: no input panics or gets past the limits, and what is accepted
// obeys the model.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "t[0-3,5-15],rabbit", "n[08-11] m007\tx", "x[00-26]p", "n[5-]", "a[1-2]b[3,4]", "n[2-1]",
		"x1[8-11]", "q[33554430-33554435]", "t[0-99999]", "n[1", "]", "x[0-9]9,x[9-10],x09",
	} {
		f.Add(s)
	}
	limits := hostlist.Limits{Range: 200, Items: 20, Names: 500}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := limits.Parse(s)
		if err != nil {
			if l.Len() != 0 {
				t.Fatalf("a list of %d beside the error %v", l.Len(), err)
			}
			return
		}
		if l.Len() > limits.Names {
			t.Fatalf("%d names", l.Len())
		}
		for name := range l.All() {
			if strings.ContainsAny(name, "[]") {
				return // does not read back: the notation has no quoting
			}
		}
		checkList(t, l)
		half := l.Names()
		var m hostlist.List
		for _, name := range half[len(half)/2:] {
			m.Append(name)
		}
		checkSets(t, l, m)
	})
}
