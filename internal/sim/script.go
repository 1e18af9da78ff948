package sim

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
)

// Script carries out the lines of a text as [Room.Do] does, but for empty ones and those
// that begin with #: how a room is from its start. It ends at the first that is wrong, and
// says which.
func (r *Room) Script(text io.Reader) error {
	lines := bufio.NewScanner(text)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if err := r.Do(line, io.Discard); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// doMachines does the verb "machine".
func (r *Room) doMachines(list string, words []string) error {
	names, err := hostlist.Expand(list)
	if err != nil {
		return err
	}
	for _, name := range names {
		switch FaultKind(words[0]) {
		case "well":
			err = r.Cure(name)
		case Sick, Wedged, Dead, Late:
			err = r.doAfflict(name, words)
		default:
			err = r.doSettings(name, words)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) doAfflict(name string, words []string) error {
	f := MachineFault{Kind: FaultKind(words[0])}
	for rest := words[1:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) == 1 {
			return fmt.Errorf("%q needs a value", rest[0])
		}
		var err error
		switch rest[0] {
		case "times":
			f.Times, err = strconv.Atoi(rest[1])
		case "for":
			f.For, err = time.ParseDuration(rest[1])
		default:
			err = fmt.Errorf("%q is neither times nor for", rest[0])
		}
		if err != nil {
			return err
		}
	}
	return r.Afflict(name, f)
}

// doSettings sets how a machine is, by pairs of words.
func (r *Room) doSettings(name string, words []string) error {
	m := r.machineByName[name]
	if m == nil {
		return fmt.Errorf("sim: there is no machine %q", name)
	}
	r.mu.Lock()
	d := m.draw
	r.mu.Unlock()
	pace := map[string]time.Duration{"boot": -1, "halt": -1}
	watts := map[string]*float64{"watts": &d.Run, "standby": &d.Standby, "inrush": &d.Boot, "noise": &d.Noise}
	for ; len(words) > 0; words = words[2:] {
		if len(words) == 1 {
			return fmt.Errorf("machine %s: %q needs a value, or is nothing that a machine has", name, words[0])
		}
		var err error
		if to := watts[words[0]]; to != nil {
			*to, err = strconv.ParseFloat(words[1], 64)
		} else if _, known := pace[words[0]]; !known {
			return fmt.Errorf("machine %s: there is nothing like %q", name, words[0])
		} else if pace[words[0]], err = time.ParseDuration(words[1]); err == nil && pace[words[0]] < 0 {
			err = fmt.Errorf("%s is less than no time", words[1])
		}
		if err != nil {
			return fmt.Errorf("machine %s: %s: %w", name, words[0], err)
		}
	}
	if err := r.SetDraw(name, d); err != nil {
		return err
	}
	return r.Pace(name, pace["boot"], pace["halt"])
}

func (m *MachineReport) print(w io.Writer) {
	state := m.State.String()
	switch {
	case m.Halting:
		state = "halting"
	case m.State == Off && m.Powered && m.Inlets > 0:
		state = "halted"
	case m.State == Up && !m.Well:
		state = "up, sick"
	}
	fmt.Fprintf(w, "machine %s: %s, %d of %d cords live, %.0f W", m.Name, state, m.Live, m.Inlets, m.Watts)
	for _, f := range m.Faults {
		fmt.Fprintf(w, ", %v", f)
	}
	fmt.Fprintln(w)
}

func (r *Room) showCounts(out io.Writer) error {
	w := bufio.NewWriter(out)
	for _, m := range r.Snapshot().Machines {
		c := m.Counts
		fmt.Fprintf(w, "machine %s: power on %d, power off %d, starts %d, resets %d, halts %d, cuts %d\n",
			m.Name, c.PowerOns, c.PowerOffs, c.Starts, c.Resets, c.Halts, c.Cuts)
	}
	return w.Flush()
}
