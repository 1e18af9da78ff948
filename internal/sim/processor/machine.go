package processor

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// machine is what a service processor knows of one machine: how it stands, and since when.
type machine struct {
	unit *sim.Unit
	plug int

	// mu is taken by those who hold the room's lock, or a line's, and not the other way.
	mu    sync.Mutex
	state sim.MachineState
	since time.Time
	boot  time.Duration // how long it takes to boot
	from  string        // what it booted from
	warm  float64       // °C of its processor when the state began
	lines map[*line]struct{}
	known bool // it was told of once
}

func newMachine(u *sim.Unit, plug int) *machine {
	return &machine{unit: u, plug: plug, since: time.Now(), warm: inletTemp, lines: make(map[*line]struct{})}
}

// name gives the machine's name, or the plug's if nothing hangs on it. The room must be
// complete.
func (m *machine) name() string {
	if name := m.unit.MachineName(m.plug); name != "" {
		return name
	}
	return m.unit.Name() + "-" + m.unit.OutletName(m.plug)
}

// follow takes a change over. It says whether it is one: of how things are at the start,
// nobody wants to read.
func (m *machine) follow(s sim.MachineState, boot time.Duration, from string) (news bool) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	news = m.known || s == sim.Booting
	m.warm = m.temperature(now)
	m.state, m.since, m.boot, m.known = s, now, boot, true
	if s == sim.Booting {
		m.from = from
	}
	for l := range m.lines {
		l.wake()
	}
	return news
}

// What a machine's parts come to, if its state lasts: °C and W.
const (
	inletTemp = 23
	bootTemp  = 61
	upTemp    = 48

	warming = 20 * time.Second // until two thirds of the way
)

// temperature gives the processor's, in °C. m.mu is held.
func (m *machine) temperature(now time.Time) float64 {
	to := map[sim.MachineState]float64{sim.Off: inletTemp, sim.Booting: bootTemp, sim.Up: upTemp}[m.state]
	return to + (m.warm-to)*math.Exp(-float64(now.Sub(m.since))/float64(warming))
}

// measured is what the sensors of a machine say.
type measured struct {
	running    bool
	processor  float64 // °C
	fan, watts float64 // turns a minute, watts
}

func (m *machine) measure() measured {
	watts := m.unit.Watts(m.plug) // asks the room, whose lock comes first
	m.mu.Lock()
	defer m.mu.Unlock()
	now := measured{watts: math.Round(watts), processor: math.Round(m.temperature(time.Now())), running: m.state != sim.Off}
	if now.running {
		now.fan = 2400 + 50*(now.processor-inletTemp)
	}
	return now
}

// shut asks the machine to shut itself down, which its console says.
func (m *machine) shut() error {
	m.mu.Lock()
	up := m.state == sim.Up
	m.mu.Unlock()
	err := m.unit.SoftOff(m.plug)
	if up && err == nil {
		m.say("\r\n" + m.name() + ": the system goes down for power off\r\n")
	}
	return err
}

// interrupt is a diagnostic interrupt: the machine notes it and goes on.
func (m *machine) interrupt() error {
	if !m.unit.Says(m.plug) {
		return sim.ErrOff
	}
	m.say("\r\nNMI received for unknown reason 2d\r\n")
	return nil
}

// say shows something on the console.
func (m *machine) say(text string) {
	m.mu.Lock()
	lines := slices.Collect(maps.Keys(m.lines))
	m.mu.Unlock()
	for _, l := range lines {
		l.show(text)
	}
}
