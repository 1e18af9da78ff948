// Package roomfile reads a room from text: room files (YAML, in the format that
// format.go lays down and docs/room-file.md explains), folders of them, and
// PowerMan's powerman.conf, which is used as it is.
//
// It exists so that [room.Room] can stay free of files and places, and so that
// whoever writes a room is shown everything that is wrong with it at once, each
// error with its place: see [Problems].
//
// Start at [Load]. [Schema] gives the JSON Schema of the format, from the same
// tags that the decoding follows; [Convert] writes a room file for a
// powerman.conf. Drivers are handed in through [Options]: this package knows
// none by name.
package roomfile
