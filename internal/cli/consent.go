package cli

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// consentFlags are what a command that switches says to veto hooks.
func consentFlags(f *pflag.FlagSet, c *wire.Consent, yes *bool) {
	f.BoolVarP(yes, "yes", "y", false, "do not ask: what is to be confirmed is confirmed")
	f.StringVar(&c.Reason, "reason", "", "`TEXT` for the log, and for veto hooks")
	f.BoolVar(&c.Bypass, "bypass-vetoes", false, "do not ask the room's veto hooks; takes the role admin, and is logged")
}

// confirmed asks a person about what a veto hook wants confirmed. If it says that
// the request is to be made again, err is of no matter.
func (p *program) confirmed(ctx context.Context, err error, c *wire.Consent) (again bool, _ error) {
	var e *room.Error
	if !errors.As(err, &e) || e.Confirm == "" || c.Confirm {
		return false, err
	}
	yes, asked := p.agree(ctx, clean(e.Confirm)+"\nDo it all the same? [y/N] ")
	switch {
	case ctx.Err() != nil:
		return false, exit(ExitStopped)
	case yes:
		c.Confirm = true
		return true, nil
	case asked:
		p.hint("Nothing was done.")
		return false, exit(ExitRefused)
	}
	return false, err
}

// agree asks the person at the terminal; asked is false if there is none.
func (p *program) agree(ctx context.Context, question string) (yes, asked bool) {
	in, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false, false
	}
	p.printf("%s", question)
	said := make(chan string, 1)
	go func() { // ends with the program at the latest: a read of a terminal cannot be broken off
		line, _ := bufio.NewReader(in).ReadString('\n')
		said <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		p.printf("\n")
		return false, true
	case word := <-said:
		return word == "y" || word == "yes", true
	}
}
