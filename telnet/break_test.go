package telnet_test

import (
	"io"
	"net"
	"testing"

	"millwright.dev/millwright/telnet"
)

func TestBreak(t *testing.T) {
	near, far := net.Pipe()
	c := telnet.NewConn(near, telnet.Options{})
	defer c.Close()
	sent := make(chan error, 1)
	go func() { sent <- c.Break() }()
	got := make([]byte, 2)
	if _, err := io.ReadFull(far, got); err != nil || got[0] != 255 || got[1] != 243 {
		t.Errorf("%v, %v", got, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
