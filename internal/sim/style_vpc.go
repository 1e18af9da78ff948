package sim

import (
	"millwright.dev/millwright/internal/sim/vpc"
)

// virtual is the make "vpc": PowerMan's test device, for Debian's vpc.dev.
type virtual struct{}

func (virtual) Name() string { return "vpc" }

func (virtual) Serve(t *Terminal) error {
	p := &panel{Unit: t.Unit()}
	s := vpc.Session{Plugs: p, Out: t, Sleep: t.Pause}
	for {
		s.Prompt()
		text, err := t.Line()
		if err != nil {
			return err
		}
		if text == "login" {
			t.CountLogin()
		}
		more := s.Answer(text)
		if err := s.Err(); err != nil {
			return err
		}
		if !more {
			return nil
		}
		if p.switched {
			p.switched = false
			if err := t.Settle(); err != nil {
				return err
			}
		}
	}
}

// panel is a unit as the dialogue wants it.
type panel struct {
	*Unit
	switched bool // since the last look
}

var _ vpc.Plugs = (*panel)(nil)

func (p *panel) Name(i int) string { return p.OutletName(i) }
func (p *panel) On(i int) bool     { return p.Says(i) }

func (p *panel) Switch(i int, on bool) bool {
	p.switched = true
	return p.Unit.Switch(i, on) == nil
}
