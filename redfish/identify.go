package redfish

import (
	"context"
	"errors"
)

// Light is the light by which a machine is found in its room.
type Light string

// The states of the light.
const (
	LightOff      Light = "Off"
	LightOn       Light = "Lit"
	LightBlinking Light = "Blinking"
	LightUnknown  Light = ""
)

// Light reads the light, of the machine or else of what it is in.
func (s *System) Light(ctx context.Context) (Light, error) {
	var light Light
	err := s.lit(ctx, func(d Document) error {
		light = lightOf(d)
		return nil
	})
	return light, err
}

func lightOf(d Document) Light {
	if on, ok := d.Bool("LocationIndicatorActive"); ok {
		if on {
			return LightOn
		}
		return LightOff
	}
	switch l := Light(d.String("IndicatorLED")); l {
	case LightOff, LightOn, LightBlinking:
		return l
	}
	return LightUnknown
}

// SetLight switches the light. Where it cannot blink, or only that, it is lit all the
// same.
func (s *System) SetLight(ctx context.Context, l Light) error {
	return s.lit(ctx, func(d Document) error {
		if d.Has("LocationIndicatorActive") {
			_, err := s.client.Patch(ctx, d.Link(), map[string]any{"LocationIndicatorActive": l != LightOff})
			if err == nil || !d.Has("IndicatorLED") {
				return err
			}
		}
		_, err := s.client.Patch(ctx, d.Link(), map[string]any{"IndicatorLED": l})
		if l != LightOff && (errors.Is(err, Invalid) || errors.Is(err, Unsupported)) {
			other := LightOn
			if l == LightOn {
				other = LightBlinking
			}
			_, err = s.client.Patch(ctx, d.Link(), map[string]any{"IndicatorLED": other})
		}
		return err
	})
}

// lit gives the resource that has the light.
func (s *System) lit(ctx context.Context, do func(Document) error) error {
	d, err := s.client.Read(ctx, s.Path)
	if err != nil {
		return err
	}
	if d.Has("LocationIndicatorActive") || d.Has("IndicatorLED") {
		return do(at(d, s.Path))
	}
	list, err := s.Chassis(ctx)
	for _, d := range list {
		if d.Link() == "" {
			continue
		}
		if fresh, err := s.client.Read(ctx, d.Link()); err == nil && (fresh.Has("LocationIndicatorActive") || fresh.Has("IndicatorLED")) {
			return do(at(fresh, d.Link()))
		}
	}
	if err != nil {
		return err
	}
	return &UnsupportedError{What: "a light to find it by"}
}

// at gives a document that knows where it was read.
func at(d Document, path string) Document {
	if d.Link() != "" {
		return d
	}
	members := map[string]any{"@odata.id": path}
	for _, k := range d.Keys() {
		members[k] = d.At(k).value
	}
	return Document{value: members, etag: d.etag}
}
