package sim_test

import (
	"io"
	"testing"

	"millwright.dev/millwright/internal/sim"
)

// FuzzMakes types anything at a unit of each make: it must go on answering, and
// the room must end.
func FuzzMakes(f *testing.F) {
	for _, seed := range []string{
		"login\nstat *\non [0-3]\noff 2\nreset 99\nlogoff\n",
		"apc\r\napc\r\n1\r\n2\r\n1\r\n9\r\n1\r\n1\r\nYES\r\n\r\n\x1b\x1b\r\n",
		"\r\nstatus\r\non 0\r\noff 3\r\nexit\r\n",
		"wti\r\n/s\r\n/on *\r\n/off 1+2\r\n/x\r\n",
		"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0login\n\xff\xff\x00\r\x00\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, typed []byte) {
		for _, s := range sim.Styles() {
			room := start(t, oneStrip(s.Name()))
			ours, err := room.Dial(t.Context(), "tcp", "p")
			if err != nil {
				t.Fatal(err)
			}
			// What is slow on purpose (spew, reset, reboot) is cut off by Close.
			go io.Copy(io.Discard, ours)
			ours.Write(typed)
			ours.Close()
			room.Close()
		}
	})
}

// FuzzControl gives any line to the control protocol.
func FuzzControl(f *testing.F) {
	for _, seed := range []string{"show", "show p", "fault p/1 lie", "fault p slow after 3 delay 2s", "heal all", "turn p/1 on", "feed A off", "history", "help"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		room := start(t, oneStrip("vpc"))
		room.Do(line, io.Discard)
		if err := room.Do("show", io.Discard); err != nil {
			t.Errorf("after %q: show: %v", line, err)
		}
		room.Close()
	})
}
