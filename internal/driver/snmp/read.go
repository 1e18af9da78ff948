package snmp

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/gosnmp/gosnmp"
)

// reader reads many objects in as few messages as fit.
type reader struct {
	*client
	bulk        bool // the version knows GetBulk
	repetitions int  // the most objects that one GetBulk may ask for
	most        int  // the most objects in one message, as far as is known; 0 for no limit
}

// How much an answer may have, in bytes: one Ethernet frame without fragments, less
// what version 3 puts around it.
const (
	maxAnswer = 1400 - 150
	perObject = 8  // around an object and its value
	perNumber = 6  // a value, usually
	perText   = 34 // a label, usually
)

// maxObjects bounds what one reading may ask for.
const maxObjects = 1 << 16

// get reads objects; the values are in the order of the OIDs. What the device has
// not, or would not say, is told by the value's kind. texts says that labels are
// expected, which are longer than numbers.
func (r *reader) get(ctx context.Context, oids []string, texts bool) ([]value, error) {
	values := make([]value, len(oids))
	if len(oids) > maxObjects {
		return nil, errLong
	}
	for todo := 0; todo < len(oids); {
		n := r.fit(oids[todo:], texts)
		switch err := r.some(ctx, oids[todo:todo+n], values[todo:todo+n]); {
		case err == nil:
			todo += n
		case n > 1 && tooBig(err):
			r.most = n / 2
		default:
			return nil, err
		}
	}
	return values, nil
}

// tooBig says whether fewer objects could be answered.
func tooBig(err error) bool {
	var no *refusal
	return errors.Is(err, errLong) || errors.As(err, &no) && no.status == gosnmp.TooBig
}

// fit says how many of the objects one answer can hold.
func (r *reader) fit(oids []string, texts bool) int {
	size, each := 0, perObject+perNumber
	if texts {
		each = perObject + perText
	}
	for n, oid := range oids {
		// A number of an OID takes a byte, and another where it is above 127.
		size += each + strings.Count(oid, ".") + len(oid)/12
		if n > 0 && (size > maxAnswer || n == r.most) {
			return n
		}
	}
	return len(oids)
}

// minRun is from how many objects in a row on GetBulk is worth it.
const minRun = 8

// some reads objects that fit into one message.
func (r *reader) some(ctx context.Context, oids []string, values []value) error {
	if before, ok := run(oids); ok && r.bulk && len(oids) <= r.repetitions {
		if err := r.inARow(ctx, before, oids, values); err != nil {
			return err
		}
	}
	var left []int
	for i, v := range values {
		if v.kind == unread {
			left = append(left, i)
		}
	}
	for len(left) > 0 {
		q := &question{kind: gosnmp.GetRequest}
		for _, i := range left {
			q.vars = append(q.vars, gosnmp.SnmpPDU{Name: oids[i], Type: gosnmp.Null})
		}
		bindings, err := r.ask(ctx, q)
		var no *refusal
		switch {
		case errors.As(err, &no) && no.index >= 1 && no.index <= len(left) && no.status != gosnmp.TooBig:
			// Version 1 answers for one and none of the others (RFC 1157, 4.1.2); ask for those again.
			i := left[no.index-1]
			if values[i] = (value{kind: refused, text: no.Error()}); no.status == gosnmp.NoSuchName {
				values[i] = value{kind: absent, text: "there is no such object"}
			}
			left = slices.Delete(left, no.index-1, no.index)
			continue
		case err != nil:
			return err
		}
		for n, i := range left {
			values[i] = bindings[n].value
		}
		return nil
	}
	return nil
}

// inARow reads objects that follow one another by GetBulk (RFC 3416, 4.2.3). What the
// device puts in their place is not theirs, and left out.
func (r *reader) inARow(ctx context.Context, before string, oids []string, values []value) error {
	bindings, err := r.ask(ctx, &question{
		kind: gosnmp.GetBulkRequest, vars: []gosnmp.SnmpPDU{{Name: before, Type: gosnmp.Null}}, repetitions: uint32(len(oids)),
	})
	var no *refusal
	if errors.As(err, &no) && no.status != gosnmp.TooBig {
		return nil // it may know the plain question
	}
	if err != nil {
		return err
	}
	at := 0
	for _, b := range bindings {
		if at < len(oids) && b.oid == oids[at] {
			values[at] = b.value
			at++
		}
	}
	return nil
}

// run says whether objects are of one column and their last numbers follow one
// another, and gives what is just before the first.
func run(oids []string) (before string, ok bool) {
	if len(oids) < minRun {
		return "", false
	}
	column, first, ok := lastNumber(oids[0])
	if !ok {
		return "", false
	}
	for i, oid := range oids {
		if c, n, ok := lastNumber(oid); !ok || c != column || n != first+i {
			return "", false
		}
	}
	if first == 0 {
		return column, true
	}
	return column + "." + strconv.Itoa(first-1), true
}

func lastNumber(oid string) (column string, n int, ok bool) {
	dot := strings.LastIndexByte(oid, '.')
	if dot <= 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(oid[dot+1:])
	return oid[:dot], n, err == nil
}

// maxRows bounds how many rows of a table are looked at.
const maxRows = 256

// walk reads a column: its rows' indexes, in order, with their values.
func (r *reader) walk(ctx context.Context, column string) ([]binding, error) {
	var rows []binding
	for from := column; len(rows) < maxRows; {
		q := &question{kind: gosnmp.GetNextRequest, vars: []gosnmp.SnmpPDU{{Name: from, Type: gosnmp.Null}}}
		if r.bulk {
			q.kind, q.repetitions = gosnmp.GetBulkRequest, uint32(min(r.repetitions, 16))
		}
		bindings, err := r.ask(ctx, q)
		var no *refusal
		if errors.As(err, &no) {
			return rows, nil // version 1 ends a walk like this
		}
		if err != nil {
			return nil, err
		}
		if len(bindings) == 0 {
			return rows, nil
		}
		for _, b := range bindings {
			index, inside := strings.CutPrefix(b.oid, column+".")
			if !inside || !b.value.is() || compareOIDs(b.oid, from) <= 0 { // the end, or in circles
				return rows, nil
			}
			rows = append(rows, binding{index, b.value})
			from = b.oid
		}
	}
	return rows, nil
}

// compareOIDs compares number by number.
func compareOIDs(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(strings.TrimPrefix(a, "."), ".")
		y, b, _ = strings.Cut(strings.TrimPrefix(b, "."), ".")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// told tells who traces what is asked and answered.
func (c *client) told(sent bool, q *question, answer []binding, err error) {
	if c.trace == nil {
		return
	}
	var b strings.Builder
	switch {
	case sent:
		b.WriteString(map[gosnmp.PDUType]string{
			gosnmp.GetRequest: "get", gosnmp.GetNextRequest: "next", gosnmp.GetBulkRequest: "bulk", gosnmp.SetRequest: "set",
		}[q.kind])
		for _, v := range q.vars {
			b.WriteString(" " + v.Name)
			if q.kind == gosnmp.SetRequest {
				b.WriteString(" = " + valueOf(v).String())
			}
		}
		if q.kind == gosnmp.GetBulkRequest {
			b.WriteString(" and the " + strconv.Itoa(int(q.repetitions)) + " after it")
		}
	case err != nil:
		b.WriteString(err.Error())
	default:
		for i, a := range answer {
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(a.oid + " = " + a.value.String())
			if !a.value.is() {
				b.WriteString("(none)")
			}
		}
	}
	c.trace(sent, b.String())
}
