// Package driver is the contract between Millwright and the hardware: what code
// for one make of device has to offer, and what it is given.
//
// A driver is a folder beside this file. It holds
//
//   - a settings struct, which the room file's `settings:` of a device is decoded
//     into, strictly; its yaml tags and doc tags are the schema, the form and
//     the reference page ([Settings]);
//   - the verbs it can do, said before any contact is made ([Traits]);
//   - a session, which does batches of work on one device ([Session]).
//
// A driver registers nowhere by itself: the slice in driver/standard names those
// that are built in. Package driver/drivertest is the suite that every driver
// passes against its own simulator.
//
// Who calls what: roomfile calls New, decodes, and asks Traits while it checks a
// room. The fleet owns one goroutine per device; that goroutine alone calls Open
// and the session's methods, so a session needs no locks of its own for them.
package driver
