package wire

import "time"

// Boot is what a machine boots from.
type Boot struct {
	From       string `json:"from" doc:"What kind of thing it boots from; default is as the machine's own settings say." enum:"default,network,disk,optical,usb,safe,setup" example:"network"`
	Persistent bool   `json:"persistent,omitempty" doc:"For every boot from now on, rather than for the next one."`
	UEFI       bool   `json:"uefi,omitempty" doc:"By UEFI, rather than the legacy way."`
}

// MachineLog is a machine's own event log.
type MachineLog struct {
	Items []LogEntry `json:"items" doc:"The oldest first." nullable:"false"`
}

// LogEntry is one line of it.
type LogEntry struct {
	ID       string    `json:"id" doc:"What the machine calls it; it may be used again after the log was cleared." example:"1f"`
	Time     time.Time `json:"time,omitzero" doc:"When; absent when the machine's clock cannot tell."`
	Source   string    `json:"source,omitempty" doc:"The sensor or part that it is of." example:"Fan 3"`
	Text     string    `json:"text" doc:"What happened." example:"lower critical, going low"`
	Severity string    `json:"severity" doc:"How bad it is." enum:"ok,warning,critical,failed" example:"critical"`
	Ended    bool      `json:"ended,omitempty" doc:"The condition is over, rather than begun."`
}
