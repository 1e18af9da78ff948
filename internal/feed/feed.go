// Package feed keeps the last of a row of things, by number, for those who follow them
// at their own pace: changes of states, of standings.
//
// Start at [Feed].
package feed

// Feed numbers what is added from 1, without gaps, and remembers the last Keep of them.
// Its owner's lock guards it.
type Feed[T any] struct {
	Keep int // how many are remembered, at least

	list    []T
	last    int64
	grown   chan struct{} // closed when more come
	awaited bool
}

// Add adds one and gives its number. The oldest are forgotten, many at a time.
func (f *Feed[T]) Add(one T) int64 {
	f.last++
	if len(f.list) >= f.Keep+f.Keep/8 {
		f.list = append(f.list[:0:0], f.list[len(f.list)-f.Keep:]...)
	}
	f.list = append(f.list, one)
	if f.awaited {
		close(f.grown)
		f.grown, f.awaited = nil, false
	}
	return f.last
}

// Last gives the number of the newest.
func (f *Feed[T]) Last() int64 { return f.last }

// Behind gives what came behind the n-th, and a channel that is closed when there is
// more. When it no longer remembers all of that, or never had so many, known is false:
// whoever asks looks at everything anew, and goes on behind Last.
func (f *Feed[T]) Behind(n int64) (list []T, more <-chan struct{}, known bool) {
	if f.grown == nil {
		f.grown = make(chan struct{})
	}
	f.awaited = true
	behind := f.last - n
	if n < 0 || behind < 0 || behind > int64(len(f.list)) {
		return nil, f.grown, false
	}
	return f.list[int64(len(f.list))-behind:], f.grown, true
}
