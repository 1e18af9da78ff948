package app

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
)

// A device that comes and goes as fast as somebody asks for it does not fill the
// disk, and how it stands in the end is told all the same.
func TestFlappingDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []event.Event
		l := newLinks(func(e event.Event) { told = append(told, e) })
		defer l.close()
		lost := fleet.DeviceStatus{Name: "d", Link: fleet.Disconnected, Said: "d: gone"}
		back := fleet.DeviceStatus{Name: "d", Link: fleet.Connected, Reconnects: 1}
		for range 1000 {
			l.changed(lost)
			l.changed(back)
		}
		if len(told) != linkBurst {
			t.Fatalf("%d events at once, want %d", len(told), linkBurst)
		}
		l.changed(lost)
		time.Sleep(linkEvery)
		synctest.Wait()
		if len(told) != linkBurst+1 {
			t.Fatalf("%d events after a while, want %d", len(told), linkBurst+1)
		}
		if last := told[linkBurst]; last.Op != "lost" || !strings.Contains(last.Detail, "d: gone") || !strings.Contains(last.Detail, "1991 changes") {
			t.Errorf("the last one is %+v", last)
		}
		time.Sleep(time.Hour)
		l.changed(fleet.DeviceStatus{Name: "e", Link: fleet.Connected}) // its first
		l.changed(back)
		synctest.Wait()
		if last := told[len(told)-1]; len(told) != linkBurst+2 || last.Op != "back" || strings.Contains(last.Detail, "changes") {
			t.Errorf("after an hour: %d events, the last is %+v", len(told), last)
		}
	})
}
