// Package demo holds the files of the demo's room, so that the program has them
// wherever it runs.
package demo

import "embed"

// Files is this folder: room.yaml and what it names.
//
//go:embed room.yaml devices/*.dev
var Files embed.FS
