package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// controlHelp is the whole control protocol. A request is one line; the answer
// is any number of lines, then "ok" or "error: TEXT".
const controlHelp = `show [PDU]                    how things truly are
history                       what happened, oldest first
fault PDU[/OUTLET] KIND [after LINES] [delay DURATION]
                              KIND of a PDU: refuse hang garbage half drop slow trickle badlogin busy
                              KIND of an outlet, or of all: lie stuck error
heal PDU[/OUTLET] | all       take the faults away
feed NAME on|off              a circuit fails or comes back
turn PDU/OUTLET on|off        move a relay by hand
press MACHINE                 push a machine's button
swap PDU/OUTLET PDU/OUTLET    exchange what hangs on two outlets, as by mistake
machine NAMES SETTING VALUE…  how machines are (a host list): boot and halt (times they take),
                              watts, standby, inrush (watts), noise (a part of the watts)
machine NAMES FAULT [times N] [for DURATION]
                              sick: the health check fails; wedged: it never ends to halt;
                              dead: it never comes up; late: it boots so much longer.
                              N boots (halts), or all of them until it is well again
machine NAMES well            take the faults away
counts                        what has happened to each machine, and how often
help                          this
`

// Do carries out one line of the control protocol and writes to out what it
// shows, without the final "ok" or "error:" line: that is the returned error.
func (r *Room) Do(line string, out io.Writer) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	verb, args := words[0], words[1:]
	switch {
	case verb == "help":
		_, err := io.WriteString(out, controlHelp)
		return err
	case verb == "show" && len(args) <= 1:
		return r.show(out, args)
	case verb == "history" && len(args) == 0:
		return r.showHistory(out)
	case verb == "fault" && len(args) >= 2:
		return r.doFault(args)
	case verb == "heal" && len(args) == 1:
		return r.doHeal(args[0])
	case verb == "press" && len(args) == 1:
		return r.Press(args[0])
	case verb == "swap" && len(args) == 2:
		pdu, plug := splitTarget(args[0])
		other, otherPlug := splitTarget(args[1])
		return r.Swap(pdu, plug, other, otherPlug)
	case verb == "machine" && len(args) >= 2:
		return r.doMachines(args[0], args[1:])
	case verb == "counts" && len(args) == 0:
		return r.showCounts(out)
	case verb == "feed" && len(args) == 2:
		on, err := onOff(args[1])
		if err != nil {
			return err
		}
		return r.SetFeed(args[0], on)
	case verb == "turn" && len(args) == 2:
		on, err := onOff(args[1])
		if err != nil {
			return err
		}
		pdu, plug := splitTarget(args[0])
		return r.Turn(pdu, plug, on)
	}
	return fmt.Errorf("%q is not understood; try help", line)
}

func onOff(word string) (bool, error) {
	if word != "on" && word != "off" {
		return false, fmt.Errorf("%q is neither on nor off", word)
	}
	return word == "on", nil
}

func splitTarget(target string) (pdu, plug string) {
	pdu, plug, _ = strings.Cut(target, "/")
	return pdu, plug
}

func (r *Room) doFault(args []string) error {
	pdu, plug := splitTarget(args[0])
	f := Fault{Kind: FaultKind(args[1]), Plug: plug}
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) == 1 {
			return fmt.Errorf("%q needs a value", rest[0])
		}
		var err error
		switch rest[0] {
		case "after":
			f.After, err = strconv.Atoi(rest[1])
		case "delay":
			f.Delay, err = time.ParseDuration(rest[1])
		default:
			err = fmt.Errorf("%q is neither after nor delay", rest[0])
		}
		if err != nil {
			return err
		}
	}
	return r.Break(pdu, f)
}

func (r *Room) doHeal(target string) error {
	if target != "all" {
		return r.Heal(splitTarget(target))
	}
	var errs []error
	for _, u := range r.units {
		errs = append(errs, r.Heal(u.name, ""))
	}
	for _, m := range r.machines {
		if len(m.report().Faults) > 0 {
			errs = append(errs, r.Cure(m.name))
		}
	}
	return errors.Join(errs...)
}

func (r *Room) show(out io.Writer, only []string) error {
	s := r.Snapshot()
	w := bufio.NewWriter(out)
	if len(only) == 1 {
		if r.unitByName[only[0]] == nil {
			return fmt.Errorf("sim: there is no PDU %q", only[0])
		}
		for i := range s.PDUs {
			if s.PDUs[i].Name == only[0] {
				s.PDUs[i].print(w)
				s.PDUs[i].printOutlets(w)
			}
		}
		return w.Flush()
	}
	for _, f := range s.Feeds {
		fmt.Fprintf(w, "feed %s: %s\n", f.Name, map[bool]string{true: "live", false: "dead"}[f.Live])
	}
	for i := range s.PDUs {
		s.PDUs[i].print(w)
	}
	for _, m := range s.Machines {
		m.print(w)
	}
	return w.Flush()
}

func (p *PDUState) print(w io.Writer) {
	on := 0
	for i := range p.Outlets {
		if p.Outlets[i].On {
			on++
		}
	}
	fmt.Fprintf(w, "pdu %s: %s at %s, %d of %d outlets on, %d connections, %d lines typed", p.Name, p.Style, p.Address, on, len(p.Outlets), p.Connections, p.Commands)
	if !p.Reachable {
		fmt.Fprint(w, ", unreachable")
	}
	for _, f := range p.Faults {
		fmt.Fprintf(w, ", %v", f)
	}
	fmt.Fprintln(w)
}

func (p *PDUState) printOutlets(w io.Writer) {
	word := map[bool]string{true: "on", false: "off"}
	for _, o := range p.Outlets {
		fmt.Fprintf(w, "outlet %s: %s", o.Name, word[o.On])
		if o.Says != o.On {
			fmt.Fprintf(w, ", says %s", word[o.Says])
		}
		for _, f := range o.Faults {
			fmt.Fprintf(w, ", %s", f)
		}
		fmt.Fprintln(w)
	}
}

func (r *Room) showHistory(out io.Writer) error {
	w := bufio.NewWriter(out)
	for _, h := range r.History() {
		fmt.Fprintf(w, "%s %v\n", h.At.Format(time.RFC3339Nano), h)
	}
	return w.Flush()
}

// maxControl is how many may hold a control connection at once; more wait.
const maxControl = 16

// ServeControl answers the control protocol on a listener until ctx ends, closes
// the listener and returns when all connections are done. Whoever reaches the
// listener commands the room: use a unix socket or the loopback address. The
// error is nil if ctx was the reason.
func (r *Room) ServeControl(ctx context.Context, ln net.Listener) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	defer ln.Close()
	places := make(chan struct{}, maxControl)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("sim: control: %w", err)
		}
		tasks.Go(func() {
			defer func() { <-places }()
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			r.control(conn)
		})
	}
}

// control serves one connection. A line of more than 64 KiB ends it.
func (r *Room) control(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	w := bufio.NewWriter(conn)
	for lines.Scan() {
		if err := r.Do(lines.Text(), w); err != nil {
			fmt.Fprintf(w, "error: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		} else {
			fmt.Fprintln(w, "ok")
		}
		if w.Flush() != nil {
			return
		}
	}
}
