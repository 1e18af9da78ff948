package fru

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/spd"
)

// Device is where an inventory is kept: a number that a controller gives it.
type Device struct {
	ID     uint8
	LUN    uint8
	Bridge []ipmi.Hop // the way to the controller, if it is not the BMC
}

func (d Device) String() string {
	if len(d.Bridge) == 0 {
		return fmt.Sprintf("FRU %d", d.ID)
	}
	return fmt.Sprintf("FRU %d of controller %02x", d.ID, d.Bridge[len(d.Bridge)-1].Address)
}

func (d Device) request(cmd uint8, data []byte) ipmi.Request {
	return ipmi.Request{NetFn: ipmi.NetFnStorage, Cmd: cmd, LUN: d.LUN, Bridge: d.Bridge, Data: data}
}

// ErrAbsent says that there is no such device, or none at present.
var ErrAbsent = errors.New("there is no such inventory")

// GetInfo asks how large a device's memory is.
func GetInfo(ctx context.Context, d ipmi.Doer, dev Device) (Info, error) {
	info, err := ipmi.Ask(ctx, d, "read the size of "+dev.String(), dev.request(CmdInfo, []byte{dev.ID}), ParseInfo)
	for _, c := range []ipmi.Code{ipmi.CodeTimeout, ipmi.CodeOutOfRange, ipmi.CodeNotPresent, CodeBusy} {
		if errors.Is(err, c) {
			return info, fmt.Errorf("%w: %w", ErrAbsent, err)
		}
	}
	return info, err
}

// Options say how a device's memory is read. The zero value suits every BMC.
type Options struct {
	// Ahead is how many pieces are asked for at once. 0 stands for 4, 1 for one after
	// another. A session that must not have that many requests under way holds them back.
	Ahead int
	// Piece is how many bytes are asked for at first, fewer if they are refused. 0 stands for 224.
	Piece int
}

// Read reads and parses the inventory of a device, and no more of its memory than the inventory
// takes. If the device fails on the way, what came before comes with the error.
func Read(ctx context.Context, d ipmi.Doer, dev Device, o Options) (Inventory, error) {
	r, err := open(ctx, d, dev, o)
	if err != nil {
		return Inventory{}, err
	}
	for err == nil && extent(r.have, r.size) > len(r.have) {
		err = r.upTo(ctx, extent(r.have, r.size))
	}
	if err != nil && len(r.have) < headerSize {
		return Inventory{}, err
	}
	i, parseErr := Parse(r.have)
	if parseErr != nil {
		parseErr = fmt.Errorf("%s: %w", dev, parseErr)
	}
	return i, errors.Join(err, parseErr)
}

// ReadImage reads all of a device's memory. If it fails on the way, what came before
// comes with the error.
func ReadImage(ctx context.Context, d ipmi.Doer, dev Device, o Options) ([]byte, error) {
	r, err := open(ctx, d, dev, o)
	if err != nil {
		return nil, err
	}
	err = r.upTo(ctx, r.size)
	return r.have, err
}

// Unit is one device of a machine, and what its sensor record says of it.
type Unit struct {
	Device Device
	Name   string
	Module bool // it is a memory module, whose memory holds SPD data and no inventory
}

// Found is what was read of a unit. With an error there may be something nevertheless.
type Found struct {
	Unit      Unit
	Inventory Inventory   // unless Unit.Module
	Module    *spd.Module // if Unit.Module
	Err       error
}

// ReadAll reads units one after another. One that fails keeps its error to itself. It ends early
// only with ctx.
func ReadAll(ctx context.Context, d ipmi.Doer, units []Unit, o Options) []Found {
	out := make([]Found, len(units))
	for n, u := range units {
		out[n].Unit = u
		if err := ctx.Err(); err != nil {
			out[n].Err = context.Cause(ctx)
			continue
		}
		if !u.Module {
			out[n].Inventory, out[n].Err = Read(ctx, d, u.Device, o)
			continue
		}
		image, err := ReadImage(ctx, d, u.Device, o)
		if m, parseErr := spd.Parse(image); parseErr == nil {
			out[n].Module, out[n].Err = &m, err
		} else if out[n].Err = err; err == nil {
			out[n].Err = fmt.Errorf("%s: %w", u.Device, parseErr)
		}
	}
	return out
}

// Holds says what a device with a locator record of this type and modifier holds
// (table 43-12): an inventory, or a memory module's SPD data, or neither that can be read.
func Holds(deviceType, modifier uint8) (inventory, module bool) {
	if deviceType < 0x08 || deviceType > 0x10 {
		return false, false
	}
	return modifier == 0 || modifier == 2, modifier == 1
}

// extent gives how much of a memory of size bytes is needed to know more of an inventory of which
// have is the beginning: no more than len(have) if it is all there.
func extent(have []byte, size int) int {
	if len(have) < headerSize {
		return min(headerSize, size)
	}
	if have[0]&0x0f != version {
		return len(have)
	}
	need := headerSize
	for kind := range areas {
		at := int(have[1+kind]) * unit
		if at == 0 || at >= size {
			continue
		}
		end := at + 2
		switch {
		case kind == internalArea:
			end = following(have, at, size) // its length is not told
		case kind == recordArea:
			end = recordsExtent(have, at)
		case len(have) > at+1 && have[at+1] > 0:
			end = at + int(have[at+1])*unit
		case len(have) > at+1:
			end = at + maxUnits // says no length: it should be there
		}
		need = max(need, end)
	}
	return min(need, size)
}

// recordsExtent follows the records that are there.
func recordsExtent(have []byte, at int) int {
	for at+recordHeader <= len(have) {
		h := have[at:]
		if h[1]&0x80 != 0 || h[1]&0x0f != recordFormat {
			return at + recordHeader + int(h[2])
		}
		at += recordHeader + int(h[2])
	}
	return at + recordHeader
}

// reader reads a device's memory from its start.
type reader struct {
	d    ipmi.Doer
	dev  Device
	size int // bytes
	word int // bytes in a unit of access
	o    Options
	mu   sync.Mutex
	most int // bytes asked for at once
	have []byte
}

func open(ctx context.Context, d ipmi.Doer, dev Device, o Options) (*reader, error) {
	info, err := GetInfo(ctx, d, dev)
	if err != nil {
		return nil, err
	}
	r := &reader{d: d, dev: dev, size: int(info.Size), word: 1, o: o, most: 224}
	if info.Words {
		r.word = 2
		r.size &^= 1 // no unit goes on after the end
	}
	if r.size == 0 {
		return nil, fmt.Errorf("%s has no bytes: %w", dev, ErrBlank)
	}
	if o.Piece > 0 {
		r.most = max(r.word, min(o.Piece, 255)&^(r.word-1))
	}
	if r.o.Ahead == 0 {
		r.o.Ahead = 4
	}
	return r, nil
}
