package service_test

import (
	"fmt"
	"testing"

	"millwright.dev/millwright/redfish/service"
)

// BenchmarkSystem is one system's document, without a network.
func BenchmarkSystem(b *testing.B) { benchmark(b, m1) }

// BenchmarkPage is a page of a thousand machines' links.
func BenchmarkPage(b *testing.B) { benchmark(b, root+"/Systems") }

// BenchmarkExpanded is a page of a hundred machines' documents.
func BenchmarkExpanded(b *testing.B) { benchmark(b, root+"/Systems?$expand=.") }

func benchmark(b *testing.B, path string) {
	m := service.NewMemory("root", "secret")
	m.Add(aMachine("m1"), someReadings()...)
	for i := range 1000 {
		m.Add(aMachine(fmt.Sprintf("n%04d", i)))
	}
	s := service.New(service.Options{Backend: m, PlainLoopback: true})
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if r := serve(s, ask{path: path}); r.status != 200 {
			b.Fatal(r.status, r.text)
		}
	}
}
