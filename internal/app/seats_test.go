package app

import "testing"

func TestSeats(t *testing.T) {
	for files, want := range map[uint64]int{0: 1, 256: 128, 1024: 512, 16_384: 0, 1 << 62: 0} {
		if got := seats(files); got != want {
			t.Errorf("%d open files: %d seats, want %d", files, got, want)
		}
	}
}
