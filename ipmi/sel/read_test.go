package sel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRead(t *testing.T) {
	uneven := filled(9, 1)
	for i := range uneven.records {
		uneven.records[i].ID = []uint16{1, 2, 3, 9, 10, 30, 31, 32, 40}[i]
	}
	small, cut := filled(5, 1), filled(5, 1)
	small.most = 5
	cut.most, cut.cuts = 7, true
	for name, f := range map[string]*fakeLog{
		"nothing": filled(0, 1), "one": filled(1, 1), "two": filled(2, 1), "many": filled(101, 1), "in steps of 16": filled(40, 0x10),
		"uneven numbers": uneven, "5 bytes at once": small, "7 bytes, whatever is asked for": cut,
	} {
		for _, ahead := range []int{0, 1, 3, 16} {
			want := slices.Clone(f.records)
			log, err := Read(t.Context(), f, Options{Ahead: ahead})
			if err != nil || !slices.Equal(log.Records, want) || log.BMC != now {
				t.Errorf("%s, %d ahead: %d records, %v; want %d", name, ahead, len(log.Records), err, len(want))
			}
		}
	}
}

// TestReadAhead holds that guessing costs hardly any requests and saves round trips.
func TestReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trip := func(ahead int) time.Duration {
			f := filled(200, 1)
			began := time.Now()
			if log, err := Read(t.Context(), slow{f}, Options{Ahead: ahead}); err != nil || len(log.Records) != 200 {
				t.Fatal(len(log.Records), err)
			}
			if f.asked > 210 {
				t.Errorf("%d ahead: %d requests for 200 records", ahead, f.asked)
			}
			return time.Since(began)
		}
		if one, four := trip(1), trip(4); four*3 > one {
			t.Errorf("one by one %v, four at once %v", one, four)
		}
	})
}

// slow answers after 2 ms.
type slow struct{ d ipmi.Doer }

func (s slow) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	time.Sleep(2 * time.Millisecond)
	return s.d.Do(ctx, r)
}

func TestChainsThatDoNotEnd(t *testing.T) {
	for name, next := range map[string]map[uint16]uint16{
		"back to the start": {9: 1}, "to itself": {5: 5}, "to 0": {4: 0}, "back in the middle": {7: 3},
	} {
		f := filled(10, 1)
		f.next = next
		log, err := Read(t.Context(), f, Options{})
		if !errors.Is(err, ErrChain) || len(log.Records) == 0 || f.asked > 30 {
			t.Errorf("%s: %d records after %d requests, %v", name, len(log.Records), f.asked, err)
		}
	}
	f := filled(10, 1)
	f.next = map[uint16]uint16{6: 0x777} // leads nowhere
	if log, err := Read(t.Context(), f, Options{}); err != nil || len(log.Records) != 6 {
		t.Errorf("to nowhere: %d records, %v", len(log.Records), err)
	}
}

func TestErasing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := filled(2, 1)
		f.erasing = 5
		if s, err := GetTime(t.Context(), f); err != nil || s != now {
			t.Errorf("%v, %v", s, err)
		}
		f.erasing = 1000
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		if _, err := GetTime(ctx, f); !errors.Is(err, CodeErasing) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("erasing for ever: %v", err)
		}
	})
}

func TestErasingForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := filled(2, 1)
		f.erasing = 1 << 30
		if _, err := GetTime(t.Context(), f); !errors.Is(err, CodeErasing) {
			t.Error(err)
		}
		if err := Clear(t.Context(), f); !errors.Is(err, errErasing) {
			t.Error(err)
		}
	})
}

func TestReadAndClearLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, held := range []int{0, 3} {
			f := filled(held, 1)
			for i := range 3 {
				r := stamped(Stamp(now + i))
				r.Event.Sensor = 99
				f.intrude = append(f.intrude, r)
			}
			f.erasing = 0
			log, err := ReadAndClear(t.Context(), f, Options{})
			if err != nil || len(log.Records) != held+3 || len(f.records) != 0 {
				t.Errorf("%d records, %v; %d are left", len(log.Records), err, len(f.records))
			}
		}
	})
}

func TestClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, f := range map[string]*fakeLog{
			"takes its time":     {records: filled(3, 1).records, erasing: 4},
			"no reservations":    {records: filled(3, 1).records, noReserve: true},
			"the answer is lost": {records: filled(3, 1).records, loseClear: true},
		} {
			if err := Clear(t.Context(), f); err != nil || len(f.records) != 0 || f.erasing > 0 {
				t.Errorf("%s: %v; %d records are left", name, err, len(f.records))
			}
		}
	})
}

func TestFollow(t *testing.T) {
	f, follower := filled(3, 1), new(Follower)
	look := func(what string, want int, cleared, gap bool) {
		t.Helper()
		u, err := follower.Poll(t.Context(), f)
		if err != nil || len(u.Records) != want || u.Cleared != cleared || u.Gap != gap {
			t.Errorf("%s: %d records, cleared %v, gap %v, %v", what, len(u.Records), u.Cleared, u.Gap, err)
		}
	}
	look("first", 3, false, false)
	look("nothing new", 0, false, false)
	f.add(stamped(now), stamped(now))
	look("two more", 2, false, false)
	for range 5 {
		look("quiet", 0, false, false)
	}
	asked := f.asked
	look("quiet for long", 0, false, false)
	if f.asked != asked+1 {
		t.Errorf("a quiet log costs %d requests", f.asked-asked)
	}

	f.records, f.erased = nil, now+1
	look("cleared", 0, true, false)
	f.add(stamped(now+2), stamped(now+3))
	look("new after that", 2, false, false)

	f.records, f.erased = nil, now+4
	f.add(stamped(now+5), stamped(now+6)) // the same numbers
	look("cleared and filled between two looks", 2, true, false)

	f.add(stamped(now+7), stamped(now+8))
	look("more", 2, false, false)
	f.records = slices.Delete(f.records, 3, 4)
	f.add(Record{ID: 20, Type: TypeSystem, Time: now + 9})
	look("the latest was deleted, and one came", 1, false, false)

	for i := range 5 {
		f.records = append(f.records[1:], Record{ID: uint16(100 + i), Type: TypeSystem, Time: now + 10})
	}
	f.added = now + 10
	look("all were overwritten", len(f.records), false, true)

	memory, err := json.Marshal(follower)
	kept := new(Follower)
	if err == nil {
		err = json.Unmarshal(memory, kept)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.add(stamped(now + 11))
	follower = kept
	look("by another, with its memory", 1, false, false)
}

// TestFollowTellsTimesByOurClock holds that a slow clock is no reason for slow news.
func TestFollowTellsTimesByOurClock(t *testing.T) {
	f := filled(1, 1)
	f.clock = now - 3600
	f.records[0].Time = now - 3700
	u, err := new(Follower).Poll(t.Context(), f)
	if err != nil || len(u.Records) != 1 {
		t.Fatal(u, err)
	}
	if w := u.Times()[0]; w.Quality != Corrected || (time.Since(w.Time)-100*time.Second).Abs() > time.Minute {
		t.Errorf("%v, %s", w.Time, w.Quality)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, got := filled(2, 1), 0
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		err := new(Follower).Follow(ctx, f, time.Second, func(u Update) error {
			if got += len(u.Records); got < 5 {
				f.add(stamped(now))
			}
			return nil
		})
		if err != nil || got != 5 {
			t.Errorf("%d records, %v", got, err)
		}
	})
}

func TestFollowLivesThroughAnEndlessChain(t *testing.T) {
	f := filled(5, 1)
	f.next = map[uint16]uint16{5: 2}
	follower := new(Follower)
	for i, want := range []int{5, 0, 0} {
		if u, err := follower.Poll(t.Context(), f); err != nil || len(u.Records) != want {
			t.Errorf("look %d: %d records, %v", i, len(u.Records), err)
		}
	}
}

// TestChatterbox holds that a log into which something comes with every look is left as it is, and
// that all which was read comes back.
func TestChatterbox(t *testing.T) {
	f := filled(2, 1)
	for range 100 {
		f.intrude = append(f.intrude, stamped(now))
	}
	log, err := ReadAndClear(t.Context(), f, Options{})
	if !errors.Is(err, ipmi.CodeReservation) || len(log.Records) < 10 || len(f.records) != len(log.Records) {
		t.Errorf("%d records of %d, %v", len(log.Records), len(f.records), err)
	}
}

// babbler answers with bytes that somebody made up: a length, then as many bytes, again and again.
type babbler struct {
	b     []byte
	at    int
	asked int
}

func (b *babbler) Do(_ context.Context, r ipmi.Request) ([]byte, error) {
	if b.asked++; b.asked > 4000 || len(b.b) == 0 {
		return nil, code(r, ipmi.CodeUnspecified)
	}
	next := func() byte {
		v := b.b[b.at%len(b.b)]
		b.at++
		return v
	}
	n := next()
	if n > 0x80 {
		return nil, code(r, ipmi.Code(n))
	}
	out := make([]byte, n%24)
	for i := range out {
		out[i] = next()
	}
	return out, nil
}

func FuzzBMC(f *testing.F) {
	f.Add([]byte{18, 2, 0, 1, 0, 2, 1, 2, 3, 4, 0x20, 0, 4, 1, 2, 3, 4, 5, 6})
	f.Add([]byte{0xca, 18, 0xff, 0xff, 1, 0, 0xe0, 1, 2, 3, 4})
	f.Add([]byte{4, 1, 2, 3, 4, 0xcb, 0xc5})
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Contains(b, []byte{byte(CodeErasing)}) {
			return // it would be waited for
		}
		_, _ = Read(t.Context(), &babbler{b: b}, Options{Ahead: 1})
		u, err := new(Follower).Poll(t.Context(), &babbler{b: b})
		if err == nil && len(u.Records) > MaxRecords {
			t.Fatal(len(u.Records))
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("\x51\x03\x00\x00\x02\x01\x00\x00\x00\x02\x00\x00\x00\x83"))
	f.Add([]byte("\x07\x00CLR\xaa"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, twice := range []func([]byte) ([]byte, error){
			back(ParseInfo), back(ParseAllocation), back(ParseNumber), back(ParseGetRequest), back(ParseGetAnswer), back(ParsePartialAdd),
			back(ParseDeleteRequest), back(ParseClearRequest), back(ParseClearAnswer), back(ParseStamp), back(ParseUTCOffset), back(ParseEvent),
		} {
			once, err := twice(b)
			if err != nil {
				continue
			}
			if again, err := twice(once); err != nil || !bytes.Equal(again, once) {
				t.Fatalf("% x became % x and then % x, %v", b, once, again, err)
			}
		}
	})
}
