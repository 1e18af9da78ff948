package ipmi

import (
	"context"
	"errors"
	"time"
)

// ErrInProgress is the cause of errors about settings that somebody else is changing.
var ErrInProgress = errors.New("somebody else is changing these settings")

// The values of the parameter "set in progress" that LAN, SOL, PEF, boot options and
// system information have (section 23.1 and its like).
const (
	SetComplete   = 0
	SetInProgress = 1
	SetCommit     = 2
)

// changeEnd bounds how long saying "complete" may take when the caller's context is over.
const changeEnd = 5 * time.Second

// Change runs f while a group of settings is marked as being changed. mark writes the
// group's parameter 0. A BMC without it, or one that lets it only be read, is changed without
// the mark; one that says that it is marked already gives [ErrInProgress]. The mark is
// taken away whatever f does, also when ctx has ended.
func Change(ctx context.Context, mark func(ctx context.Context, state uint8) error, f func() error) error {
	const (
		unsupported Code = 0x80
		taken       Code = 0x81
		readOnly    Code = 0x82
	)
	err := mark(ctx, SetInProgress)
	switch {
	case errors.Is(err, taken):
		return errors.Join(ErrInProgress, err)
	case errors.Is(err, unsupported), errors.Is(err, readOnly), errors.Is(err, CodeInvalidField), errors.Is(err, CodeOutOfRange):
		return f()
	case err != nil:
		return err
	}
	err = f()
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), changeEnd)
	defer stop()
	var no *CodeError
	if ended := mark(end, SetComplete); err == nil && !errors.As(ended, &no) {
		err = ended
	}
	return err
}
