package rmcp

// Window tells packets that are new from those that were seen or are out of
// order by too much (section 6.12.12 and 6.12.13).
type Window struct {
	top  uint32 // the highest number so far
	seen uint32 // bit i: top-i was seen
	size uint8
	open bool // the first packet, whatever its number, begins the window
}

// Sizes of windows.
const (
	windowPlus = 16
	window15   = 8
)

// newWindow is the window of a session of 2.0. Its packets are authenticated with a key
// of this session, so that the first can have any number.
func newWindow() Window { return Window{size: windowPlus, open: true} }

// newWindow15 is that of a session of 1.5, whose first packet has the number next.
func newWindow15(next uint32) Window { return Window{top: next - 1, size: window15} }

// Accept tells whether a packet with this number is to be taken, and remembers that it was.
func (w *Window) Accept(seq uint32) bool {
	if seq == 0 {
		return false
	}
	if w.open {
		*w = Window{top: seq, seen: 1, size: w.size}
		return true
	}
	ahead := int64(int32(seq - w.top))
	switch {
	case ahead > int64(w.size) || ahead <= -int64(w.size):
		return false
	case ahead > 0:
		w.seen = w.seen<<uint(ahead) | 1
		w.top = seq
		return true
	}
	bit := uint32(1) << uint(-ahead)
	if w.seen&bit != 0 {
		return false
	}
	w.seen |= bit
	return true
}
