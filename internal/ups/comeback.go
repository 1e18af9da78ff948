package ups

import (
	"fmt"
	"slices"
	"time"
)

// Return says which stages that went down may come back now that the power is
// there again: in the reverse order, each only when those that went after it are
// back. Due is at most one stage: bring it up, note it as back, and ask again.
func (p Policy) Return(s Situation) Decision {
	sit := look(p, s)
	var d Decision
	blocked := ""
	for _, stage := range slices.Backward(p.Stages) {
		prog := s.Progress[stage.Name]
		if !begun(prog) {
			continue
		}
		nodes := stage.Nodes
		if len(prog.Nodes) > 0 {
			nodes = prog.Nodes
		}
		v := Verdict{Stage: stage.Name, Nodes: slices.Sorted(slices.Values(nodes))}
		f := s.Forecast[stage.Name]
		v.Needs = max(0, f.Expected) + max(0, f.Spread)
		why, ok := sit.back(p.Comeback, nodes)
		switch {
		case blocked != "":
			v.Why = "it waits for stage " + blocked
		case !prog.Down:
			v.Why = "it is still going down"
		case !ok:
			v.Why = why
		default:
			v.Due, v.Why = true, why
		}
		blocked = stage.Name
		v.Said = "stage " + v.Stage + ": " + v.Why
		d.Verdicts = append(d.Verdicts, v)
	}
	switch {
	case len(d.Verdicts) == 0:
		d.Said = "no stage is down"
	default:
		d.Said = d.Verdicts[0].Said
	}
	return d
}

// back says whether the power of these nodes is back for good. None of their UPSes
// may be on battery, and each node needs one that is good; one that is lost or off
// beside it does not hold it up.
func (v *sight) back(c Comeback, nodes []string) (why string, ok bool) {
	why = "it has no UPS that could be on battery"
	for _, node := range slices.Sorted(slices.Values(nodes)) {
		all := v.feeding(node)
		good, reason := len(all) == 0, ""
		for _, i := range all {
			s := v.Standings[i]
			switch said, fine := v.steady(c, s); {
			case fine:
				good, why = true, said
			case s.State == OnBattery || s.State == Low:
				return said, false
			default:
				reason = said
			}
		}
		if !good {
			return reason, false
		}
	}
	return why, true
}

// steady says whether one UPS is good again.
func (v *sight) steady(c Comeback, s Standing) (why string, ok bool) {
	held := v.Now.Sub(s.Since)
	switch {
	case s.Settling:
		return s.Source + " has mains again, but not for long enough to count", false
	case s.State != Online || !s.Contact:
		return s.Source + " is " + string(s.State), false
	case held < c.Steady:
		return fmt.Sprintf("%s has mains for %s of %s", s.Source, length(held.Truncate(time.Second)), length(c.Steady)), false
	case s.Charge != nil && *s.Charge < c.Charge:
		return fmt.Sprintf("%s has %.0f %% charge of %.0f %%", s.Source, *s.Charge, c.Charge), false
	case s.Charge == nil && c.Charge > 0:
		return s.Source + " has mains for " + length(held) + ", and does not say its charge", true
	}
	return s.Source + " has mains for " + length(held), true
}
