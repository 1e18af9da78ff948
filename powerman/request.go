package powerman

import (
	"fmt"
	"strings"
)

// Command is a request's verb.
type Command uint8

// The commands of the protocol. The zero value is none of them.
const (
	CmdNone Command = iota
	CmdHelp
	CmdNodes
	CmdTelemetry // toggle: show the talk with devices as 305 lines
	CmdExprange  // toggle: one line per node instead of folded lists
	CmdQuit
	CmdOn
	CmdOff
	CmdCycle
	CmdReset
	CmdFlash   // beacon on
	CmdUnflash // beacon off
	CmdStatus
	CmdBeacon
	CmdTemp
	CmdDevice
)

// targetRule says whether a command takes targets.
type targetRule uint8

const (
	noTargets targetRule = iota
	mayTarget
	mustTarget
)

type commandRule struct {
	cmd     Command
	word    string
	targets targetRule
}

// commandRules lists the commands in the order of their constants.
var commandRules = [...]commandRule{
	{CmdHelp, "help", noTargets},
	{CmdNodes, "nodes", noTargets},
	{CmdTelemetry, "telemetry", noTargets},
	{CmdExprange, "exprange", noTargets},
	{CmdQuit, "quit", noTargets},
	{CmdOn, "on", mustTarget},
	{CmdOff, "off", mustTarget},
	{CmdCycle, "cycle", mustTarget},
	{CmdReset, "reset", mustTarget},
	{CmdFlash, "flash", mustTarget},
	{CmdUnflash, "unflash", mustTarget},
	{CmdStatus, "status", mayTarget},
	{CmdBeacon, "beacon", mayTarget},
	{CmdTemp, "temp", mayTarget},
	{CmdDevice, "device", mayTarget},
}

func (c Command) rule() (commandRule, bool) {
	if c == CmdNone || int(c) > len(commandRules) {
		return commandRule{}, false
	}
	return commandRules[c-1], true
}

// String returns the word of the protocol.
func (c Command) String() string {
	if r, ok := c.rule(); ok {
		return r.word
	}
	return fmt.Sprintf("Command(%d)", uint8(c))
}

// Power says whether the command changes something: on, off, cycle, reset,
// flash, unflash.
func (c Command) Power() bool { return c >= CmdOn && c <= CmdUnflash }

// Query says whether the command reads nodes: status, beacon, temp.
func (c Command) Query() bool { return c == CmdStatus || c == CmdBeacon || c == CmdTemp }

// Request is one line from a client.
type Request struct {
	Command Command
	// Targets is the host list as typed. Empty means all, and is allowed for
	// status, beacon, temp and device only.
	Targets string
}

// ParseRequest reads one line without its line end. It reports false for what
// is to be answered with 201.
//
// Words match whole. A word without targets matches in any case, one with
// targets only in lower case: so a slip such as "Status t0" is refused and
// does not become a query of everything. Text behind a word that takes no
// targets is refused too, for the same reason.
func ParseRequest(line string) (Request, bool) {
	line = strings.Trim(line, blanks)
	word, targets := line, ""
	if i := strings.IndexAny(line, blanks); i >= 0 {
		word, targets = line[:i], strings.TrimLeft(line[i:], blanks)
	}
	for _, r := range commandRules {
		switch {
		case targets == "" && r.targets != mustTarget && strings.EqualFold(word, r.word):
			return Request{Command: r.cmd}, true
		case targets != "" && r.targets != noTargets && word == r.word:
			return Request{Command: r.cmd, Targets: targets}, true
		}
	}
	return Request{}, false
}

const blanks = " \t\r\v\f"

// Line returns the request as it is sent, without line end. It fails on what a
// server could not read back: a missing or needless target, a line end or
// other control character in one, or more than [MaxLine] bytes.
func (r Request) Line() (string, error) {
	rule, ok := r.Command.rule()
	switch {
	case !ok:
		return "", fmt.Errorf("powerman: no such command: %v", r.Command)
	case r.Targets == "" && rule.targets == mustTarget:
		return "", fmt.Errorf("powerman: %s needs targets", rule.word)
	case r.Targets == "":
		return rule.word, nil
	case rule.targets == noTargets:
		return "", fmt.Errorf("powerman: %s takes no targets", rule.word)
	case strings.Trim(r.Targets, blanks) == "":
		return "", fmt.Errorf("powerman: %s with a blank target list", rule.word)
	case strings.ContainsFunc(r.Targets, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return "", fmt.Errorf("powerman: control character in targets %q", r.Targets)
	}
	line := rule.word + " " + r.Targets
	if len(line) > MaxLine {
		return "", fmt.Errorf("powerman: request of %d bytes is longer than %d", len(line), MaxLine)
	}
	return line, nil
}
