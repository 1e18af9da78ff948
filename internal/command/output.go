package command

// Head keeps the beginning of what is written to it.
type Head struct {
	Max  int // bytes
	Kept []byte
}

// Write implements io.Writer.
func (h *Head) Write(p []byte) (int, error) {
	h.Kept = append(h.Kept, p[:min(len(p), h.Max-len(h.Kept))]...)
	return len(p), nil
}

// Tail keeps the end of what is written to it.
type Tail struct {
	Max  int // bytes
	Kept []byte
}

// Write implements io.Writer.
func (t *Tail) Write(p []byte) (int, error) {
	t.Kept = append(t.Kept, p[max(0, len(p)-t.Max):]...)
	if over := len(t.Kept) - t.Max; over > 0 {
		t.Kept = t.Kept[:copy(t.Kept, t.Kept[over:])]
	}
	return len(p), nil
}
