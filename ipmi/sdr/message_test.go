package sdr_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/sdr"
)

type appender interface{ Append(b []byte) []byte }

func both[T appender](parse func([]byte) (T, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := parse(b)
		if err != nil {
			return nil, err
		}
		return v.Append(nil), nil
	}
}

// messages are put together by hand from the tables of sections 33 and 35.
var messages = []struct {
	name, bytes string
	least       int
	again       func([]byte) ([]byte, error)
}{
	{"info", "51 3c00 0010 78563412 efbeadde 2f", 14, both(sdr.ParseInfo)},
	{"allocation", "0001 1000 8000 4000 04", 9, both(sdr.ParseAllocation)},
	{"reservation", "3412", 2, both(sdr.ParseWord)},
	{"get", "3412 0100 05 ff", 6, both(sdr.ParseGetRequest)},
	{"record", "0200 3412 51 01", 2, both(sdr.ParseGetAnswer)},
	{"partial add", "3412 0100 10 01 aabb", 6, both(sdr.ParsePartialAdd)},
	{"delete", "3412 0100", 4, both(sdr.ParseDelete)},
	{"clear", "3412 434c52 aa", 6, both(sdr.ParseClear)},
	{"clear status", "3412 434c52 00", 6, both(sdr.ParseClear)},
	{"cleared", "01", 1, both(sdr.ParseCleared)},
	{"time", "78563412", 4, both(sdr.ParseStamp)},
	{"device info", "0a 83 78563412", 2, both(sdr.ParseDeviceInfo)},
	{"fixed device info", "0a 01", 2, both(sdr.ParseDeviceInfo)},
	{"factors", "42 01 83 ff 40 04 f0", 7, both(sdr.ParseFactorsAt)},
}

func TestMessagesGoBothWays(t *testing.T) {
	for _, m := range messages {
		want := unhex(t, m.bytes)
		if got, err := m.again(want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: % x became % x, %v", m.name, want, got, err)
		}
		for n := range want {
			if _, err := m.again(want[:n]); (n < m.least) != errors.Is(err, ipmi.ErrShort) {
				t.Errorf("%s of %d bytes: %v", m.name, n, err)
			}
		}
	}
	if _, err := sdr.ParseClear(unhex(t, "3412 434c53 aa")); err == nil {
		t.Error("cleared without CLR")
	}
	info, err := sdr.ParseInfo(unhex(t, messages[0].bytes))
	if err != nil || info.Records != 60 || info.Added != 0x12345678 || info.Erased.Time().Unix() != 0xdeadbeef || info.Can != 0x2f {
		t.Errorf("%+v, %v", info, err)
	}
	if !sdr.Stamp(0xffffffff).Time().IsZero() {
		t.Error("an unspecified time is one")
	}
}

// shop is a repository that is written to.
type shop struct {
	parts, full bool // only in parts; refuses all
	written     []byte
	gone        []sdr.ID
	clears      int
}

func (s *shop) Do(_ context.Context, r ipmi.Request) ([]byte, error) {
	fail := func(code ipmi.Code) ([]byte, error) {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: code}
	}
	switch r.Cmd {
	case sdr.CmdReserve:
		return sdr.Word(0x77).Append(nil), nil
	case sdr.CmdAdd:
		if s.full {
			return fail(ipmi.CodeNoSpace)
		}
		if s.parts {
			return fail(ipmi.CodeInvalidCommand)
		}
		s.written = r.Data
		return sdr.Word(9).Append(nil), nil
	case sdr.CmdPartialAdd:
		p, err := sdr.ParsePartialAdd(r.Data)
		if err != nil || p.Reservation != 0x77 || int(p.Offset) != len(s.written) || (p.Offset > 0) != (p.Record == 9) {
			return fail(ipmi.CodeInvalidField)
		}
		s.written = append(s.written, p.Data...)
		return sdr.Word(9).Append(nil), nil
	case sdr.CmdDelete:
		q, err := sdr.ParseDelete(r.Data)
		s.gone = append(s.gone, q.Record)
		return sdr.Word(q.Record).Append(nil), err
	case sdr.CmdClear:
		q, err := sdr.ParseClear(r.Data)
		if q.Status != (s.clears > 0) {
			return fail(ipmi.CodeInvalidField)
		}
		s.clears++
		return sdr.Cleared(s.clears == 3).Append(nil), err
	}
	return fail(ipmi.CodeInvalidCommand)
}

func TestWriting(t *testing.T) {
	r := parse(t, fullTemp)
	for _, parts := range []bool{false, true} {
		s := &shop{parts: parts}
		if id, err := sdr.Add(t.Context(), s, r); err != nil || id != 9 || !bytes.Equal(s.written, r.Append(nil)) {
			t.Errorf("in parts %v: %v, % x, %v", parts, id, s.written, err)
		}
	}
	if _, err := sdr.Add(t.Context(), &shop{full: true}, r); !errors.Is(err, ipmi.CodeNoSpace) {
		t.Errorf("a full repository: %v", err)
	}
	s := &shop{}
	if err := sdr.Remove(t.Context(), s, 5); err != nil || len(s.gone) != 1 || s.gone[0] != 5 {
		t.Errorf("%v, %v", s.gone, err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := &shop{}
		start := time.Now()
		if err := sdr.Erase(t.Context(), s); err != nil || s.clears != 3 || time.Since(start) != 200*time.Millisecond {
			t.Errorf("%d requests in %v, %v", s.clears, time.Since(start), err)
		}
	})
}
