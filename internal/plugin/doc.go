// Package plugin runs programs of the user's that add to Millwright: drivers of
// devices, checks, controls, ways to send notices, and reactions to events.
//
// A plugin is a process of its own, in any language. It is spoken to on its stdin and
// stdout by JSON-RPC 2.0, a message to a line, both ways; what it writes to its stderr
// is its log. docs/plugins.md is the protocol's reference. That it crashes, hangs,
// floods us or talks nonsense harms nobody but those who asked it something: they are
// told so, and it is started again, later each time, until it is given up.
//
// A [Host] has them all. [Host.Apply] says which there are to be; [Host.Status] what
// became of them. What a plugin provides, its things, is used by [Host.Check],
// [Host.Control], [Host.Open] and [Host.Notify]; packages driver/plugin, check/plugin and
// control/plugin make drivers, checks and controls of that. [Host.Publish] hands events
// to reactions. What a reaction may ask for, in the name of the principal that the room
// gave it, goes to the [Desk] that was connected; nothing else can be asked.
//
//	host.go      which plugins there are, and how to reach one
//	unit.go      the life of one: start, greeting, pings, restarts, end
//	link.go      a conversation: requests both ways, at the same time
//	message.go   its lines
//	use.go       what things are asked
//	react.go     events, and what reactions ask
//	schema.go    what a thing wants to have set
//	journal.go   what a plugin said on its stderr
//
// Start at [New] and [Host.Apply].
package plugin
