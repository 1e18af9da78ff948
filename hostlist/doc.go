// Package hostlist reads, writes, sorts and combines compressed lists of host
// names such as
//
//	blade[0-7],cmm0,perif[0-4,7],rabbit
//
// It exists because everything in a machine room is named in ranges: targets
// on a command line, nodes in a configuration file, plugs in an argument sent
// to a power controller, and every list that is printed back. The notation and
// its corner cases are those of PowerMan 2.4 (powerman(1), "Target
// specification"; what the manual leaves open was learnt by asking powermand,
// which the tests still do). The differences are that bad input gives an error
// instead of ending the program, and that work is bounded by [Limits].
//
// Start with [Parse] and [Fold], which are inverse to each other, and [List],
// the type between them. A List stores ranges, not names: ten million nodes in
// one range take a hundred bytes until somebody walks them with [List.All].
//
// # Names
//
// A name is a prefix and, where it ends in decimal digits, a number with the
// width it was typed in: t007 is "t", 7, three wide. Names are equal only if
// their text is, so t7 and t007 are two hosts. A name that does not end in
// digits, or whose number is above 33554432 (2^25) or longer than 64 digits, is
// opaque: it never becomes part of a range. See [ParseHost].
//
// # Notation
//
//   - Names are separated by commas, blanks or tabs, any run of them.
//   - prefix[list] stands for one name per number. The list holds N or N-M,
//     separated by commas; each name is zero-padded to the width of N as it was
//     typed, so n[08-11] is n08 n09 n10 n11. "N-" means N.
//   - Text after the first "]" is added to each name: [00-26]p. Any further
//     brackets in it are plain text; there is no product of two brackets.
//   - Brackets must balance, and must not hold blanks.
//   - Order and duplicates are kept.
//
// Names that themselves hold brackets, commas or blanks can be put into a List
// with [List.Append], but what is printed then does not read back as the same
// list, because the notation has no quoting.
package hostlist
