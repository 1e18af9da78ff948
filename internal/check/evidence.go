package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"millwright.dev/millwright/internal/driver"
)

// MaxSaid bounds the evidence of one result, in bytes; MaxValues the numbers in it.
const (
	MaxSaid   = 300
	MaxValues = 32
)

// Line makes one line of at most limit bytes of a text from anywhere: what cannot be
// seen is a blank, blanks are single, and what is too long ends in "…".
func Line(text string, limit int) string {
	if len(text) > 4*limit+64 { // looking at it all would cost more than it gives
		text = text[:4*limit+64]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}), " ")
	if len(text) <= limit {
		return text
	}
	end := max(0, limit-len("…"))
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// Bounded is the result as it may be kept: its evidence one line, its numbers few, and
// its verdict one of the three.
func (r Result) Bounded() Result {
	r.Said = Line(r.Said, MaxSaid)
	if len(r.Values) > MaxValues {
		r.Values = r.Values[:MaxValues]
	}
	if r.Verdict > Bad {
		r.Verdict = Unknown
	}
	return r
}

// Field is the error of a setting that is wrong.
func Field(name, format string, args ...any) error {
	return &driver.FieldError{Field: name, Err: fmt.Errorf(format, args...)}
}

// Unreached is the result of a peer that could not be reached or talked with, by the
// rules above: it is bad where the peer itself is silent or refuses, and unknown where
// it may be our side that fails. what was tried is the beginning of the evidence.
func Unreached(ctx context.Context, what string, err error) Result {
	said := what + ": " + Why(ctx, err)
	if ours(ctx, err) {
		return Unclear(said)
	}
	return Wrong(said)
}

// ours says whether an error of the network may be our own failure.
func ours(ctx context.Context, err error) bool {
	var dns *net.DNSError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return true
	case errors.As(err, &dns):
		return true
	}
	for _, here := range []error{
		syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EACCES, syscall.EPERM,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EAFNOSUPPORT, syscall.EINVAL,
	} {
		if errors.Is(err, here) {
			return true
		}
	}
	return false
}

// Why words an error of the network: without what the reader knows already.
func Why(ctx context.Context, err error) string {
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	var number syscall.Errno
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return "cut short"
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s cannot be resolved (%s)", dns.Name, dns.Err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &number):
		return number.Error()
	}
	return err.Error()
}

// Took words how long something took.
func Took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
