package run_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/room"
)

// newRoom makes a room of lines as [onBench] describes them, in which a node is tried once.
func newRoom(t testing.TB, text string, change ...func(*room.Draft)) *room.Room {
	t.Helper()
	conduct := room.DefaultConduct()
	conduct.StartAttempts, conduct.StopAttempts = 1, 1
	draft := room.Draft{Settings: room.Settings{Conduct: conduct}, Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
	for line := range strings.Lines(text) {
		left, needs, _ := strings.Cut(line, ":")
		words := strings.Fields(left)
		if len(words) == 0 {
			continue
		}
		n := room.DraftNode{Name: words[0], Needs: strings.Fields(needs), Cords: []room.DraftCord{{Device: "pdu"}}}
		for _, word := range words[1:] {
			if n2, err := strconv.Atoi(word); err == nil {
				n.Priority = n2
				continue
			}
			if word == "cordless" {
				n.Cords = nil
				continue
			}
			settle, err := time.ParseDuration(word)
			if err != nil {
				t.Fatal(err)
			}
			n.Settle = settle
		}
		draft.Nodes = append(draft.Nodes, n)
	}
	for _, fn := range change {
		fn(&draft)
	}
	r, problems := room.New(draft)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}
