package action

import (
	"errors"
	"fmt"
	"strings"

	"millwright.dev/millwright/internal/driver"
)

// Refusal is a device that says no: it surely did nothing.
type Refusal struct{ Said string }

func (r *Refusal) Error() string { return r.Said }

// Refused is the error of an action that the device would not do, in its own words.
func Refused(said string) error {
	if strings.TrimSpace(said) == "" {
		said = "it says no, and not why"
	}
	return &Refusal{said}
}

// Oddity is a device that nobody understands: whether it did it is unknown.
type Oddity struct{ said, why string }

func (o *Oddity) Error() string {
	if o.why != "" {
		return o.why
	}
	return fmt.Sprintf("it says %.60q", o.said)
}

// Odd is the error of an action after which the device said something that nobody
// understands.
func Odd(said string) error { return &Oddity{said: said} }

// Unsure is as Odd, in words of the driver's own: the device took a command, and
// there is nothing to show that it has worked.
func Unsure(why string) error { return &Oddity{why: why} }

// Unfinished is an error of the second half of a cycle: the plug is off, so a refusal
// is not one of the whole.
func Unfinished(err error) error {
	const off = "it was switched off, and then: "
	var f *driver.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		half := *f
		half.Said = off + f.Why()
		if half.Phase == driver.Waiting {
			half.Phase = driver.Acting
		}
		return &half
	}
	return Unsure(off + err.Error())
}
