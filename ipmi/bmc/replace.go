package bmc

import (
	"bytes"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi/sel"
)

// SetSDR puts other records in the place of the repository's. Sensors that are in both keep
// their values. A reader who had a reservation begins anew (section 33.11).
func (m *Machine) SetSDR(records [][]byte) error {
	if err := checkRecords(records); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.unlock()
	if slices.EqualFunc(m.sdr.records, records, bytes.Equal) {
		return nil
	}
	reservation := m.sdr.reservation
	m.sdr = newRepository(records, time.Now().Add(m.shift))
	m.sdr.reservation = reservation
	m.sensors = keepGauges(m.sensors, sensorsOf(records))
	return nil
}

// SetSEL puts other records in the place of the event log's, for a Host that keeps the log
// elsewhere. Records have their own numbers and times. A reservation is lost unless
// all that was there before comes first (section 31.4).
func (m *Machine) SetSEL(records []sel.Record) {
	m.mu.Lock()
	defer m.unlock()
	l := &m.sel
	old := l.records
	fresh := newEventLog(records, m.started)
	if n := len(old); n > len(fresh.records) || !slices.Equal(old, fresh.records[:n]) {
		l.reserved, l.erased = false, m.now()
	}
	l.records, l.next, l.overflow = fresh.records, fresh.next, false
	if n := len(records); n > 0 {
		l.added = time.Unix(int64(records[n-1].Time), 0)
	}
}
