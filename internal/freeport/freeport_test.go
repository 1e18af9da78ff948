package freeport_test

import (
	"net"
	"testing"

	"millwright.dev/millwright/internal/freeport"
)

func TestNobodyGetsAPortTwice(t *testing.T) {
	seen := map[int]bool{}
	for range 300 {
		p, err := freeport.Reserve("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
		if seen[p.Number] {
			t.Fatalf("%d was given twice", p.Number)
		}
		seen[p.Number] = true
	}
}

func TestAPortCanBeListenedAt(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		p, err := freeport.Reserve(host)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
		l, err := net.Listen("tcp", p.Addr(host))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}
