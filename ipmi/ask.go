package ipmi

import (
	"context"
	"fmt"
)

// Ask does a request and reads its answer with parse. A failure is said to have happened
// while doing what, which is worded like "read the device id".
func Ask[T any](ctx context.Context, d Doer, what string, r Request, parse func([]byte) (T, error)) (T, error) {
	b, err := d.Do(ctx, r)
	if err == nil {
		var v T
		if v, err = parse(b); err == nil {
			return v, nil
		}
	}
	var none T
	return none, during(what, err)
}

// during says while doing what a failure happened. It is apart from Ask, which the
// compiler writes once for every kind of answer.
func during(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }

// Tell does a request whose answer holds nothing of interest.
func Tell(ctx context.Context, d Doer, what string, r Request) error {
	if _, err := d.Do(ctx, r); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Short gives the error about a message, named by what, of which b is all there is although
// need bytes are the least it can have. With enough bytes it is nil.
func Short(what string, b []byte, need int) error {
	if len(b) >= need {
		return nil
	}
	return fmt.Errorf("%s of %d bytes, not %d or more: %w", what, len(b), need, ErrShort)
}
