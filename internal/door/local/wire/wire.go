// Package wire stands for door/http/wire while files that name it are being changed.
package wire

import wire "millwright.dev/millwright/internal/door/http/wire"

type (
	Do = wire.Do
	Consent = wire.Consent
	Order = wire.Order
	Planned = wire.Planned
	Targets = wire.Targets
	Cleared = wire.Cleared
	Kind = wire.Kind
	Line = wire.Line
	Problem = wire.Problem
	Version = wire.Version
	Node = wire.Node
	Device = wire.Device
	Revision = wire.Revision
	Event = wire.Event
	Update = wire.Update
	Run = wire.Run
	Failed = wire.Failed
)

const (
	JSON = wire.JSON
	NDJSON = wire.NDJSON
	Trouble = wire.Trouble
	MaxBody = wire.MaxBody
	MaxLine = wire.MaxLine
	KindBegin = wire.KindBegin
	KindWork = wire.KindWork
	KindResult = wire.KindResult
	KindFault = wire.KindFault
	KindDiagnostic = wire.KindDiagnostic
	KindTrace = wire.KindTrace
	KindEnd = wire.KindEnd
	KindError = wire.KindError
)
