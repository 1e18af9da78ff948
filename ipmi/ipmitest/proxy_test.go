package ipmitest_test

import (
	"net"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi/ipmitest"
)

// Of what goes through, each datagram is lost, or comes once or twice; and the counts say so.
func TestProxy(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p, err := ipmitest.NewProxy(server.LocalAddr().String(), ipmitest.Faults{Loss: 0.2, Double: 0.2, Reorder: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	client, err := net.Dial("udp4", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const sent = 200
	for i := range byte(sent) {
		if _, err := client.Write([]byte{i}); err != nil {
			t.Fatal(err)
		}
	}
	seen, got := map[byte]int{}, 0
	buf := make([]byte, 10)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if c := p.Counts(); c.Passed+c.Lost == sent && got == c.Passed+c.Doubled {
			break
		}
		_ = server.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, _, err := server.ReadFrom(buf); err == nil {
			seen[buf[0]]++
			got++
		}
	}
	c := p.Counts()
	if c.Lost == 0 || c.Doubled == 0 || c.Reordered == 0 || c.Passed+c.Lost != sent || len(seen) != c.Passed {
		t.Errorf("%+v, and %d of %d seen", c, len(seen), sent)
	}
}
