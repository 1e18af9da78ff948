// Package event holds the words of IPMI's sensors and events: sensor types, what
// their states are called and how bad each is, the entities that sensors belong to,
// units, and the data bytes of an event. Packages that read sensors, the event log
// and traps share it, so that one state has one name everywhere.
//
// It is tables only and talks to nobody. Start at [StateOf].
package event
