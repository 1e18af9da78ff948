package series

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// point is a sample as tests have it.
type point struct {
	At int64
	V  float64
}

func TestPointsComeBack(t *testing.T) {
	day := make([]point, 360)
	for i := range day {
		day[i] = point{1_700_000_000_000 + int64(i)*10_000 + int64(i%3), 230.5 + float64(i%7)/10}
	}
	for name, tt := range map[string]struct {
		list  []point
		bytes int // at most; 0: of no interest
	}{
		"nothing":                 {},
		"one":                     {list: []point{{5, 1}}},
		"whole watts":             {list: []point{{0, 100}, {10_000, 101}, {20_000, 99}}, bytes: 14},
		"more places on the way":  {list: []point{{0, 100}, {1, 100.5}, {2, 100.25}, {3, -0.000001}}},
		"no decimals at all":      {list: []point{{0, 100}, {1, math.Pi}, {2, 1e300}, {3, math.SmallestNonzeroFloat64}}},
		"too large for its scale": {list: []point{{0, 9e15}, {1, 0.5}, {2, 9e15}}},
		"time runs backwards":     {list: []point{{100_000, 1}, {50_000, 2}, {50_000, 3}, {0, 4}}},
		"an hour of a meter":      {list: day, bytes: 3 * len(day)},
	} {
		t.Run(name, func(t *testing.T) {
			var p points
			for _, s := range tt.list {
				p.add(s.At, s.V)
			}
			data := p.bytes(nil)
			var got []point
			if err := readPoints(data, func(at int64, v float64) { got = append(got, point{at, v}) }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.list, got); diff != "" {
				t.Error(diff)
			}
			if tt.bytes > 0 && len(data) > tt.bytes {
				t.Errorf("%d samples take %d bytes, more than %d", len(tt.list), len(data), tt.bytes)
			}
		})
	}
}

func TestBucketsComeBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"tenths": func() float64 { return float64(rnd.IntN(5000)) / 10 },
		"any":    func() float64 { return rnd.NormFloat64() * 1e9 },
		"large":  func() float64 { return float64(rnd.Int64N(1 << 45)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := roll{q: Energy}
			at := int64(1_700_000_000_000)
			for range 500 {
				at += rnd.Int64N(40_000)
				r.add(at, draw())
			}
			data := packBuckets(r.list, levelMinutes)
			var got []bucket
			if err := readBuckets(data, levelMinutes, func(k bucket) { got = append(got, k) }); err != nil {
				t.Fatal(err)
			}
			near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-3+1e-12*math.Abs(a) })
			if diff := cmp.Diff(r.list, got, cmp.AllowUnexported(bucket{}), near); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCounters(t *testing.T) {
	for name, tt := range map[string]struct {
		q    Quantity
		list []point
		want float64
	}{
		"grows":               {Energy, []point{{0, 10}, {1, 12}, {2, 12}, {3, 15}}, 5},
		"is reset":            {Energy, []point{{0, 100}, {1, 110}, {2, 3}, {3, 5}}, 15},
		"slips once":          {Energy, []point{{0, 1000}, {1, 0}, {2, 1001}}, 1},
		"an hour of 100 W":    {Power, hold(100, 3600, 60), 100},
		"rises evenly":        {Power, []point{{0, 0}, {360_000, 200}}, 10},
		"a gap is not filled": {Power, []point{{0, 100}, {3_600_000, 100}}, 0},
		"no energy in volts":  {Voltage, []point{{0, 230}, {1000, 231}}, 0},
		"the clock went back": {Power, []point{{60_000, 100}, {0, 100}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var c carry
			sum := 0.0
			for _, s := range tt.list {
				sum += c.next(tt.q, s.At, s.V)
			}
			if math.Abs(sum-tt.want) > 1e-9 {
				t.Errorf("grew by %v, not %v", sum, tt.want)
			}
		})
	}
}

// hold is a constant reading, every so many seconds.
func hold(v float64, seconds, every int64) (list []point) {
	for at := int64(0); at <= seconds; at += every {
		list = append(list, point{at * 1000, v})
	}
	return list
}

// FuzzPoints takes its bytes both as a chunk and as samples to be packed.
func FuzzPoints(f *testing.F) {
	f.Add([]byte{0, 2, 0, 2, 4, 6})
	f.Add([]byte{15, 1, 0, 1})
	f.Add([]byte{9, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		_ = readPoints(data, func(int64, float64) { n++ })
		if n > len(data) {
			t.Fatalf("%d samples in %d bytes", n, len(data))
		}
		var list []point
		for b := data; len(b) >= 14 && len(list) < maxPoints; b = b[14:] {
			s := point{int64(binary.LittleEndian.Uint64(b) >> 20), math.Float64frombits(binary.LittleEndian.Uint64(b[6:]))}
			if b[0]&1 == 0 {
				s.V = math.Round(float64(b[7])*100) / 1000
			}
			if finite(s.V) {
				list = append(list, s)
			}
		}
		var p points
		for _, s := range list {
			p.add(s.At, s.V)
		}
		i := 0
		err := readPoints(p.bytes(nil), func(at int64, v float64) {
			if list[i].At != at || list[i].V != v {
				t.Fatalf("sample %d: %v became %v, %v", i, list[i], at, v)
			}
			i++
		})
		if err != nil || i != len(list) {
			t.Fatalf("%d of %d samples came back: %v", i, len(list), err)
		}
	})
}

// FuzzBuckets reads what it can, and holds that this can be written and read again.
func FuzzBuckets(f *testing.F) {
	f.Add(packBuckets([]bucket{{at: 60_000, count: 2, min: 1, max: 2, sum: 3, last: 2, inc: 4}}, levelMinutes))
	f.Add([]byte{15, 1, 2, 2, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var list []bucket
		_ = readBuckets(data, levelMinutes, func(k bucket) { list = append(list, k) })
		if len(list) > len(data) {
			t.Fatalf("%d buckets in %d bytes", len(list), len(data))
		}
		list = slices.DeleteFunc(list, func(k bucket) bool {
			return k.min > k.max || k.last < k.min || k.last > k.max || math.Abs(k.sum) > 1e300 || k.at < earliest || k.at > latest || k.inc > 1e15
		})
		list = coarser(list, levelHours)
		n := 0
		err := readBuckets(packBuckets(list, levelHours), levelHours, func(k bucket) {
			if k.at != list[n].at || k.min != list[n].min || k.count != list[n].count {
				t.Fatalf("bucket %d: %+v became %+v", n, list[n], k)
			}
			n++
		})
		if err != nil || n != len(list) {
			t.Fatalf("%d of %d buckets came back: %v", n, len(list), err)
		}
	})
}

// FuzzEntry reads what it can of a journal entry.
func FuzzEntry(f *testing.F) {
	f.Add(appendEntry(nil, []sample{{&track{id: 7}, 1_700_000_000_000, 12.5}, {&track{id: 1}, 5, math.Pi}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var list []sample
		_ = readEntry(data, func(id, at int64, v float64) { list = append(list, sample{&track{id: id}, at, v}) })
		n := 0
		err := readEntry(appendEntry(nil, list), func(id, at int64, v float64) {
			if list[n].t.id != id || list[n].at != at || list[n].v != v {
				t.Fatalf("sample %d changed", n)
			}
			n++
		})
		if err != nil || n != len(list) {
			t.Fatalf("%d of %d samples came back: %v", n, len(list), err)
		}
	})
}
