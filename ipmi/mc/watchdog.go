package mc

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

// Watchdog is a watchdog timer: the request of Set Watchdog Timer and, with Running and
// Left, the answer of Get Watchdog Timer (sections 27.6 and 27.7).
type Watchdog struct {
	Use     WatchdogUse
	DontLog bool
	// Running in an answer says that it counts down. In a request it lets a timer that
	// counts go on counting (from the new Initial); else setting stops it.
	Running      bool
	Action       WatchdogAction
	PreInterrupt WatchdogInterrupt
	PreTimeout   time.Duration // before the end, whole seconds, at most 255 s
	// Expired says for each use whether it ran out: bit n is WatchdogUse n. In a request set
	// bits are cleared.
	Expired uint8
	Initial time.Duration // in steps of 100 ms, at most 6553.5 s
	Left    time.Duration // in answers only
}

// WatchdogUse is who set the timer, or for what.
type WatchdogUse uint8

// The uses.
const (
	WatchdogFRB2     WatchdogUse = 1 // the firmware's start of the processors
	WatchdogPOST     WatchdogUse = 2
	WatchdogOSLoad   WatchdogUse = 3
	WatchdogSMSOS    WatchdogUse = 4 // the operating system
	WatchdogOEM      WatchdogUse = 5
	watchdogUseMask              = 0x07
	watchdogActMask              = 0x07
	watchdogStepInMS             = 100
)

func (u WatchdogUse) String() string {
	switch u {
	case WatchdogFRB2:
		return "BIOS FRB2"
	case WatchdogPOST:
		return "BIOS POST"
	case WatchdogOSLoad:
		return "OS load"
	case WatchdogSMSOS:
		return "SMS/OS"
	case WatchdogOEM:
		return "OEM"
	}
	return fmt.Sprintf("use %d", uint8(u))
}

// WatchdogAction is what happens when the timer runs out.
type WatchdogAction uint8

// The actions.
const (
	WatchdogNothing    WatchdogAction = 0
	WatchdogHardReset  WatchdogAction = 1
	WatchdogPowerDown  WatchdogAction = 2
	WatchdogPowerCycle WatchdogAction = 3
)

func (a WatchdogAction) String() string {
	switch a {
	case WatchdogNothing:
		return "no action"
	case WatchdogHardReset:
		return "hard reset"
	case WatchdogPowerDown:
		return "power down"
	case WatchdogPowerCycle:
		return "power cycle"
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// WatchdogInterrupt is what happens before the timer runs out.
type WatchdogInterrupt uint8

// The interrupts.
const (
	WatchdogNoInterrupt WatchdogInterrupt = 0
	WatchdogSMI         WatchdogInterrupt = 1
	WatchdogNMI         WatchdogInterrupt = 2
	WatchdogMessaging   WatchdogInterrupt = 3
)

func (i WatchdogInterrupt) String() string {
	switch i {
	case WatchdogNoInterrupt:
		return "none"
	case WatchdogSMI:
		return "SMI"
	case WatchdogNMI:
		return "NMI"
	case WatchdogMessaging:
		return "messaging interrupt"
	}
	return fmt.Sprintf("interrupt %d", uint8(i))
}

// ParseWatchdog reads the answer of Get Watchdog Timer (8 bytes), or the request that
// sets it (6 bytes).
func ParseWatchdog(b []byte) (Watchdog, error) {
	if err := ipmi.Short("watchdog", b, 6); err != nil {
		return Watchdog{}, err
	}
	w := Watchdog{
		DontLog:      b[0]&0x80 != 0,
		Running:      b[0]&0x40 != 0,
		Use:          WatchdogUse(b[0] & watchdogUseMask),
		PreInterrupt: WatchdogInterrupt(b[1] >> 4 & 0x07),
		Action:       WatchdogAction(b[1] & watchdogActMask),
		PreTimeout:   time.Duration(b[2]) * time.Second,
		Expired:      b[3],
		Initial:      time.Duration(int(b[4])|int(b[5])<<8) * watchdogStepInMS * time.Millisecond,
	}
	if len(b) >= 8 {
		w.Left = time.Duration(int(b[6])|int(b[7])<<8) * watchdogStepInMS * time.Millisecond
	}
	return w, nil
}

// AppendRequest adds the request of Set Watchdog Timer to b.
func (w Watchdog) AppendRequest(b []byte) []byte {
	use := byte(w.Use)&watchdogUseMask | bit(w.DontLog, 0x80) | bit(w.Running, 0x40)
	initial := steps(w.Initial)
	return append(b, use, byte(w.PreInterrupt)&0x07<<4|byte(w.Action)&watchdogActMask,
		byte(min(max(w.PreTimeout/time.Second, 0), 255)), w.Expired, byte(initial), byte(initial>>8))
}

// Append adds the answer of Get Watchdog Timer to b.
func (w Watchdog) Append(b []byte) []byte {
	left := steps(w.Left)
	return append(w.AppendRequest(b), byte(left), byte(left>>8))
}

func steps(d time.Duration) uint16 {
	return uint16(min(max(d/(watchdogStepInMS*time.Millisecond), 0), 0xffff))
}

// GetWatchdog reads the watchdog timer.
func GetWatchdog(ctx context.Context, d ipmi.Doer) (Watchdog, error) {
	return ipmi.Ask(ctx, d, "read the watchdog", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdWatchdogGet}, ParseWatchdog)
}

// SetWatchdog sets the watchdog timer; [ResetWatchdog] starts it.
func SetWatchdog(ctx context.Context, d ipmi.Doer, w Watchdog) error {
	if w.PreTimeout > w.Initial {
		return fmt.Errorf("set the watchdog: its warning %v comes before its start %v", w.PreTimeout, w.Initial)
	}
	return ipmi.Tell(ctx, d, "set the watchdog", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdWatchdogSet, Data: w.AppendRequest(nil)})
}

// ResetWatchdog starts the timer, or starts it again, with its initial time (section 27.5). A
// watchdog that was never set refuses with code 80.
func ResetWatchdog(ctx context.Context, d ipmi.Doer) error {
	return ipmi.Tell(ctx, d, "start the watchdog", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdWatchdogReset})
}
