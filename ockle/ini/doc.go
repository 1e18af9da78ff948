// Package ini reads and edits Ockle's configuration files, which are in the
// dialect of Python 2's ConfigParser, without losing a byte that an edit is not
// about: comments, order, spacing and line ends stay as the user left them.
//
// It exists because both people and programs write these files, and the program
// that shipped with Ockle dropped the people's comments. Start at [Parse]; a
// [Document] that was not changed gives its own bytes back.
//
// # The dialect
//
//   - "[name]" begins a section; its name is kept as it is, and text behind the
//     bracket is ignored. A name that comes twice is one section.
//   - "key = value" or "key: value". Keys are lower-cased; of a key that comes
//     twice the last counts. Values are verbatim but for white space around
//     them: there are no comments behind a value and no quotes.
//   - An indented line continues the value above it, with a line break between
//     them. Blank lines and comments in the midst of a value are no part of it.
//   - A line whose first mark is # or ; is a comment.
//   - "%%" in a value is one per cent sign. A single one is taken as itself;
//     references such as %(key)s are not followed.
//   - Keys of [DEFAULT] hold in every section that does not have them.
//   - A value that begins with "[" is a list in JSON; another one, where a list
//     is wanted, is the list of itself. See [List].
//
// The source is Python 2's documentation of the module ConfigParser, and how
// Ockle 0.5 writes its files.
package ini
