package vbmc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
)

// request is what vbmc asks of vbmcd: one line of JSON.
type request struct {
	Command string   `json:"command"`
	Domains []string `json:"domains,omitempty"`
	Config  config   `json:"config"` // of add
}

// answer is what vbmcd says: one line of JSON, and the end.
type answer struct {
	Head     []string   `json:"head,omitempty"`
	Rows     [][]string `json:"rows,omitempty"`
	Warnings []string   `json:"warnings,omitempty"`
	Errors   []string   `json:"errors,omitempty"`
}

// maxRequest bounds a request, and maxAnswer an answer, in bytes.
const (
	maxRequest = 64 << 10
	maxAnswer  = 16 << 20
)

func socketOf(dir string) string { return filepath.Join(dir, "vbmcd.sock") }

// ask asks the daemon.
func ask(ctx context.Context, dir string, q request) (answer, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", socketOf(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return answer{}, fmt.Errorf("vbmcd does not run for %s", dir)
	case err != nil:
		return answer{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := json.NewEncoder(c).Encode(q); err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.NewDecoder(io.LimitReader(c, maxAnswer)).Decode(&a); err != nil {
		return answer{}, fmt.Errorf("vbmcd's answer: %w", err)
	}
	return a, nil
}
