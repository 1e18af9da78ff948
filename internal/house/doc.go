// Package house holds the rules of the house as tests: which package may import
// which, what each says of itself, how large the program may grow, and the few
// habits of code that a linter cannot know.
//
// It exists because a rule that only stands on a page is broken within a month,
// mostly by people who did not know of it. So each failure says what to do.
//
// Start with floors_test.go: its table is the plan of the house, from the ground
// up, and docs/architecture.md shows the same table. Then:
//
//	code_test.go      habits: no init, no sleeping, no changing globals, names, sizes
//	comments_test.go  what each package says of itself
//	binary_test.go    one static binary, small, also for small boards
//	text_test.go      nothing in the repository tells whose computer it came from
//
// The tests of the documentation are in the folder docs beside this file.
package house
