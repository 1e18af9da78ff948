// Package dialogue reads descriptions of how a make of power strip talks: its
// prompts, its menus, what it does at which answer, whom it lets in and when it
// hangs up.
//
// It exists because such a description is data. Two dozen makes differ in their
// words and in the order of their menus, and in nothing that needs a program of its
// own: package sim plays all of them by one interpreter, and a person who knows the
// device can read and correct the text without knowing Go.
//
// # The form
//
// A file is read line by line. Empty lines and those that begin with # are left out;
// texts stand in Go's quotes. First come one or more makes, then the screens that
// all makes of the file share:
//
//	make "acme-8"            # the name; more makes may follow, each with its own settings
//	  about "Acme's strip"   # for people
//	  login "admin" "1234"   # what it wants to hear if the room says nothing else
//	  telnet                 # it negotiates; without, the line is plain
//	  echo                   # what is typed is repeated, and escape is a key
//	  keys "\x03"            # more keys that need no Enter, at the start of a line
//	  sessions 1 "Busy.\r\n" # how many at once, and what others are told
//	  held 130s              # how long a session that broke off keeps its place
//	  idle 3m "Bye.\r\n"     # when it hangs up on those who are silent
//	  first-dies             # every other connection breaks off at once
//	  prompt "> "            # any other word is a text for {prompt}
//	  start user             # the first screen
//	  inside main            # the first screen where SSH has asked for the password
//
//	screen main
//	  say "\r\n{prompt}"                 # shown each time the screen is entered
//	  each "{plug} {state On Off}\r\n"   # once for each outlet
//	  ask line                           # or hidden (no echo), or key (no Enter)
//	  when "on ([0-9]+)" plug $1 : on ; say "done\r\n"
//	  when ".*" : say "what?\r\n"
//
// The first rule whose pattern fits the whole line and whose tests hold is carried
// out; then the screen is shown again, unless the rule goes to another. Tests: plug
// $1 and plugs $1 (a list, "1-3,5" or "all") choose outlets, every chooses all,
// master $1 all if it is the number after the last; login $1 (the password; the name
// is what was kept as user; the third wrong one ends the session), is on, is off,
// bad, busy, in NAME; not in front turns one around. Actions: say, each, picked (for each chosen
// outlet), on, off, reboot TIME, reset, wait TIME, settle, keep NAME $1, enter (counts
// a log-in), goto SCREEN, logout.
//
// In texts {unit}, {plug}, {count}, {next} and all words of the make and of keep
// stand for themselves; {state A B} is A or B as the outlet shows (a ~ in them is a blank); a width may follow
// any, {plug:-8}, as for Printf.
//
// Start at [Parse].
package dialogue

import (
	"regexp"
	"time"
)

// Make is one make and how it talks.
type Make struct {
	Name     string
	About    string
	User     string
	Password string
	Telnet   bool
	Echo     bool
	Keys     string
	Sessions int // at once; 0 is no limit
	Busy     string
	Held     time.Duration
	Idle     time.Duration
	IdleText string
	Dies     bool // every other connection
	Words    map[string]string
	Start    string
	Inside   string // Start if empty

	screens map[string]*Screen
}

// Screen gives a screen by its name; those that the make names are there.
func (m *Make) Screen(name string) *Screen { return m.screens[name] }

// Ask is how a screen takes an answer.
type Ask uint8

// The ways.
const (
	Line   Ask = iota + 1
	Hidden     // a line that is not echoed
	Key        // one key
)

// Screen is a place in the conversation.
type Screen struct {
	Name  string
	Show  []Show
	Ask   Ask
	Rules []Rule
}

// Show is a piece of what a screen shows.
type Show struct {
	Text Text
	Each bool     // once for each outlet
	Span Span     // of those outlets
	In   []string // for these makes only
}

// Rule is what is done at an answer.
type Rule struct {
	When  *regexp.Regexp
	Tests []Test
	Do    []Action
}

// TestKind is a sort of test.
type TestKind string

// The tests.
const (
	TestPlug   TestKind = "plug"
	TestPlugs  TestKind = "plugs"
	TestEvery  TestKind = "every"
	TestMaster TestKind = "master"
	TestLogin  TestKind = "login"
	TestIs     TestKind = "is"
	TestBad    TestKind = "bad"
	TestBusy   TestKind = "busy"
	TestIn     TestKind = "in"
)

// Test is a condition of a rule; some choose outlets.
type Test struct {
	Kind  TestKind
	Not   bool
	Group int    // of the pattern, for the tests that choose
	On    bool   // what TestIs wants
	Make  string // of TestIn
}

// ActionKind is a sort of action.
type ActionKind string

// The actions.
const (
	ActSay    ActionKind = "say"
	ActEach   ActionKind = "each"
	ActPicked ActionKind = "picked"
	ActOn     ActionKind = "on"
	ActOff    ActionKind = "off"
	ActReboot ActionKind = "reboot"
	ActReset  ActionKind = "reset"
	ActWait   ActionKind = "wait"
	ActSettle ActionKind = "settle"
	ActKeep   ActionKind = "keep"
	ActEnter  ActionKind = "enter"
	ActGoto   ActionKind = "goto"
	ActLogout ActionKind = "logout"
)

// Action is one thing that is done.
type Action struct {
	Kind   ActionKind
	Text   Text          // of the ones that say something
	Span   Span          // of ActEach
	For    time.Duration // of ActReboot and ActWait
	Group  int           // of ActKeep
	Target string        // a screen, or the word to keep
}

// Span is a run of outlets by their place, from 1; To 0 is to the end.
type Span struct{ From, To int }

// Of gives the first place and the one behind the last, from 0, of n outlets.
func (s Span) Of(n int) (from, to int) {
	to = n
	if s.To > 0 {
		to = min(s.To, n)
	}
	return min(max(s.From-1, 0), to), to
}

// Text is a text with places to fill in.
type Text []Piece

// Piece is plain text, or a place.
type Piece struct {
	Plain string
	Word  string // the place's word; "" for plain text
	On    string // of the word state
	Off   string
	Width int // as Printf's; negative is flush left
}
