package hostlist_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/hostlist"
)

func parse(t *testing.T, s string) hostlist.List {
	t.Helper()
	l, err := hostlist.Parse(s)
	if err != nil {
		t.Fatalf("Parse(%q): %v", s, err)
	}
	return l
}

// Each line is read, walked, and printed again in its own order.
func TestReadAndWrite(t *testing.T) {
	for _, tt := range []struct{ text, names, ranged string }{
		{"", "", ""},
		{" ,\t, ", "", ""},
		{"t4", "t4", "t4"},
		{"t007", "t007", "t007"},
		{"a,,b \tc", "a b c", "a,b,c"},
		{"n[08-11]", "n08 n09 n10 n11", "n[08-11]"},
		{"n[9-11]", "n9 n10 n11", "n[9-11]"},
		{"x[1-03]", "x1 x2 x3", "x[1-3]"},
		{"[1-8]", "1 2 3 4 5 6 7 8", "[1-8]"},
		{"007", "007", "007"},
		{"n[5-]", "n5", "n5"},
		{"n[5-,7]", "n5 n7", "n[5,7]"},
		{"x[1,2,3]", "x1 x2 x3", "x[1-3]"},
		{"t0,t8,t16", "t0 t8 t16", "t[0,8,16]"},
		{"t[0-3,5-15]", "t0 t1 t2 t3 t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15", "t[0-3,5-15]"},
		{"perif[0-4,7],rabbit,cmm0", "perif0 perif1 perif2 perif3 perif4 perif7 rabbit cmm0", "perif[0-4,7],rabbit,cmm0"},
		{"t3,t1,t2", "t3 t1 t2", "t[3,1-2]"},
		{"q1,q1,q2", "q1 q1 q2", "q[1,1-2]"},
		{"x[1-3],x[2-4]", "x1 x2 x3 x2 x3 x4", "x[1-3,2-4]"},
		{"x[1-3],y,x[4-5]", "x1 x2 x3 y x4 x5", "x[1-3],y,x[4-5]"},
		// Widths: they merge if one width prints both as typed.
		{"q9,q10,q11", "q9 q10 q11", "q[9-11]"},
		{"q09,q10", "q09 q10", "q[09-10]"},
		{"q9,q09", "q9 q09", "q[9,09]"},
		{"q9,q010", "q9 q010", "q[9,010]"},
		{"q099,q100", "q099 q100", "q[099-100]"},
		{"x[1-2],x[03-04]", "x1 x2 x03 x04", "x[1-2,03-04]"},
		{"x[9-10],x011", "x9 x10 x011", "x[9-10,011]"},
		// Text after the bracket makes opaque names; more brackets are text.
		{"x[00-02]p", "x00p x01p x02p", "x00p,x01p,x02p"},
		{"a[1-2]-b", "a1-b a2-b", "a1-b,a2-b"},
		{"a[1-2]b[3-4]", "a1b[3-4] a2b[3-4]", "a1b[3-4],a2b[3-4]"},
		{"a[1-2][3,4]", "a1[3,4] a2[3,4]", "a1[3,4],a2[3,4]"},
		{"x[2]y", "x2y", "x2y"},
		// Digits on either side of the bracket belong to the number.
		{"x[1-2]3", "x13 x23", "x[13,23]"},
		{"x1[8-11]", "x18 x19 x110 x111", "x[18-19,110-111]"},
		{"x0[1-10]", "x01 x02 x03 x04 x05 x06 x07 x08 x09 x010", "x[01-09,010]"},
		// Numbers above 2^25 are no numbers.
		{"q33554432,q33554433", "q33554432 q33554433", "q33554432,q33554433"},
		{"q[33554431-33554434]", "q33554431 q33554432 q33554433 q33554434", "q[33554431-33554432],q33554433,q33554434"},
		{"q3355443[1-4]", "q33554431 q33554432 q33554433 q33554434", "q[33554431-33554432],q33554433,q33554434"},
		{"q20261121[1-2]", "q202611211 q202611212", "q202611211,q202611212"},
		{"q99999999999999999999999999", "q99999999999999999999999999", "q99999999999999999999999999"},
		{"q000000000000000000000000001", "q000000000000000000000000001", "q000000000000000000000000001"},
	} {
		l := parse(t, tt.text)
		names := strings.Fields(tt.names)
		if got := slices.Collect(l.All()); !slices.Equal(got, names) {
			t.Errorf("%q: All gives %q, want %q", tt.text, got, names)
		}
		if got := l.Names(); !slices.Equal(got, names) {
			t.Errorf("%q: Names gives %q, want %q", tt.text, got, names)
		}
		if got := l.Len(); got != len(names) {
			t.Errorf("%q: Len = %d, want %d", tt.text, got, len(names))
		}
		if got := l.String(); got != tt.ranged {
			t.Errorf("%q: String = %q, want %q", tt.text, got, tt.ranged)
		}
		if got := string(l.AppendTo([]byte("306 "))); got != "306 "+tt.ranged {
			t.Errorf("%q: AppendTo = %q", tt.text, got)
		}
		var appended hostlist.List
		for _, n := range names {
			appended.Append(n)
		}
		if got := appended.String(); got != tt.ranged {
			t.Errorf("%q: appended one by one = %q, want %q", tt.text, got, tt.ranged)
		}
		for _, n := range names {
			if !l.Contains(n) {
				t.Errorf("%q does not contain %q", tt.text, n)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	for _, tt := range []struct {
		text   string
		kind   error
		offset int
		wrong  string
	}{
		{"n[1-2", hostlist.ErrUnbalanced, 1, "[1-2"},
		{"a,n1]", hostlist.ErrUnbalanced, 4, "]"},
		{"x[1-2]]", hostlist.ErrUnbalanced, 6, "]"},
		{"x]y[", hostlist.ErrUnbalanced, 1, "]"},
		{"x[[1]", hostlist.ErrUnbalanced, 1, "[[1]"},
		{"n[2-1]", hostlist.ErrRange, 2, "2-1"},
		{"n[x]", hostlist.ErrRange, 2, "x"},
		{"n[]", hostlist.ErrRange, 2, ""},
		{"n[1,]", hostlist.ErrRange, 4, ""},
		{"n[,1]", hostlist.ErrRange, 2, ""},
		{"n[-1]", hostlist.ErrRange, 2, "-1"},
		{"n[-]", hostlist.ErrRange, 2, "-"},
		{"n[+1]", hostlist.ErrRange, 2, "+1"},
		{"n[1-2x]", hostlist.ErrRange, 2, "1-2x"},
		{"n[1-2-3]", hostlist.ErrRange, 2, "1-2-3"},
		{"n[1--2]", hostlist.ErrRange, 2, "1--2"},
		{"n[0x10]", hostlist.ErrRange, 2, "0x10"},
		{"n[[1-2]]", hostlist.ErrRange, 2, "[1-2"},
		{"n[1[2]3]", hostlist.ErrRange, 2, "1[2"},
		{"n[1, 2]", hostlist.ErrRange, 1, "[1, "},
		{"n[18446744073709551616]", hostlist.ErrRange, 2, "18446744073709551616"},
		{"n[" + strings.Repeat("0", 65) + "]", hostlist.ErrRange, 2, strings.Repeat("0", 40)},
		{"n[0-16384]", hostlist.ErrLimit, 2, "0-16384"},
		{"n[0-9999999]", hostlist.ErrLimit, 2, "0-9999999"},
		{"n[" + strings.Repeat("1,", 10240) + "2]", hostlist.ErrLimit, 2 + 2*10240, "2"},
		{strings.Repeat("a[1-16384],", 17), hostlist.ErrLimit, 16*11 + 2, "1-16384"},
		{strings.Repeat("a", 1100) + "[1-16384]", hostlist.ErrLimit, 1101, "1-16384"},
	} {
		l, err := hostlist.Parse(tt.text)
		var bad *hostlist.SyntaxError
		if !errors.As(err, &bad) {
			t.Errorf("Parse(%.40q) = %v, %v; want a SyntaxError", tt.text, l, err)
			continue
		}
		if !errors.Is(err, tt.kind) || bad.Offset != tt.offset || bad.Text != tt.wrong {
			t.Errorf("Parse(%.40q): %v (byte %d, %q); want %v at byte %d, %q", tt.text, err, bad.Offset, bad.Text, tt.kind, tt.offset, tt.wrong)
		}
		if names, err := hostlist.Expand(tt.text); err == nil {
			t.Errorf("Expand(%.40q) = %d names, want an error", tt.text, len(names))
		}
	}
}

// What the default limits just let through.
func TestLimitsReached(t *testing.T) {
	for text, want := range map[string]int{
		"n[1-16384]": 16384,
		"n[" + strings.Repeat("1,", 10239) + "2]": 10240,
		strings.Repeat("a[1-16384],", 16):         1 << 18,
	} {
		if got := parse(t, text).Len(); got != want {
			t.Errorf("%.40q: Len = %d, want %d", text, got, want)
		}
	}
}

// A range costs the same whatever it stands for, until it is walked.
func TestLargeRangeCostsNothing(t *testing.T) {
	wide := hostlist.Limits{Range: 10_000_000, Names: 10_000_000}
	for _, text := range []string{"n[0-9999999]", "n[0-9999999]p", "n1[0000000-9999999]"} {
		var l hostlist.List
		if got := testing.AllocsPerRun(10, func() {
			var err error
			if l, err = wide.Parse(text); err != nil || l.Len() != 10_000_000 {
				t.Errorf("%s: Len = %d, %v", text, l.Len(), err)
			}
		}); got > 10 {
			t.Errorf("%s: %v allocations", text, got)
		}
		for name := range l.All() {
			if !l.Contains(name) || l.Contains(name+"0") {
				t.Errorf("%s: wrong about %s", text, name)
			}
			break
		}
	}
	if _, err := wide.Parse("n[0-9999999],m"); !errors.Is(err, hostlist.ErrLimit) {
		t.Errorf("one name too many: %v", err)
	}
}

func TestContains(t *testing.T) {
	l := parse(t, "t[1-3,08-10],x[08-11]p,rabbit,q[33554430-33554440],7")
	for name, want := range map[string]bool{
		"t1": true, "t01": false, "t4": false, "t8": false, "t08": true, "t10": true, "t010": false, "t": false,
		"x08p": true, "x8p": false, "x11p": true, "x12p": false, "xp": false, "x08": false,
		"rabbit": true, "rabbi": false, "": false, "7": true, "07": false,
		"q33554433": true, "q33554441": false, "q033554433": false,
	} {
		if got := l.Contains(name); got != want {
			t.Errorf("Contains(%q) = %v", name, got)
		}
	}
}

func TestSort(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"rabbit,perif[0-4,7],cmm0,blade[0-7]": "blade[0-7],cmm0,perif[0-4,7],rabbit",
		"t3,t5,t[0-3]":                        "t[0-3,3,5]",
		"t[1-3],t[2-4]":                       "t[1-2,2-3,3-4]",
		"t[0-3],t[2-5],t2":                    "t[0-2,2,2-3,3-5]",
		"b,a,b,t1,t1":                         "a,b,b,t[1,1]",
		"t[10-12],t[8-9],t7":                  "t[7-12]",
		"t[9-11],t[09-10]":                    "t[9-11,09-10]",
		"t[90-110],t[099-100]":                "t[90-110,099-100]",
		"x[8-11]p":                            "x10p,x11p,x8p,x9p",
		"t1,t,T1,ta,t1b":                      "T1,t,t1,t1b,ta",
		"q33554433,q5":                        "q5,q33554433",
		// Ranges stay whole beside other widths.
		"t[99-110],t010,t105":                   "t[99-110,010,105]",
		"t[9-10],t10,t09":                       "t[9-10,09-10]",
		"t10,t9,t09":                            "t[9,09-10]",
		"t[9-20],t[10-12]":                      "t[9-10,10-11,11-12,12-20]",
		"t[8-20],t[08-10],t[9-12]":              "t[8-9,9-10,10-11,11-12,12-20,08-10]",
		"t[95-102],t[098-101],t[100-101]":       "t[95-102,098-100,100-101,101]",
		"t010,t9,t09,t10,t100,t99,t0,t00,t3,t4": "t[0,3-4,9,00,09-10,99,010,100]",
	} {
		l := parse(t, text)
		if got := l.Sorted().String(); got != want {
			t.Errorf("%s sorted = %s, want %s", text, got, want)
		}
		if got := l.String(); got != parse(t, text).String() {
			t.Errorf("Sorted changed %s to %s", text, got)
		}
		if got := hostlist.Fold(l.Names()); got != want {
			t.Errorf("Fold of %s = %s, want %s", text, got, want)
		}
	}
}

func TestSetAlgebra(t *testing.T) {
	for _, tt := range []struct{ a, b, union, intersect, subtract string }{
		{"", "", "", "", ""},
		{"web[1-40]", "web7", "web[1-40]", "web7", "web[1-6,8-40]"},
		{"web[1-40]", "web07", "web[1-40,07]", "", "web[1-40]"},
		{"t[1-3],t[2-4]", "t[3-9],u", "t[1-9],u", "t[3-4]", "t[1-2]"},
		{"t[9-11]", "t[09-10]", "t[9-11,09]", "t10", "t[9,11]"},
		{"t10,t9,t09", "", "t[9-10,09]", "", "t[9-10,09]"},
		{"t[8-11],t[08-09]", "t[010-011,9]", "t[8-11,08-09,010-011]", "t9", "t[8,08-11]"},
		{"a,b,b", "b,c", "a,b,c", "b", "a"},
		{"x[1-3]p", "x2p", "x1p,x2p,x3p", "x2p", "x1p,x3p"},
		{"x[1-2]3", "x13", "x[13,23]", "x13", "x23"},
		{"x1[0-9]", "x[8-12]", "x[8-19]", "x[10-12]", "x[13-19]"},
		{"t[1-9]", "t[2,4,6,8]", "t[1-9]", "t[2,4,6,8]", "t[1,3,5,7,9]"},
		{"t,t1", "t", "t,t1", "t", "t1"},
	} {
		a, b := parse(t, tt.a), parse(t, tt.b)
		if got := hostlist.Union(a, b).String(); got != tt.union {
			t.Errorf("%s + %s = %s, want %s", tt.a, tt.b, got, tt.union)
		}
		if got := hostlist.Intersect(a, b).String(); got != tt.intersect {
			t.Errorf("%s & %s = %s, want %s", tt.a, tt.b, got, tt.intersect)
		}
		if got := hostlist.Subtract(a, b).String(); got != tt.subtract {
			t.Errorf("%s - %s = %s, want %s", tt.a, tt.b, got, tt.subtract)
		}
		if a.String() != parse(t, tt.a).String() || b.String() != parse(t, tt.b).String() {
			t.Errorf("set algebra changed its arguments to %s and %s", a, b)
		}
	}
}

func TestParseHost(t *testing.T) {
	for name, want := range map[string]hostlist.Host{
		"t007":       {Prefix: "t", Num: 7, Width: 3},
		"7":          {Num: 7, Width: 1},
		"a1b":        {Prefix: "a1b", Opaque: true},
		"":           {Opaque: true},
		"q33554432":  {Prefix: "q", Num: 33554432, Width: 8},
		"q33554433":  {Prefix: "q33554433", Opaque: true},
		"q033554433": {Prefix: "q033554433", Opaque: true},
	} {
		if got := hostlist.ParseHost(name); got != want {
			t.Errorf("ParseHost(%q) = %+v, want %+v", name, got, want)
		}
		if got := want.String(); got != name {
			t.Errorf("String of %+v = %q", want, got)
		}
	}
}

func TestExtendAndClone(t *testing.T) {
	l := parse(t, "t[1-3]")
	c := l.Clone()
	c.Append("t4")
	c.Extend(parse(t, "t[5-6],x"))
	c.Append("")
	if l.String() != "t[1-3]" || c.String() != "t[1-6],x" {
		t.Errorf("got %s and %s", l, c)
	}
}

func TestAppendInSequenceDoesNotAllocate(t *testing.T) {
	names := parse(t, "node[1-1000]").Names()
	var l hostlist.List
	l.Append(names[0])
	i := 1
	if got := testing.AllocsPerRun(900, func() { l.Append(names[i]); i++ }); got != 0 {
		t.Errorf("%v allocations for each name", got)
	}
}
