// Package devspec is PowerMan's device language and configuration language: it
// reads device specifications (*.dev) and powerman.conf, and runs the expect-like
// scripts in them on a connection to a device.
//
// It exists because sixty-odd makes of power controller are already described in
// that language; a program that runs those files unchanged inherits all of them.
// The behaviour is that of PowerMan 2.4 (manual pages powerman.dev(5) and
// powerman.conf(5)), to the byte where clients or device files can tell; where
// PowerMan is known to crash or to hide an error this package reports it instead,
// and docs/compatibility.md lists each difference.
//
// Where to start:
//
//   - [ParseConfig] reads a powerman.conf or a device file; [Config.Resolve] turns
//     it into a [Layout], which says what plug each node hangs on.
//   - [Spec] is one device type. It is compiled once, never changes, and is shared
//     by all devices of the type. [Spec.Choose] picks the scripts for a request.
//   - [Session] runs scripts on an established connection; a [Call] carries what
//     one request knows about one device, and a [Sink] takes the results.
//   - [Check] warns of what would fail only when a script runs.
//   - [Recorder] and [Replay] keep a conversation as a text that a test can play.
//
// The package opens no file and dials nothing: files come through an [OpenFunc],
// connections are handed to [NewSession].
package devspec
