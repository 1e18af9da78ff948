// Package sim is a whole machine room that does not exist: power strips that
// answer on real sockets as their makes do, cords, feeds, and machines that
// take their time to boot, with faults on demand.
//
// It exists because nothing that switches power can be tried on a real room
// first. The demo, the tests, the benchmarks and a user's own rehearsal
// ("millwright sim ROOM") all run against it. It therefore tells the truth to
// whoever asks it directly ([Room.Snapshot], [Room.History]), so that what a
// program believes can be compared with what happened, and it costs little: a
// thousand strips, or ten thousand plugs on one, beside the program under test.
//
// Start with [Config] and [Start]:
//
//	config.go    what a room is made of
//	room.go      its life, from the start to the end
//	network.go   addresses, listeners and connections
//	unit.go      one power strip ("unit" in this package), and switching it
//	physics.go   relays, feeds and machines: what follows from a switch
//	system.go    the operating systems of machines, and what can be wrong with them
//	draw.go      what machines draw, by machine and by outlet
//	hosts.go     how machines answer on the network, by HTTP
//	hand.go      what somebody in the room can do: feeds, buttons, relays
//	fault.go     what can be wrong with it
//	history.go   what happened, and how things are: for witnesses
//	control.go   the same by text lines, for a room in another process
//	script.go    such lines in a file, and those about machines
//	terminal.go  one connection, as a menu sees it
//	packets.go   a unit on UDP, and conversations in messages
//	requests.go  conversations in HTTP
//	style.go     the makes there are; one file each: vpc, menu, line, slash
//	devices/     device files, in PowerMan's language, that fit the makes
//
// # Adding a make
//
// Write one file with a type that is a [Style]; add it to [Styles] and, if
// scripts are to reach it, put NAME.dev into devices.
//
// # Time
//
// Boot times and delays are the standard library's timers, and no timer exists
// while nothing happens. In a testing/synctest bubble, set [Config].InMemory and
// connect with [Room.Dial].
package sim
