// Package ipmitest has what tests of IPMI need in place of a BMC, so that what a command sends
// and makes of the answer can be held byte by byte. Start at [Table].
package ipmitest

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/ipmi"
)

// Doer answers requests from a table, and keeps what it was asked.
type Doer struct {
	tb      testing.TB
	answers map[string][]string

	mu   sync.Mutex
	sent []ipmi.Request
}

// Table makes a Doer. A key is a request, such as "0c/02 01 03 00 00": network function,
// command and data in hexadecimal; a LUN other than 0 is written "04.1/2d 07". Without
// data, "06/01", it is for requests with any data that no other key fits. A value is the
// answer with its completion code first; answers to be given one after the other
// are separated by ";", and the last one stays. What is not in the table is refused
// with C1, as a BMC does.
func Table(tb testing.TB, answers map[string]string) *Doer {
	tb.Helper()
	d := &Doer{tb: tb, answers: make(map[string][]string, len(answers))}
	for k, v := range answers {
		for answer := range strings.SplitSeq(v, ";") {
			d.answers[strings.ToLower(k)] = append(d.answers[strings.ToLower(k)], answer)
		}
	}
	return d
}

// Key writes a request as the keys of a table are written.
func Key(r ipmi.Request) string {
	lun := ""
	if r.LUN != 0 {
		lun = fmt.Sprintf(".%d", r.LUN)
	}
	key := fmt.Sprintf("%02x%s/%02x", uint8(r.NetFn), lun, r.Cmd)
	if len(r.Data) > 0 {
		key += fmt.Sprintf(" % x", r.Data)
	}
	return key
}

// Do answers from the table.
func (d *Doer) Do(ctx context.Context, r ipmi.Request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r.Data = slices.Clone(r.Data)
	d.sent = append(d.sent, r)
	key := Key(r)
	if _, ok := d.answers[key]; !ok {
		key, _, _ = strings.Cut(key, " ")
	}
	answer := "c1"
	if list := d.answers[key]; len(list) > 0 {
		answer = list[0]
		if len(list) > 1 {
			d.answers[key] = list[1:]
		}
	}
	b := Bytes(d.tb, answer)
	if len(b) == 0 {
		d.tb.Errorf("the answer to %s has no completion code", key)
		return nil, ipmi.ErrShort
	}
	if b[0] != 0 {
		return nil, &ipmi.CodeError{NetFn: r.NetFn, Cmd: r.Cmd, Code: ipmi.Code(b[0]), Data: b[1:]}
	}
	return b[1:], nil
}

// Requests gives all that was asked, in order.
func (d *Doer) Requests() []ipmi.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.sent)
}

// Sent gives all that was asked, in order, as keys.
func (d *Doer) Sent() []string {
	var keys []string
	for _, r := range d.Requests() {
		keys = append(keys, Key(r))
	}
	return keys
}

// Bytes reads hexadecimal with spaces. A part in double quotes is text.
func Bytes(tb testing.TB, s string) []byte {
	tb.Helper()
	var b []byte
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		x, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		if err != nil {
			tb.Fatalf("%q is not hexadecimal: %v", s, err)
		}
		b = append(b, x...)
	}
	return b
}
