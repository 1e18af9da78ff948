package busy

import "testing"

func TestRead(t *testing.T) {
	var m Meter
	if _, ok, err := m.Read(); ok || err != nil {
		t.Errorf("there is nothing to compare the first reading with: %t, %v", ok, err)
	}
	if percent, ok, err := m.Read(); !ok || err != nil || percent < 0 || percent > 100 {
		t.Errorf("the second gives %v, %t, %v", percent, ok, err)
	}
}

func TestTicks(t *testing.T) {
	got, err := ticks([]byte("cpu  10 1 5 100 20 1 1 2 7 7\ncpu0 1 1\n"))
	if want := (sample{busy: 20, all: 140}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "intr 5 5 5 5 5 5", "cpu 1 2", "cpu a b c d e f"} {
		if _, err := ticks([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
