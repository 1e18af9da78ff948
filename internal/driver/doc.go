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
// # Writing one
//
//  1. Make the folder, and in it New, which returns a [Driver], and the settings.
//     Traits parses and checks them ([FieldError]); Open dials and logs in.
//  2. Write the session. If the device talks in lines, package line beside this
//     file does most of it. Else, if there is a line, a goroutine has to read it
//     all the time: only so is a hang-up seen while nothing is to be done. Close
//     ends it. Package action carries out batches, whatever the device talks. Read
//     [Batch] for the clocks and [Sink] for what is to be told when; wherever you
//     cannot know whether something has happened, say Unknown, and of plugs that
//     were surely not begun say that.
//  3. Write a simulator and hand both to drivertest.Run. Begin with a rig that has
//     only Truth, and add faults until the suite leaves nothing out that can
//     happen to your device.
//  4. Add a line to driver/standard.
//
// Package exec beside this file is one without a line, package script one with.
//
// Who calls what: roomfile calls New, decodes, and asks Traits while it checks a
// room. The fleet owns one goroutine per device; that goroutine alone calls Open
// and the session's methods, so a session needs no locks of its own for them.
package driver
