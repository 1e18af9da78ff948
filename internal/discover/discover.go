package discover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// Options say what to look at, and how patiently. Zero values are the defaults.
type Options struct {
	Address transport.Address
	User    string
	// Password is typed where one is asked for, and is in nothing that is told.
	Password secret.Value
	// Dial reaches the device. Nil is a transport.Dialer's.
	Dial func(ctx context.Context, to transport.Address, who transport.Credentials) (transport.Conn, error)

	// Quiet is the silence after which the device is taken to have said all; 1 s.
	Quiet time.Duration
	// Patience is how long its first word may take; 8 s.
	Patience time.Duration
	// Rest is how long a unit that is busy is left alone; 130 s, which is what those
	// with one session need to forget one.
	Rest time.Duration
	// Returns is how often it is come back to after that; 2 times, or never if negative.
	Returns int
	// Unproven leaves out the proof by the specification's own scripts.
	Unproven bool

	// Tell hears what is being done, line by line. Nil is silent.
	Tell func(line string)
}

// Finding is what came out.
type Finding struct {
	// Spec is the name of the specification that fits, with a size if its usual one
	// is another: "apc-menu-13p13/24".
	Spec string
	// Evidence is what that was seen by, in order.
	Evidence []string
	// Outlets is how many the device showed; 0 if it shows no list.
	Outlets int
	// On and Off are the states that the specification's own scripts have read.
	On, Off int
	Proven  bool
}

// Errors that tell what stood in the way.
var (
	ErrBusy    = errors.New("somebody else has the session")
	ErrLogin   = errors.New("the name or the password was not taken")
	ErrAsked   = errors.New("it asks for a name or a password, and none was given")
	ErrUnknown = errors.New("no shipped specification fits what it shows")

	errBroke = errors.New("the session broke off")
)

func (o *Options) fill() {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&o.Quiet, time.Second)
	set(&o.Patience, 8*time.Second)
	set(&o.Rest, 130*time.Second)
	if o.Returns == 0 {
		o.Returns = 2
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	if o.Dial == nil {
		o.Dial = new(transport.Dialer).Dial
	}
}

// Find looks at a device. An error is one of this package's, one of reaching the
// device, or ctx's; the finding then still has what was seen.
func Find(ctx context.Context, o Options) (Finding, error) {
	o.fill()
	f := &Finding{}
	returns, broken := 0, 0
	for {
		err := attempt(ctx, &o, f)
		switch {
		case errors.Is(err, ErrBusy) && returns < o.Returns:
			returns++
			o.Tell(fmt.Sprintf("it is busy; trying again in %s", o.Rest))
			if err := wait(ctx, o.Rest); err != nil {
				return *f, err
			}
		case errors.Is(err, errBroke) && (broken == 0 || broken == 1 && f.Spec != ""):
			// Some units lose each first session: of looking, and of proving.
			broken++
			f.note(&o, "the session broke off at once; another is tried")
			if err := wait(ctx, time.Second); err != nil {
				return *f, err
			}
		default:
			return *f, err
		}
	}
}

// attempt is one visit.
func attempt(ctx context.Context, o *Options, f *Finding) error {
	if f.Spec == "" {
		if err := look(ctx, o, f); err != nil {
			return err
		}
	}
	if o.Unproven {
		return nil
	}
	// A unit may need a moment to notice that somebody has left.
	if err := wait(ctx, o.Quiet); err != nil {
		return err
	}
	return prove(ctx, o, f)
}

// look finds the specification on a session of its own.
func look(ctx context.Context, o *Options, f *Finding) error {
	t, err := call(ctx, o, f)
	if err != nil {
		return err
	}
	defer t.close()
	text, err := t.enter()
	if err != nil {
		return err
	}
	return t.recognise(text)
}

// note keeps a piece of evidence.
func (f *Finding) note(o *Options, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	f.Evidence = append(f.Evidence, line)
	o.Tell(line)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
