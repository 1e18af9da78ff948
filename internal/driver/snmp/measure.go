package snmp

import (
	"context"
	"math"
	"strings"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/snmp/profile"
)

// sample is a value that is to be read: where, and what it will be told as.
type sample struct {
	m              *profile.Measure
	tell           driver.Reading // without its value
	object, digits string
	have           value // what was read already, on the way to the row
}

// Measure implements [driver.Meter].
func (s *session) Measure(ctx context.Context, tell func(driver.Reading)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSilent)
	defer cancel()
	samples, err := s.samples(ctx)
	if err != nil {
		return s.fault(err)
	}
	oids := make([]string, 0, 2*len(samples))
	place := make(map[string]int)
	need := func(oid string) {
		if _, have := place[oid]; oid != "" && !have && !s.lacks[oid] {
			place[oid] = len(oids)
			oids = append(oids, oid)
		}
	}
	for _, x := range samples {
		if !x.have.is() {
			need(x.object)
		}
	}
	for _, x := range samples {
		need(x.digits)
		if x.m.FahrenheitIf != "" {
			need(s.profile.Fill(x.m.FahrenheitIf, s.unit()))
		}
	}
	values, err := s.get(ctx, oids, false)
	if err != nil {
		return s.fault(err)
	}
	s.note(oids, values)
	at := func(oid string) value {
		if n, have := place[oid]; have {
			return values[n]
		}
		return value{}
	}
	for _, x := range samples {
		hot := x.m.Fahrenheit
		if x.m.FahrenheitIf != "" {
			hot = at(s.profile.Fill(x.m.FahrenheitIf, s.unit())).String() == string(x.m.FahrenheitValue)
		}
		v := x.have
		if !v.is() {
			v = at(x.object)
		}
		if n, ok := reading(x.m, v, at(x.digits), x.digits != "", hot); ok {
			x.tell.Value = n
			tell(x.tell)
		}
	}
	s.env.Acted()
	return nil
}

// note remembers which objects the device has not, so that it is not asked for them
// each time: version 1 says so one by one.
func (s *session) note(oids []string, values []value) {
	for i, v := range values {
		if v.kind == absent {
			if s.lacks == nil {
				s.lacks = make(map[string]bool)
			}
			s.lacks[oids[i]] = true
		}
	}
}

// maxDigits bounds how many decimal digits a value may be said to have.
const maxDigits = 12

// reading makes a number in the quantity's unit of what the device has; false if it
// has none.
func reading(m *profile.Measure, v, digits value, scaled, fahrenheit bool) (float64, bool) {
	if v.kind != number || v.number < 0 && !m.Signed {
		return 0, false
	}
	n := v.number * m.Scale
	if scaled {
		if digits.kind != number || digits.number < 0 || digits.number > maxDigits {
			return 0, false // a value of unknown size is worse than none
		}
		n *= math.Pow10(-int(digits.number))
	}
	if fahrenheit {
		n = (n - 32) * 5 / 9
	}
	// What one counts is a decimal fraction, which is none in binary.
	return math.Round(n*1e9) / 1e9, true
}

// samples finds what there is to be read. Rows of tables are looked for each time:
// sensors come and go.
func (s *session) samples(ctx context.Context) ([]sample, error) {
	var list []sample
	tables := make(map[string][]binding) // rows of columns that were walked
	walk := func(column string) (rows []binding, err error) {
		rows, known := tables[column]
		if !known {
			rows, err = s.walk(ctx, s.profile.Fill(column, s.unit()))
			tables[column] = rows
		}
		return rows, err
	}
	for i := range s.profile.Measures {
		m := &s.profile.Measures[i]
		x := sample{m: m, tell: driver.Reading{Plug: driver.NoPlug, Part: m.Part, Quantity: m.Quantity}}
		switch m.Of {
		case profile.OfDevice:
			x.object = s.profile.Fill(m.Object, s.unit())
			if m.Digits != "" {
				x.digits = s.profile.Fill(m.Digits, s.unit())
			}
			list = append(list, x)
		case profile.OfPlug:
			list = s.ofPlugs(list, x)
		case profile.OfRows:
			rows, err := walk(m.Object)
			if err != nil {
				return nil, err
			}
			names := rows
			if m.Names != "" {
				if names, err = walk(m.Names); err != nil {
					return nil, err
				}
			}
			list = s.ofRows(list, x, rows, names)
		}
	}
	return list, nil
}

// ofPlugs adds a measure of each plug that there is.
func (s *session) ofPlugs(list []sample, x sample) []sample {
	for p, state := range s.states {
		if state == "" {
			continue
		}
		x.tell.Plug, x.tell.Part = p, ""
		x.object = s.of(x.m.Object, p)
		if x.m.Digits != "" {
			x.digits = s.of(x.m.Digits, p)
		}
		list = append(list, x)
	}
	return list
}

// ofRows adds a measure of each row of a table, named by its name if it has one.
func (s *session) ofRows(list []sample, x sample, rows, names []binding) []sample {
	called := make(map[string]string, len(names))
	if x.m.Names != "" {
		for _, n := range names {
			called[n.oid] = s.clean(n.value.String())
		}
	}
	for _, row := range rows {
		name := called[row.oid]
		if name == "" {
			name = row.oid
		}
		x.tell.Part = strings.ReplaceAll(x.m.Part, "{row}", name)
		x.have = row.value
		if x.m.Digits != "" {
			x.digits = s.profile.Fill(x.m.Digits, s.unit()) + "." + row.oid
		}
		list = append(list, x)
	}
	return list
}

// Describe implements [driver.Describer].
func (s *session) Describe(ctx context.Context) (driver.Description, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSilent)
	defer cancel()
	d := driver.Description{Labels: make(map[int]string)}
	var oids []string
	var tell []func(string)
	want := func(oid string, to func(string)) {
		oids, tell = append(oids, oid), append(tell, to)
	}
	id := s.profile.Identity
	for _, x := range []struct {
		object string
		to     *string
	}{{id.Product, &d.Product}, {id.Firmware, &d.Firmware}, {id.Serial, &d.Serial}, {id.Name, &d.Name}} {
		if x.object != "" {
			want(s.profile.Fill(x.object, s.unit()), func(text string) { *x.to = text })
		}
	}
	for p, state := range s.states {
		if s.profile.Label != "" && state != "" {
			want(s.of(s.profile.Label, p), func(text string) { d.Labels[p] = text })
		}
	}
	values, err := s.get(ctx, oids, true)
	if err != nil {
		return driver.Description{}, s.fault(err)
	}
	for i, v := range values {
		if text := s.clean(v.String()); v.is() && text != "" {
			tell[i](text)
		}
	}
	s.env.Acted()
	return d, nil
}

var (
	_ driver.Meter     = (*session)(nil)
	_ driver.Describer = (*session)(nil)
)
