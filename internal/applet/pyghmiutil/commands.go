package pyghmiutil

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/oem"
)

// waits is how long a change of power is waited for.
const waits = 5 * time.Minute

// command does something with one machine.
type command func(ctx context.Context, h *host.Host, say *teller) error

// teller writes what there is to say of one BMC.
type teller struct {
	out  io.Writer
	name string
	many bool // of several
}

// text writes a line that names the BMC.
func (t *teller) text(s string) { fmt.Fprintf(t.out, "%s: %s\n", t.name, s) }

// value writes a line of JSON, behind the BMC's name if there are several.
func (t *teller) value(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if t.many {
		fmt.Fprintf(t.out, "%s: ", t.name)
	}
	fmt.Fprintf(t.out, "%s\n", b)
	return nil
}

// commandOf gives a command by its name.
func commandOf(name string, args []string) (command, error) {
	plain := map[string]command{"sensors": sensors, "health": health, "inventory": inventory, "leds": leds, "graphical": graphical, "net": network}
	most, takes := map[string]int{"power": 1, "bootdev": 1, "raw": 1 << 10}[name]
	switch {
	case plain[name] != nil && len(args) == 0:
		return plain[name], nil
	case plain[name] == nil && !takes:
		return nil, fmt.Errorf("there is no command %q", name)
	case len(args) > most:
		return nil, fmt.Errorf("%s does not take %q", name, args[most])
	case name == "raw":
		return raw(args)
	case len(args) == 0:
		return map[string]command{"power": power, "bootdev": bootdev}[name], nil
	case name == "power":
		return setPower(args[0])
	}
	return setBootdev(args[0])
}

func power(ctx context.Context, h *host.Host, say *teller) error {
	on, err := h.GetPower(ctx)
	if err == nil {
		say.text(map[bool]string{false: "off", true: "on"}[on])
	}
	return err
}

func setPower(word string) (command, error) {
	verbs := []string{"on", "off", "reset", "cycle", "diag", "soft", "softoff", "shutdown", "boot"}
	if !slices.Contains(verbs, word) {
		return nil, fmt.Errorf("power: %q is none of %s", word, strings.Join(verbs, ", "))
	}
	return func(ctx context.Context, h *host.Host, say *teller) error {
		if err := h.SetPower(ctx, host.Verb(word), waits); err != nil {
			return err
		}
		state := word
		switch word {
		case "boot":
			state = "on"
		case "soft", "softoff", "shutdown":
			state = "off"
		}
		return say.value(map[string]string{"powerstate": state})
	}, nil
}

func bootdev(ctx context.Context, h *host.Host, say *teller) error {
	b, err := h.GetBoot(ctx)
	if err != nil {
		return err
	}
	if !b.Valid {
		b.Device = chassis.NoOverride
	}
	return say.value(map[string]any{"bootdev": b.Device.String(), "persistent": b.Persistent, "uefimode": b.EFI})
}

func setBootdev(word string) (command, error) {
	device, err := chassis.ParseDevice(word)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, h *host.Host, say *teller) error {
		if err := h.SetBoot(ctx, device, false, false); err != nil {
			return err
		}
		return say.value(map[string]string{"bootdev": word})
	}, nil
}

func sensors(ctx context.Context, h *host.Host, say *teller) error {
	list, err := h.Sensors(ctx)
	for i := range list {
		err = errors.Join(err, say.value(&list[i]))
	}
	return err
}

func health(ctx context.Context, h *host.Host, say *teller) error {
	all, err := h.Health(ctx)
	if err != nil {
		return err
	}
	say.text(all.Worst.String())
	for i := range all.Bad {
		err = errors.Join(err, say.value(&all.Bad[i]))
	}
	return err
}

func inventory(ctx context.Context, h *host.Host, say *teller) error {
	parts, err := h.Inventory(ctx)
	for _, p := range parts {
		out := map[string]string{"name": p.Name}
		for _, f := range p.Fields {
			out[f.Name] = f.Text
		}
		if p.Err != nil {
			out["error"] = p.Err.Error()
		}
		err = errors.Join(err, say.value(out))
	}
	return err
}

// unlessUnsupported lets a machine whose maker has nothing of the kind say nothing.
func unlessUnsupported(err error) error {
	var unsupported *oem.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil
	}
	return err
}

func leds(ctx context.Context, h *host.Host, say *teller) error {
	list, err := h.LEDs(ctx)
	for _, l := range list {
		err = errors.Join(err, say.value(map[string]string{"name": l.Name, "state": l.State}))
	}
	return unlessUnsupported(err)
}

func graphical(ctx context.Context, h *host.Host, say *teller) error {
	video, err := h.Video(ctx)
	if err != nil {
		return unlessUnsupported(err)
	}
	mime, data, err := video.VideoLaunch(ctx)
	if err != nil {
		return unlessUnsupported(err)
	}
	return say.value(map[string]string{"type": mime, "data": string(data)})
}

func network(ctx context.Context, h *host.Host, say *teller) error {
	n, err := h.Network(ctx, channel.Present)
	if err != nil {
		return err
	}
	out := map[string]any{"channel": n.Channel, "ipv4_configuration": n.Source.String(), "mac_address": n.MAC.String(), "ipv4_address": nil, "ipv4_gateway": nil, "ipv4_backup_gateway": nil}
	if n.Address.IsValid() {
		out["ipv4_address"] = n.Address.String()
	}
	if n.Gateway.IsValid() {
		out["ipv4_gateway"], out["ipv4_gateway_mac"] = n.Gateway.String(), n.GatewayMAC.String()
	}
	if n.BackupGateway.IsValid() {
		out["ipv4_backup_gateway"], out["ipv4_backup_gateway_mac"] = n.BackupGateway.String(), n.BackupGatewayMAC.String()
	}
	return say.value(out)
}

func raw(args []string) (command, error) {
	if len(args) < 2 {
		return nil, errors.New("raw needs a network function and a command")
	}
	fn, badFn := strconv.ParseUint(args[0], 10, 6)
	cmd, badCmd := strconv.ParseUint(args[1], 10, 8)
	data, badData := hex.DecodeString(pairs(args[2:]))
	if err := errors.Join(badFn, badCmd, badData); err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	return func(ctx context.Context, h *host.Host, say *teller) error {
		answer, err := h.Raw(ctx, ipmi.Request{NetFn: ipmi.NetFn(fn), Cmd: uint8(cmd), Data: data, Once: true})
		var code *ipmi.CodeError
		out := map[string]any{"netfn": fn | 1, "command": cmd, "code": 0, "data": hex.EncodeToString(answer)}
		if errors.As(err, &code) {
			out["code"], out["data"] = uint8(code.Code), hex.EncodeToString(code.Data)
		} else if err != nil {
			return err
		}
		return errors.Join(say.value(out), err)
	}, nil
}

// pairs joins bytes that may be written with one digit, or with 0x.
func pairs(words []string) string {
	var b strings.Builder
	for _, w := range words {
		w = strings.TrimPrefix(w, "0x")
		if len(w)%2 == 1 {
			b.WriteByte('0')
		}
		b.WriteString(w)
	}
	return b.String()
}
