package httpdriver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/sim/webplug"
)

// TestCycleOfTwo: a plug that is off in the middle of a cycle made of off and on gets
// its power back, whoever loses patience; and if it does not, that is said.
func TestCycleOfTwo(t *testing.T) {
	const rest = 20 * time.Second // longer than an action may take
	for name, c := range map[string]struct {
		meanwhile func(b *webplug.Box, cancel func()) // after a second
		took      time.Duration
		told      string
		on        bool
	}{
		"all well":  {func(*webplug.Box, func()) {}, rest, "0 done", true},
		"cancelled": {func(_ *webplug.Box, cancel func()) { cancel() }, time.Second, "0 done", true},
		"refused":   {func(b *webplug.Box, _ func()) { b.Reject("1") }, rest, "0 unknown: it was switched off, and then: HTTP 400 Bad Request: Bad turn!", false},
		"hung": {
			func(b *webplug.Box, _ func()) { b.Fault(webplug.Hang, true) },
			rest + driver.DefaultTimeout, "0 unknown: it was switched off, and then: no answer in time", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, w := newBox(t, "shelly-gen1", plugNames(4)), newWires()
				start(t, b, w)
				b.Set("1", true)
				e := env(plugNames(4), credential())
				e.DialContext = w.dial
				session := mustOpen(t, &httpdriver.Settings{Address: "http://box", Profile: "shelly-gen1", Plugs: plugNames(4), Rest: rest}, e)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Second, func() { c.meanwhile(b, cancel) })
				began, s := time.Now(), &sink{}
				err := session.Do(ctx, driver.Batch{Op: room.Cycle, Plugs: []int{0}}, s)
				if took := time.Since(began); took != c.took || s.String() != c.told || b.On("1") != c.on {
					t.Errorf("%s, %v after %v, and it is on: %v; want %s after %v, %v", s, err, took, b.On("1"), c.told, c.took, c.on)
				}
			})
		})
	}
}
