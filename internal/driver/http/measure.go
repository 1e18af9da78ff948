package httpdriver

import (
	"context"
	"errors"
	"math"
	"strconv"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/web"
)

// Measure implements [driver.Meter].
func (s *session) Measure(ctx context.Context, tell func(driver.Reading)) error {
	var got gathering
	for i := range s.spec.Measure {
		m := &s.spec.Measure[i]
		s.pages(ctx, &got, &m.Request, func(t *web.Talk, p *page, plug int) {
			for _, v := range m.Values {
				s.reading(t, p, v, plug, tell)
			}
		})
	}
	return got.err()
}

// gathering is how it went with several pages: some devices have only some of them.
type gathering struct {
	pages int
	no    error // the first that it would not show
	lost  error // after which nothing more is asked
}

func (g *gathering) err() error {
	if g.lost != nil || g.pages > 0 {
		return g.lost
	}
	return g.no
}

// pages asks a request that only reads, for each plug or once, each in an action of
// its own.
func (s *session) pages(ctx context.Context, got *gathering, r *Request, look func(t *web.Talk, p *page, plug int)) {
	plugs := []int{noPlug}
	if r.perPlug() {
		plugs = plugs[:0]
		for plug := range s.env.Plugs {
			plugs = append(plugs, plug)
		}
	}
	for _, plug := range plugs {
		if got.lost != nil {
			return
		}
		err := s.Aside(ctx, func(t *web.Talk) error {
			p, err := s.exchange(t, r, plug, false)
			if err == nil {
				look(t, p, plug)
			}
			return err
		})
		var f *driver.Fault
		switch {
		case err == nil:
			got.pages++
		case errors.As(err, &f):
			got.lost = err
		case got.no == nil:
			got.no = err
		}
	}
}

// reading tells the values that v finds in a page: one, or one of each plug.
func (s *session) reading(t *web.Talk, p *page, v Value, plug int, tell func(driver.Reading)) {
	pattern, _ := v.pattern()
	plugs := []int{plug}
	if plug == noPlug && mentionsPlug(pattern) {
		plugs = plugs[:0]
		for i := range s.env.Plugs {
			plugs = append(plugs, i)
		}
	}
	for _, of := range plugs {
		found, err := p.find(v.Find, s.filler(t, of))
		if err != nil {
			continue // this model does not measure it
		}
		n, err := strconv.ParseFloat(found, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			continue
		}
		if v.Scale != 0 {
			n *= v.Scale
		}
		r := driver.Reading{Plug: driver.NoPlug, Part: v.Part, Quantity: driver.Quantity(v.Quantity), Value: n}
		if of != noPlug {
			r.Plug, r.Part = of, ""
		}
		tell(r)
	}
}

// Describe implements [driver.Describer].
func (s *session) Describe(ctx context.Context) (driver.Description, error) {
	var d driver.Description
	var got gathering
	for i := range s.spec.Describe {
		e := &s.spec.Describe[i]
		s.pages(ctx, &got, &e.Request, func(t *web.Talk, p *page, plug int) {
			for _, part := range []struct {
				find Find
				text *string
			}{{e.Product, &d.Product}, {e.Firmware, &d.Firmware}, {e.Serial, &d.Serial}, {e.Name, &d.Name}} {
				if found := s.described(t, p, part.find, plug); found != "" {
					*part.text = found
				}
			}
			s.labels(t, p, e.Label, plug, &d)
		})
	}
	return d, got.err()
}

// described gives a text that describes, fit to be shown; empty if it is not there.
func (s *session) described(t *web.Talk, p *page, f Find, plug int) string {
	if f == (Find{}) {
		return ""
	}
	found, err := p.find(f, s.filler(t, plug))
	if err != nil {
		return ""
	}
	return t.Client.Clean(found)
}

func (s *session) labels(t *web.Talk, p *page, f Find, plug int, d *driver.Description) {
	if f == (Find{}) {
		return
	}
	for i := range s.env.Plugs {
		if plug != noPlug && plug != i {
			continue
		}
		if label := s.described(t, p, f, i); label != "" {
			if d.Labels == nil {
				d.Labels = make(map[int]string)
			}
			d.Labels[i] = label
		}
	}
}
