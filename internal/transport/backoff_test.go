package transport

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	want := []time.Duration{1, 2, 4, 8, 15, 30, 60, 60, 60}
	plain, shaky := NewBackoff(nil), NewBackoff(rand.New(rand.NewPCG(1, 2)))
	differs := false
	for round := range 2 {
		for i, w := range want {
			w *= time.Second
			if got := plain.Next(); got != w {
				t.Errorf("round %d, delay %d = %v, want %v", round, i, got, w)
			}
			got := shaky.Next()
			if got < w || got >= w+w/10 {
				t.Errorf("round %d, shaken delay %d = %v, want %v and up to a tenth", round, i, got, w)
			}
			differs = differs || got != w
		}
		if plain.Attempts() != len(want) {
			t.Errorf("Attempts = %d", plain.Attempts())
		}
		plain.Reset()
		shaky.Reset()
	}
	if !differs {
		t.Error("there is no jitter")
	}
}
