package ipmitest

import (
	"bytes"
	"fmt"
	"testing"
)

// Codec is a message that can be parsed and appended. Again does both.
type Codec struct {
	Name  string
	Again func(b []byte) ([]byte, error)
	// Vectors are messages as they are on the wire, in hexadecimal: parsed and appended they
	// must stay the same.
	Vectors []string
}

// Message gives the codec of a message whose type has a method Append.
func Message[T interface{ Append(b []byte) []byte }](parse func([]byte) (T, error), vectors ...string) Codec {
	return With(parse, T.Append, vectors...)
}

// With gives the codec of a message that is appended by some other function.
func With[T any](parse func([]byte) (T, error), appendTo func(T, []byte) []byte, vectors ...string) Codec {
	var x T
	return Codec{
		Name:    fmt.Sprintf("%T", x),
		Vectors: vectors,
		Again: func(b []byte) ([]byte, error) {
			v, err := parse(b)
			if err != nil {
				return nil, err
			}
			return appendTo(v, nil), nil
		},
	}
}

// RoundTrips holds that the vectors of each codec stay the same, and that every beginning of
// them is either refused or read without a panic.
func RoundTrips(t *testing.T, codecs []Codec) {
	t.Helper()
	for i, c := range codecs {
		if len(c.Vectors) == 0 {
			t.Errorf("codec %d, %s, has no vector", i, c.Name)
		}
		for _, v := range c.Vectors {
			t.Run(fmt.Sprintf("%s/%d", c.Name, i), func(t *testing.T) {
				b := Bytes(t, v)
				got, err := c.Again(bytes.Clone(b))
				if err != nil {
					t.Fatalf("% x cannot be read: %v", b, err)
				}
				if !bytes.Equal(got, b) {
					t.Errorf("read and written again\n% x becomes\n% x", b, got)
				}
				for n := range b {
					_, _ = c.Again(b[:n:n])
				}
			})
		}
	}
}

// Fuzz tries each codec with any bytes: what can be read must, written and read again, stay
// the same. The first byte of the input chooses the codec.
func Fuzz(f *testing.F, codecs []Codec) {
	f.Helper()
	for i, c := range codecs {
		for _, v := range c.Vectors {
			f.Add(append([]byte{byte(i)}, Bytes(f, v)...))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || int(b[0]) >= len(codecs) {
			return
		}
		c := codecs[b[0]]
		once, err := c.Again(b[1:])
		if err != nil {
			return
		}
		twice, err := c.Again(once)
		if err != nil {
			t.Fatalf("%s: % x was read but not % x, which was written of it: %v", c.Name, b[1:], once, err)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("%s: % x becomes % x", c.Name, once, twice)
		}
	})
}
