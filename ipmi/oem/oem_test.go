package oem_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
)

func maker(name string, probe bool, products ...oem.Product) oem.Maker {
	m := oem.Maker{Name: name, Products: products, Open: func(oem.Target) oem.Machine { return name }}
	if probe {
		m.Probe = func(ctx context.Context, t oem.Target) (bool, error) {
			b, err := t.Doer.Do(ctx, ipmi.Request{NetFn: ipmi.NetFnOEM, Cmd: 1, Data: []byte(name)})
			return len(b) == 1, err
		}
	}
	return m
}

func TestFind(t *testing.T) {
	makers := []oem.Maker{
		maker("any", false, oem.Product{Product: oem.AnyProduct, Device: oem.AnyProduct}),
		maker("a", true, oem.Product{Maker: 7, Product: oem.AnyProduct, Device: oem.AnyProduct}),
		maker("b", true, oem.Product{Maker: 7, Product: oem.AnyProduct, Device: oem.AnyProduct}),
		maker("c", false, oem.Product{Maker: 7, Product: 3, Device: 32}),
	}
	for name, tt := range map[string]struct {
		id      mc.DeviceID
		o       oem.Options
		answers map[string]string
		want    string
		asked   int
	}{
		"by product":                      {mc.DeviceID{Maker: 7, Product: 3, ID: 32}, oem.Options{}, nil, "c", 0},
		"by product, but another device":  {mc.DeviceID{Maker: 7, Product: 3, ID: 31}, oem.Options{}, map[string]string{"2e/01 61": "c1", "2e/01 62": "00 01"}, "b", 2},
		"by manufacturer":                 {mc.DeviceID{Maker: 7, Product: 4}, oem.Options{}, map[string]string{"2e/01": "00 01"}, "a", 1},
		"nobody says yes":                 {mc.DeviceID{Maker: 7, Product: 4}, oem.Options{}, map[string]string{"2e/01": "00"}, "any", 2},
		"without asking":                  {mc.DeviceID{Maker: 7, Product: 4}, oem.Options{NoProbes: true}, nil, "any", 0},
		"known":                           {mc.DeviceID{Maker: 7, Product: 4}, oem.Options{Known: "b"}, nil, "b", 0},
		"known by a name that is no more": {mc.DeviceID{Maker: 8}, oem.Options{Known: "x"}, nil, "any", 0},
	} {
		d := ipmitest.Table(t, tt.answers)
		got, m, err := oem.Find(t.Context(), makers, oem.Target{Doer: d, ID: tt.id}, tt.o)
		if err != nil || got != tt.want || m != tt.want || len(d.Sent()) != tt.asked {
			t.Errorf("%s: %q after %d questions, %v; want %q after %d", name, got, len(d.Sent()), err, tt.want, tt.asked)
		}
	}
	if got, m, err := oem.Find(t.Context(), makers[1:], oem.Target{ID: mc.DeviceID{Maker: 9}}, oem.Options{}); got != "" || m != nil || err != nil {
		t.Errorf("a stranger is %q, %v, %v", got, m, err)
	}
}

func TestFindSaysWhenTheBMCIsGone(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	makers := []oem.Maker{maker("a", true, oem.Product{Maker: 7, Product: oem.AnyProduct, Device: oem.AnyProduct})}
	_, _, err := oem.Find(ctx, makers, oem.Target{Doer: ipmitest.Table(t, nil), ID: mc.DeviceID{Maker: 7}}, oem.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestUnsupported(t *testing.T) {
	err := error(&oem.UnsupportedError{What: "read the lights", Maker: 674, Product: 256})
	if !errors.Is(err, oem.ErrUnsupported) || !strings.Contains(err.Error(), "read the lights: not supported: Dell product 256") {
		t.Error(err)
	}
	if oem.MakerName(99999) != "manufacturer 99999" {
		t.Error(oem.MakerName(99999))
	}
}
