package fru

import (
	"bytes"
	"context"
	"testing"

	"millwright.dev/millwright/ipmi"
)

// babbler answers with bytes that somebody made up: a length, then as many bytes, again and again.
type babbler struct {
	b     []byte
	at    int
	asked int
}

func (b *babbler) Do(_ context.Context, r ipmi.Request) ([]byte, error) {
	fail := func(c ipmi.Code) ([]byte, error) {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: c}
	}
	if b.asked++; b.asked > 4000 || len(b.b) == 0 {
		return fail(ipmi.CodeUnspecified)
	}
	next := func() byte {
		v := b.b[b.at%len(b.b)]
		b.at++
		return v
	}
	n := next()
	if n >= 0xc0 {
		return fail(ipmi.Code(n))
	}
	out := make([]byte, n)
	for i := range out {
		out[i] = next()
	}
	return out, nil
}

// FuzzBMC holds that no BMC makes a reader or a writer panic, or go on for ever.
func FuzzBMC(f *testing.F) {
	f.Add([]byte{3, 0x40, 0, 0, 9, 8, 1, 0, 0, 1, 0, 0, 0, 0xfe})
	f.Add([]byte{3, 0xff, 0xff, 1, 0xca, 3, 2, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Read(t.Context(), &babbler{b: b}, Device{}, Options{Ahead: 1})
		image, err := ReadImage(t.Context(), &babbler{b: b}, Device{}, Options{Ahead: 1})
		if err == nil && len(image) > 0xffff {
			t.Fatal(len(image))
		}
		_ = Write(t.Context(), &babbler{b: b}, Device{}, make([]byte, 32), Options{Ahead: 1})
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, twice := range []func([]byte) ([]byte, error){
			back(ParseInfo), back(ParseReadRequest), back(ParseReadAnswer), back(ParseWriteRequest), back(ParseWriteAnswer),
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

func back[T interface{ Append([]byte) []byte }](parse func([]byte) (T, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := parse(b)
		if err != nil {
			return nil, err
		}
		return v.Append(nil), nil
	}
}
