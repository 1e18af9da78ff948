package powerman

import (
	"errors"
	"io"
)

// stdioPair makes one stream of a process's two pipes.
type stdioPair struct {
	io.ReadCloser
	w io.WriteCloser
}

func (p stdioPair) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p stdioPair) Close() error                { return errors.Join(p.w.Close(), p.ReadCloser.Close()) }
