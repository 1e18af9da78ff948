package mc

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// SystemInfo is a parameter of system information (section 22.14a): what the controller
// is told about the system that runs on the machine.
type SystemInfo uint8

// The parameters.
const (
	InfoSetInProgress   SystemInfo = 0
	InfoFirmwareVersion SystemInfo = 1 // of the system, so of its BIOS
	InfoSystemName      SystemInfo = 2
	InfoOSName          SystemInfo = 3 // set by the operating system's agent
	InfoOSRunning       SystemInfo = 4
	InfoOSVersion       SystemInfo = 5
	InfoBMCURL          SystemInfo = 6
	InfoHypervisorURL   SystemInfo = 7
)

// SystemInfoQuery is the request of Get System Info Parameters (section 22.14b).
type SystemInfoQuery struct {
	Parameter    SystemInfo
	Set          uint8 // of texts: which block of 16 bytes
	Block        uint8
	RevisionOnly bool
}

// ParseSystemInfoQuery reads the request.
func ParseSystemInfoQuery(b []byte) (SystemInfoQuery, error) {
	if err := ipmi.Short("system info query", b, 4); err != nil {
		return SystemInfoQuery{}, err
	}
	return SystemInfoQuery{RevisionOnly: b[0]&0x80 != 0, Parameter: SystemInfo(b[1]), Set: b[2], Block: b[3]}, nil
}

// Append adds the request to b.
func (q SystemInfoQuery) Append(b []byte) []byte {
	return append(b, bit(q.RevisionOnly, 0x80), byte(q.Parameter), q.Set, q.Block)
}

// infoLimit bounds the text that a controller may claim to have, in bytes.
const infoLimit = 255

// InfoText is a text parameter as its blocks of 16 bytes carry it: the first starts with
// its encoding (0 ASCII and Latin 1, 1 UTF-8, 2 UTF-16) and its length.
type InfoText struct {
	Encoding uint8
	Text     []byte
}

// Blocks cuts the text into blocks of 16 bytes.
func (t InfoText) Blocks() [][]byte {
	text := t.Text[:min(len(t.Text), infoLimit)]
	all := append([]byte{t.Encoding & 0x0f, byte(len(text))}, text...)
	var blocks [][]byte
	for len(all) > 0 {
		block := make([]byte, 16)
		all = all[copy(block, all):]
		blocks = append(blocks, block)
	}
	return blocks
}

// GetSystemInfoBlock reads one block of a parameter, without the revision and, for
// texts, without the block's number.
func GetSystemInfoBlock(ctx context.Context, d ipmi.Doer, q SystemInfoQuery) ([]byte, error) {
	parse := func(b []byte) ([]byte, error) {
		if err := ipmi.Short("system info", b, 2); err != nil {
			return nil, err
		}
		return b[2:], nil
	}
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetSystemInfo, Data: q.Append(nil)}
	return ipmi.Ask(ctx, d, fmt.Sprintf("read system info %d", q.Parameter), r, parse)
}

// GetSystemInfo reads a text parameter whole.
func GetSystemInfo(ctx context.Context, d ipmi.Doer, p SystemInfo) (string, error) {
	b, err := GetSystemInfoBlock(ctx, d, SystemInfoQuery{Parameter: p})
	if err != nil {
		return "", err
	}
	if err := ipmi.Short("system info", b, 2); err != nil {
		return "", fmt.Errorf("read system info %d: %w", p, err)
	}
	length, text := int(b[1]), b[2:]
	for set := uint8(1); len(text) < length; set++ { // blocks are chosen as sets
		more, err := GetSystemInfoBlock(ctx, d, SystemInfoQuery{Parameter: p, Set: set})
		if errors.Is(err, ipmi.CodeOutOfRange) || errors.Is(err, ipmi.CodeInvalidField) {
			break // it has less than it said
		}
		if err != nil {
			return "", err
		}
		if len(more) == 0 {
			break
		}
		text = append(text, more...)
	}
	text = text[:min(length, len(text))]
	for len(text) > 0 && text[len(text)-1] == 0 {
		text = text[:len(text)-1]
	}
	return string(text), nil
}

// SetSystemInfo writes a text parameter (section 22.14a).
func SetSystemInfo(ctx context.Context, d ipmi.Doer, p SystemInfo, text string) error {
	if len(text) > infoLimit {
		return fmt.Errorf("set system info %d: %d bytes of text, more than %d", p, len(text), infoLimit)
	}
	for i, block := range (InfoText{Encoding: 1, Text: []byte(text)}).Blocks() {
		data := append([]byte{byte(p), byte(i)}, block...)
		r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetSystemInfo, Data: data}
		if err := ipmi.Tell(ctx, d, fmt.Sprintf("set system info %d", p), r); err != nil {
			return err
		}
	}
	return nil
}
