// Package check is the contract for checks: tests that tell whether what a node is for
// works. A check says ok, bad or unknown, always with what it saw; unknown is for what
// could not be found out, and is never a guess.
//
// One folder holds each kind of check, and package standard lists them. A room defines
// checks by kind and settings, once for many nodes: {node} and {address} in a setting
// stand for the node that is looked at. Package rounds has them run.
//
// # Which verdict
//
// All kinds choose by the same rules, so that people can rely on them:
//
//   - ok: what the settings ask for was seen, all of it, in time.
//   - bad: the node, or what stands for it, has shown that it does not work: it refused,
//     answered with something else, or said nothing until the check's time was up, where
//     it should have answered by then.
//   - unknown: nobody could tell. The name of the node cannot be resolved, we have no way
//     out to its network, we lack a right or a program, our credential is not accepted,
//     the query itself is wrong, a resolver in between does not answer, somebody has cut
//     the check short. To restart a node because of such a thing would be folly.
//
// Start at [Kind] and [Check]; a small kind to read first is tcp.
package check

import (
	"context"
	"log/slog"
	"net"
	"regexp"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/placeholder"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Kind is one kind of check, as a room file names it.
type Kind struct {
	Name    string          // what stands behind `kind:`
	Summary string          // one line for people who choose
	New     func() Settings // fresh settings, defaults filled in; a pointer to a struct
}

// Settings is what a user says of one check. It is a pointer to a struct whose fields
// carry the tags that [driver.Settings] describes: from them come the decoding, the
// schema and the docs.
type Settings interface {
	// Prepare looks at the settings, without contact to anything, and gives the check.
	// An error names the field that is wrong, best as a *driver.FieldError.
	Prepare() (Check, error)
}

// Check looks at nodes. It may be run for many nodes at the same time.
type Check interface {
	// Run looks once. It ends when ctx does, which has the check's time-out.
	Run(ctx context.Context, env Env) Result
}

// Others is what a check can be that stands on other checks of the same node, by their
// names: those are run first, or their last results taken if they are fresh.
type Others interface {
	Needs() []string
}

// Pinger is what a check can be that tells whether a machine answers at all, whatever
// works on it. Its results have a value of [Loss], unless nothing could be sent.
type Pinger interface {
	// Pinged is whom it asks, as set, with the marks for the node and its address. It is
	// empty where the verdict does not depend on whether there is an answer.
	Pinged() string
}

// Verdict is what a check says.
type Verdict uint8

// The verdicts. Unknown is a verdict like any other: nobody could tell.
const (
	Unknown Verdict = iota
	OK
	Bad
)

var verdictNames = [...]string{"unknown", "ok", "bad"}

// String gives the verdict's name.
func (v Verdict) String() string {
	if int(v) >= len(verdictNames) {
		return verdictNames[Unknown]
	}
	return verdictNames[v]
}

// MarshalText writes the verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a verdict's name; what it does not know is unknown.
func (v *Verdict) UnmarshalText(text []byte) error {
	*v = Unknown
	for i, name := range verdictNames {
		if name == string(text) {
			*v = Verdict(i)
		}
	}
	return nil
}

// Result is what a check has seen.
type Result struct {
	Verdict Verdict
	// Said is the evidence in one line for people: "200 OK in 12 ms", "connect: connection refused".
	Said string
	// Took is how long what was measured took (an answer, a round trip); zero if nothing was.
	Took time.Duration
	// Values are numbers worth keeping, besides Took.
	Values []Value
}

// Value is a number that a check has measured.
type Value struct {
	Part     string          // what it is of, if the node has several
	Quantity driver.Quantity // with its unit
	Value    float64
}

// Good, Wrong and Unclear make results.
func Good(said string, took time.Duration) Result {
	return Result{Verdict: OK, Said: said, Took: took}
}

// Wrong is a result that says that something is bad.
func Wrong(said string) Result { return Result{Verdict: Bad, Said: said} }

// Unclear is a result that says that nobody could tell.
func Unclear(said string) Result { return Result{Verdict: Unknown, Said: said} }

// Env is what a check is given to work with for one node.
type Env struct {
	Node    string // the node's name
	Address string // where its operating system is reached; its name if nothing was said

	// Credential is what the room says to log in with, freshly resolved; it may be empty.
	Credential secret.Resolved

	// Dial reaches an address by any of the ways that devices are reached (SSH among
	// them), DialContext makes plain connections. Neither is nil.
	Dial        driver.Dial
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// Measure reads what the node's own devices measure now: its service processor, or
	// what its cords hang on. Never nil.
	Measure func(ctx context.Context) ([]Value, error)

	// State reads through the node's devices what op would change: [room.Status] its
	// cords, [room.StatusSoft] what its service processor says of its system. Never nil.
	State func(ctx context.Context, op room.Op) (room.State, error)

	// Other gives the result of another check on the same node, for those that are
	// [Others]. Never nil.
	Other func(ctx context.Context, name string) Result

	Log *slog.Logger // never nil
}

// Fill puts the node into a setting: {node} is its name, {address} its address.
func (e *Env) Fill(text string) string { return e.place().Fill(text) }

// FillURL is Fill for a URL.
func (e *Env) FillURL(text string) string { return e.place().URL(text) }

// FillShell is Fill for a command that a shell will read.
func (e *Env) FillShell(text string) string { return e.place().Shell(text) }

// fillPattern is Fill for a regular expression: the names stand for themselves.
func (e *Env) fillPattern(text string) string { return e.place().With(text, regexp.QuoteMeta) }

func (e *Env) place() placeholder.Node { return placeholder.Node{Name: e.Node, Address: e.Address} }

// Mask masks in a text what is secret in the credential. Who cuts what others have said
// has it masked before: of half a secret nobody could tell later that it is one.
func (e *Env) Mask(text string) string {
	return secret.NewMasker(e.Credential.Secrets()...).String(text)
}

// Line is [Line] of a text whose secrets are masked first.
func (e *Env) Line(text string, limit int) string { return Line(e.Mask(text), limit) }

// Example is an Env to try settings with: what a mark stands for in them is no matter.
func Example() *Env { return &Env{Node: "node", Address: "192.0.2.1"} }
