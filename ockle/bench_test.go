package ockle_test

import (
	"testing"
	"time"

	"millwright.dev/millwright/ockle"
)

// One call, with its connection, from a client's first byte to the answer.
func BenchmarkCall(b *testing.B) {
	values := ockle.Values{{Key: "server", Text: "web"}}
	m := ockle.Message{Class: ockle.ClientSend, Name: "echo", Values: values}
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ockle.Decode(m.Encode()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("socket", func(b *testing.B) {
		c := ockle.Client{Addr: serve(b, &ockle.Server{Handler: ockle.HandlerFunc(echo)}), Timeout: 30 * time.Second}
		for b.Loop() {
			if _, err := c.Call(b.Context(), "echo", values); err != nil {
				b.Fatal(err)
			}
		}
	})
}
