package sol_test

import (
	"io"
	"testing"

	"millwright.dev/millwright/ipmi/sol"
)

// BenchmarkEcho is a key and its echo, through both ends.
func BenchmarkEcho(b *testing.B) {
	s := newStand(b, nil)
	c, machine := s.open(sol.Options{})
	go func() { _, _ = io.Copy(machine, machine) }()
	key := []byte("x")
	for b.Loop() {
		if _, err := c.Write(key); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, key); err != nil {
			b.Fatal(err)
		}
	}
}
