// Package demo holds the files of the demo's room, so that the program has them
// wherever it runs.
package demo

import "embed"

// Files is this folder: room.yaml and what it names, and machines.sim.
//
//go:embed room.yaml machines.sim devices/*.dev
var Files embed.FS
