package powerman

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/hostlist"
)

// maxNames bounds how many names a [Client] makes of one reply: a few bytes
// such as n[0-9999999] must not fill the memory of the one who asked.
const maxNames = 1 << 20

// SetExprange switches host range expansion on or off.
func (c *Client) SetExprange(ctx context.Context, on bool) error {
	return c.toggle(ctx, CmdExprange, &c.exprange, on)
}

// SetTelemetry switches telemetry (305 lines) on or off.
func (c *Client) SetTelemetry(ctx context.Context, on bool) error {
	return c.toggle(ctx, CmdTelemetry, &c.telemetry, on)
}

func (c *Client) toggle(ctx context.Context, cmd Command, is *bool, want bool) error {
	if *is == want {
		return nil
	}
	last, err := c.Do(ctx, Request{Command: cmd}, nil)
	if err == nil {
		err = last.Err()
	}
	if err == nil && *is != want {
		err = fmt.Errorf("%w: %s is still %v", ErrUnexpected, cmd, *is)
	}
	return err
}

// On, Off, Cycle and Reset switch the targets, a host list. A 2xx reply gives
// a [*ReplyError]; then, and only then, the lines tell which device (308) or
// node (309) failed and why.
func (c *Client) On(ctx context.Context, targets string) ([]Line, error) {
	return c.power(ctx, CmdOn, targets)
}

// Off cuts the power of the targets; see [Client.On].
func (c *Client) Off(ctx context.Context, targets string) ([]Line, error) {
	return c.power(ctx, CmdOff, targets)
}

// Cycle cuts the power of the targets and gives it back; see [Client.On].
func (c *Client) Cycle(ctx context.Context, targets string) ([]Line, error) {
	return c.power(ctx, CmdCycle, targets)
}

// Reset asserts hardware reset of the targets; see [Client.On].
func (c *Client) Reset(ctx context.Context, targets string) ([]Line, error) {
	return c.power(ctx, CmdReset, targets)
}

func (c *Client) power(ctx context.Context, cmd Command, targets string) ([]Line, error) {
	var failures []Line
	err := c.ask(ctx, Request{Command: cmd, Targets: targets}, func(l Line) error {
		if l.Code == CodeDeviceError || l.Code == CodeDiagnostic {
			failures = append(failures, l)
		}
		return nil
	})
	return failures, err
}

// Nodes returns the names of all nodes, in the server's order (sorted).
func (c *Client) Nodes(ctx context.Context) ([]string, error) {
	var names []string
	err := c.ask(ctx, Request{Command: CmdNodes}, func(l Line) (err error) {
		switch l.Code {
		case CodeNodes:
			names, err = appendNames(names, l.Text)
		case CodeNode:
			if len(names) >= maxNames {
				return fmt.Errorf("%w: more than %d names", ErrUnexpected, maxNames)
			}
			names = append(names, l.Text)
		}
		return err
	})
	return names, err
}

// Status reads the power state of the targets, all if empty. With exprange off
// the order is on, off, unknown; with it on, the order of the targets. If some
// could not be read, the error is a [*ReplyError] with [CodeQueryErrors] and
// the results are there all the same.
func (c *Client) Status(ctx context.Context, targets string) ([]Result, error) {
	return c.states(ctx, CmdStatus, targets)
}

// Beacon reads the locator light of the targets as [Client.Status] reads power.
func (c *Client) Beacon(ctx context.Context, targets string) ([]Result, error) {
	return c.states(ctx, CmdBeacon, targets)
}

func (c *Client) states(ctx context.Context, cmd Command, targets string) ([]Result, error) {
	var results []Result
	err := c.ask(ctx, Request{Command: cmd, Targets: targets}, func(l Line) error {
		if l.Code != CodeStates && l.Code != CodeValue {
			return nil
		}
		left, right, ok := strings.Cut(l.Text, ":")
		right = strings.TrimLeft(right, " ")
		if !ok {
			return fmt.Errorf("%w: %q", ErrUnexpected, clip(l.Text))
		}
		names, word := []string{left}, right
		if l.Code == CodeStates {
			var err error
			if names, err = appendNames(nil, right); err != nil {
				return err
			}
			word = left
		}
		state, ok := ParseState(word)
		if !ok || len(results)+len(names) > maxNames {
			return fmt.Errorf("%w: %q", ErrUnexpected, clip(l.Text))
		}
		for _, name := range names {
			results = append(results, Result{Node: name, State: state})
		}
		return nil
	})
	return results, err
}

// Temp reads the temperature of the targets, all if empty, as the devices
// report it. Nodes without a value have an empty one and come last.
func (c *Client) Temp(ctx context.Context, targets string) ([]Result, error) {
	var results []Result
	err := c.ask(ctx, Request{Command: CmdTemp, Targets: targets}, func(l Line) error {
		if l.Code != CodeValue {
			return nil
		}
		name, value, ok := strings.Cut(l.Text, ": ")
		switch {
		case !ok:
			return fmt.Errorf("%w: %q", ErrUnexpected, clip(l.Text))
		case value == "(null)": // a powermand; it names the node again in its last line
			return nil
		case value != Unknown.String():
			results = append(results, Result{Node: name, Value: value})
			return nil
		}
		names, err := appendNames(nil, name)
		for _, name := range names {
			results = append(results, Result{Node: name})
		}
		return err
	})
	return results, err
}

// Devices returns the devices that have a targeted node, all for no targets.
func (c *Client) Devices(ctx context.Context, targets string) ([]DeviceInfo, error) {
	var devices []DeviceInfo
	err := c.ask(ctx, Request{Command: CmdDevice, Targets: targets}, func(l Line) error {
		if l.Code != CodeDevice {
			return nil
		}
		d, err := ParseDevice(l.Text)
		devices = append(devices, d)
		return err
	})
	return devices, err
}

// ask is Do with a callback that may fail and a 2xx reply as an error. The
// reply is read to its end in any case, so that the client stays usable.
func (c *Client) ask(ctx context.Context, req Request, each func(Line) error) error {
	var bad error
	last, err := c.Do(ctx, req, func(l Line) {
		if bad == nil {
			bad = each(l)
		}
	})
	switch {
	case err != nil:
		return err
	case bad != nil:
		return fmt.Errorf("%s on powerman server: %w", req.Command, bad)
	}
	return last.Err()
}

func appendNames(names []string, list string) ([]string, error) {
	l, err := hostlist.Parse(list)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnexpected, err)
	}
	for name := range l.All() {
		if len(names) >= maxNames {
			return nil, fmt.Errorf("%w: more than %d names", ErrUnexpected, maxNames)
		}
		names = append(names, name)
	}
	return names, nil
}
