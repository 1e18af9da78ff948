package logbook

import (
	"fmt"
	"testing"

	"millwright.dev/millwright/internal/driver"
)

func entries(from, to int) []driver.LogEntry {
	var list []driver.LogEntry
	for i := from; i <= to; i++ {
		list = append(list, driver.LogEntry{ID: fmt.Sprint(i), Text: fmt.Sprint("text ", i)})
	}
	return list
}

func TestNews(t *testing.T) {
	mark := func(list []driver.LogEntry) string {
		_, now := news(list, "")
		return now
	}
	again := []driver.LogEntry{{ID: "1", Text: "another"}}
	for _, tt := range []struct {
		name  string
		log   []driver.LogEntry
		mark  string
		fresh int
	}{
		{"seen for the first time", entries(1, 5), "", 0},
		{"empty for the first time, then something", entries(1, 2), mark(nil), 2},
		{"nothing new", entries(1, 5), mark(entries(1, 5)), 0},
		{"two more", entries(1, 5), mark(entries(1, 3)), 2},
		{"it has wrapped behind the mark", entries(4, 9), mark(entries(1, 6)), 3},
		{"it has wrapped beyond the mark", entries(8, 9), mark(entries(1, 6)), 2},
		{"cleared", nil, mark(entries(1, 6)), 0},
		{"cleared, and begun again with the same id", again, mark(entries(1, 1)), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fresh, now := news(tt.log, tt.mark)
			if len(fresh) != tt.fresh {
				t.Errorf("%d are new: %v", len(fresh), fresh)
			}
			if again, _ := news(tt.log, now); len(again) != 0 {
				t.Errorf("%d are told twice", len(again))
			}
		})
	}
}

func TestAFloodIsCut(t *testing.T) {
	list := (&Follower{}).events("web7", entries(1, 1000))
	if len(list) != maxTold+1 || list[0].Detail[:3] != "800" || list[maxTold].Detail != "text 1000" {
		t.Errorf("%d events, from %q to %q", len(list), list[0].Detail, list[len(list)-1].Detail)
	}
}

func TestALogIsReadOnceAtATime(t *testing.T) {
	var u underWay
	if !u.begin("bmc7") || u.begin("bmc7") || !u.begin("bmc8") {
		t.Error("bmc7 is read twice, or bmc8 not at all")
	}
	u.end("bmc7")
	if !u.begin("bmc7") || u.begin("bmc8") {
		t.Error("bmc7 is not read again, or bmc8 is")
	}
}
