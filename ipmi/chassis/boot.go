package chassis

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// BootOption is a parameter of the system boot options (section 28.13, table 28-14).
type BootOption uint8

// The parameters.
const (
	BootSetInProgress BootOption = 0
	BootServiceSelect BootOption = 1 // service partition selector
	BootServiceScan   BootOption = 2
	BootValidClearing BootOption = 3 // see [KeepFlags]
	BootInfoAck       BootOption = 4
	BootFlags         BootOption = 5
	BootInitiatorInfo BootOption = 6
	BootMailbox       BootOption = 7 // blocks of 16 bytes
)

func (o BootOption) what(verb string) string {
	names := [...]string{
		"set in progress", "service partition selector", "service partition scan", "valid bit clearing",
		"boot info acknowledge", "boot flags", "boot initiator info", "boot initiator mailbox",
	}
	if int(o) < len(names) {
		return verb + " the boot options: " + names[o]
	}
	return fmt.Sprintf("%s boot option %d", verb, uint8(o))
}

// BootQuery is the request of Get System Boot Options (section 28.13).
type BootQuery struct {
	Option     BootOption
	Set, Block uint8
}

// ParseBootQuery reads the request.
func ParseBootQuery(b []byte) (BootQuery, error) {
	if err := ipmi.Short("boot option query", b, 3); err != nil {
		return BootQuery{}, err
	}
	return BootQuery{BootOption(b[0] & 0x7f), b[1], b[2]}, nil
}

// Append adds the request to b.
func (q BootQuery) Append(b []byte) []byte { return append(b, byte(q.Option)&0x7f, q.Set, q.Block) }

// BootAnswer is the answer of Get System Boot Options.
type BootAnswer struct {
	Version uint8 // of the parameters, 1
	Option  BootOption
	Invalid bool // locked by somebody, or not valid
	Data    []byte
}

// ParseBootAnswer reads the answer.
func ParseBootAnswer(b []byte) (BootAnswer, error) {
	if err := ipmi.Short("boot option", b, 2); err != nil {
		return BootAnswer{}, err
	}
	return BootAnswer{
		Version: b[0] & 0x0f, Option: BootOption(b[1] & 0x7f), Invalid: b[1]&0x80 != 0,
		Data: append([]byte(nil), b[2:]...),
	}, nil
}

// Append adds the answer to b.
func (a BootAnswer) Append(b []byte) []byte {
	b = append(b, a.Version&0x0f, byte(a.Option)&0x7f|flag(a.Invalid, 0x80))
	return append(b, a.Data...)
}

// BootSetting is the request of Set System Boot Options (section 28.12). Without data only
// the validity is set.
type BootSetting struct {
	Option  BootOption
	Invalid bool // marks the parameter as locked
	Data    []byte
}

// ParseBootSetting reads the request.
func ParseBootSetting(b []byte) (BootSetting, error) {
	if err := ipmi.Short("boot option setting", b, 1); err != nil {
		return BootSetting{}, err
	}
	return BootSetting{BootOption(b[0] & 0x7f), b[0]&0x80 != 0, append([]byte(nil), b[1:]...)}, nil
}

// Append adds the request to b.
func (s BootSetting) Append(b []byte) []byte {
	return append(append(b, byte(s.Option)&0x7f|flag(s.Invalid, 0x80)), s.Data...)
}

// GetBootOption reads one parameter.
func GetBootOption(ctx context.Context, d ipmi.Doer, q BootQuery) (BootAnswer, error) {
	return ipmi.Ask(ctx, d, q.Option.what("read"),
		ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdGetBootOption, Data: q.Append(nil)}, ParseBootAnswer)
}

// SetBootOption writes one parameter.
func SetBootOption(ctx context.Context, d ipmi.Doer, s BootSetting) error {
	return ipmi.Tell(ctx, d, s.Option.what("set"),
		ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdSetBootOption, Data: s.Append(nil)})
}

// KeepFlags are the events by which a BMC does not forget the boot flags, which else it
// forgets when they were not used within 60 s: the data of parameter 3.
type KeepFlags uint8

// The bits of KeepFlags.
const (
	KeepOnPowerButton   KeepFlags = 1 << iota // a power-up by the push-button or a wake-up
	KeepOnResetButton                         // a reset by the push-button
	KeepOnWatchdog                            // a reset by the watchdog
	KeepOnTimeout                             // a Chassis Control that does not come within 60 s
	KeepOnPEF                                 // a reset or a power cycle by PEF
	KeepThroughAnything KeepFlags = 0x1f
)

// Device is what a machine starts from.
type Device uint8

// The devices (table 28-14, parameter 5).
const (
	NoOverride    Device = 0x0 // as the machine's own settings say
	PXE           Device = 0x1
	Disk          Device = 0x2
	DiskSafeMode  Device = 0x3
	DiagPartition Device = 0x4
	CDROM         Device = 0x5
	Setup         Device = 0x6 // the firmware's set-up
	RemoteFloppy  Device = 0x7
	RemoteCDROM   Device = 0x8
	RemoteMedia   Device = 0x9
	RemoteDisk    Device = 0xb
	FloppyOrUSB   Device = 0xf // the first removable device
)

// String gives the name by which [ParseDevice] knows the device.
func (d Device) String() string {
	switch d {
	case NoOverride:
		return "default"
	case PXE:
		return "network"
	case Disk:
		return "hd"
	case DiskSafeMode:
		return "safe"
	case DiagPartition:
		return "diag"
	case CDROM:
		return "optical"
	case Setup:
		return "setup"
	case RemoteFloppy:
		return "remote-floppy"
	case RemoteCDROM:
		return "remote-optical"
	case RemoteMedia:
		return "remote-media"
	case RemoteDisk:
		return "remote-hd"
	case FloppyOrUSB:
		return "floppy"
	}
	return fmt.Sprintf("device %x", uint8(d))
}

// ParseDevice gives the device of a name, and of the other names that people use for it.
func ParseDevice(name string) (Device, error) {
	switch name {
	case "network", "net", "pxe":
		return PXE, nil
	case "hd", "disk":
		return Disk, nil
	case "safe":
		return DiskSafeMode, nil
	case "diag":
		return DiagPartition, nil
	case "optical", "cd", "cdrom", "dvd":
		return CDROM, nil
	case "setup", "bios", "f1":
		return Setup, nil
	case "floppy", "usb":
		return FloppyOrUSB, nil
	case "remote-floppy":
		return RemoteFloppy, nil
	case "remote-optical":
		return RemoteCDROM, nil
	case "remote-media":
		return RemoteMedia, nil
	case "remote-hd":
		return RemoteDisk, nil
	case "default", "none":
		return NoOverride, nil
	}
	return 0, fmt.Errorf("no boot device %q: it is one of network, hd, safe, diag, optical, setup, floppy, remote-floppy, remote-optical, remote-media, remote-hd or default", name)
}

// Boot is the boot flags: the data of parameter 5.
type Boot struct {
	Valid      bool
	Persistent bool // for all starts; else for the next one
	EFI        bool // else the BIOS of old
	Device     Device
	Instance   uint8 // 0 to 31; which of several such devices, 0 for any

	ClearCMOS       bool
	LockKeyboard    bool
	BlankScreen     bool
	LockReset       bool
	LockPower       bool
	LockSleep       bool
	Verbosity       uint8 // 0 default, 1 quiet, 2 verbose
	ForceTraps      bool  // progress is told by PETs
	BypassPassword  bool
	Redirection     uint8 // of the console: 0 as set up, 1 suppressed, 2 enabled
	SharedMode      bool
	SerialMux       uint8 // 0 to 7, override of the serial multiplexer
	otherInSelector uint8 // bits 7..5 of the last byte, kept
}

// ParseBoot reads the data of parameter 5. It has 5 bytes; fewer are taken, as several
// BMCs leave out what they do not know.
func ParseBoot(b []byte) (Boot, error) {
	if err := ipmi.Short("boot flags", b, 2); err != nil {
		return Boot{}, err
	}
	f := Boot{
		Valid: b[0]&0x80 != 0, Persistent: b[0]&0x40 != 0, EFI: b[0]&0x20 != 0,
		ClearCMOS: b[1]&0x80 != 0, LockKeyboard: b[1]&0x40 != 0, Device: Device(b[1] >> 2 & 0x0f),
		BlankScreen: b[1]&0x02 != 0, LockReset: b[1]&0x01 != 0,
	}
	if len(b) > 2 {
		f.LockPower, f.Verbosity = b[2]&0x80 != 0, b[2]>>5&0x03
		f.ForceTraps, f.BypassPassword = b[2]&0x10 != 0, b[2]&0x08 != 0
		f.LockSleep, f.Redirection = b[2]&0x04 != 0, b[2]&0x03
	}
	if len(b) > 3 {
		f.SharedMode, f.SerialMux = b[3]&0x08 != 0, b[3]&0x07
	}
	if len(b) > 4 {
		f.Instance, f.otherInSelector = b[4]&0x1f, b[4]&0xe0
	}
	return f, nil
}

// Append adds the data to b, 5 bytes.
func (f Boot) Append(b []byte) []byte {
	return append(b,
		flag(f.Valid, 0x80)|flag(f.Persistent, 0x40)|flag(f.EFI, 0x20),
		flag(f.ClearCMOS, 0x80)|flag(f.LockKeyboard, 0x40)|byte(f.Device)&0x0f<<2|flag(f.BlankScreen, 0x02)|flag(f.LockReset, 0x01),
		flag(f.LockPower, 0x80)|f.Verbosity&0x03<<5|flag(f.ForceTraps, 0x10)|flag(f.BypassPassword, 0x08)|flag(f.LockSleep, 0x04)|f.Redirection&0x03,
		flag(f.SharedMode, 0x08)|f.SerialMux&0x07,
		f.Instance&0x1f|f.otherInSelector)
}

// GetBoot reads the boot flags. Flags that are marked invalid, or not valid, come
// back as they would work: as none.
func GetBoot(ctx context.Context, d ipmi.Doer) (Boot, error) {
	a, err := GetBootOption(ctx, d, BootQuery{Option: BootFlags})
	if err != nil {
		return Boot{}, err
	}
	f, err := ParseBoot(a.Data)
	if err != nil {
		return Boot{}, fmt.Errorf("%s: %w", BootFlags.what("read"), err)
	}
	if a.Invalid || !f.Valid {
		return Boot{}, nil
	}
	return f, nil
}

// SetBoot sets what the machine starts from: it first asks the BMC not to forget
// the choice after 60 s, which some BMCs refuse (their matter), then sets the boot flags. The
// Boot with all zero goes back to the machine's own settings.
func SetBoot(ctx context.Context, d ipmi.Doer, f Boot) error {
	if err := SetBootOption(ctx, d, BootSetting{Option: BootValidClearing, Data: []byte{byte(KeepOnTimeout)}}); err != nil && !refused(err) {
		return err
	}
	if f.Device != NoOverride {
		f.Valid = true
	}
	return SetBootOption(ctx, d, BootSetting{Option: BootFlags, Data: f.Append(nil)})
}

// refused says whether the BMC understood a request and said no.
func refused(err error) bool {
	var no *ipmi.CodeError
	return errors.As(err, &no)
}

// Acknowledge writes the bits of mask in parameter 4, which say what software has still to
// look at the boot options: bit 0 is the BIOS, 1 the OS loader, 2 the OS or service
// partition, 3 system management software, 4 OEM software.
func Acknowledge(ctx context.Context, d ipmi.Doer, mask, value uint8) error {
	return SetBootOption(ctx, d, BootSetting{Option: BootInfoAck, Data: []byte{mask, value}})
}

// Initiator is who asked for a boot: the data of parameter 6.
type Initiator struct {
	Channel   uint8
	Session   uint32
	Timestamp uint32 // seconds since 1970
}

// ParseInitiator reads the data of parameter 6.
func ParseInitiator(b []byte) (Initiator, error) {
	if err := ipmi.Short("boot initiator", b, 9); err != nil {
		return Initiator{}, err
	}
	u32 := func(b []byte) uint32 {
		return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	}
	return Initiator{b[0] & 0x0f, u32(b[1:]), u32(b[5:])}, nil
}

// Append adds the data to b.
func (i Initiator) Append(b []byte) []byte {
	b = append(b, i.Channel&0x0f)
	for _, x := range []uint32{i.Session, i.Timestamp} {
		b = append(b, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
	}
	return b
}
