package bmccli

import (
	"context"
	"fmt"
	"io"

	"millwright.dev/millwright/internal/secret"
)

// Frame is what the calling program lends: its streams, and how it shows things.
type Frame struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Table lines up cells for stdout, as all tables of the program.
	Table func(w io.Writer, head []string, rows [][]Cell) error
	Paint func(t Tone, text string) string
	// Agree asks the person at the terminal; asked is false if there is none.
	Agree func(ctx context.Context, question string) (yes, asked bool)
	// Password asks the person at the terminal for something that is not to be seen.
	Password func(ctx context.Context, question string) (text string, asked bool, err error)
	// Store is where secret:NAME is kept.
	Store func(ctx context.Context) secret.Store
	// Talk joins the terminal with a serial console until one of them ends; escape is what the
	// person's escapes begin with.
	Talk func(ctx context.Context, host string, line Line, escape string) error
	// Terminal says whether stdout is one.
	Terminal func() bool
	// Clean makes text from elsewhere harmless for a terminal.
	Clean func(string) string
}

// Line is a serial console.
type Line interface {
	io.ReadWriteCloser
	Break() error
}

// Tone says how good something is.
type Tone uint8

// The tones.
const (
	Plain Tone = iota
	Good
	Warn
	Bad
	Faint
	Strong
)

// Cell is one cell of a table.
type Cell struct {
	Text  string
	Tone  Tone
	Right bool // numbers
}

func cell(v any) Cell                { return Cell{Text: fmt.Sprint(v)} }
func numeric(v any) Cell             { return Cell{Text: fmt.Sprint(v), Right: true} }
func toned(t Tone, text string) Cell { return Cell{Text: text, Tone: t} }
