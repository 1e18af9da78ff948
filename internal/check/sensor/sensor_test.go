package sensor_test

import (
	"context"
	"errors"
	"testing"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/sensor"
	"millwright.dev/millwright/internal/driver"
)

func number(n float64) *float64 { return &n }

func TestLimits(t *testing.T) {
	env := checktest.Env()
	env.Measure = func(context.Context) ([]check.Value, error) {
		return []check.Value{
			{Part: "CPU1 Temp", Quantity: driver.Temperature, Value: 61},
			{Part: "CPU2/a Temp", Quantity: driver.Temperature, Value: 82},
			{Part: "inlet", Quantity: driver.Temperature, Value: 22},
			{Quantity: driver.Power, Value: 120},
			{Quantity: driver.Power, Value: 100},
		}, nil
	}
	type S = sensor.Settings
	for _, tt := range []struct {
		name string
		s    S
		want check.Verdict
		says string
	}{
		{"each", S{Quantity: "temperature", Part: "*", Max: number(90)}, check.OK, "3 values of temperature, 22 to 82 °C"},
		{"one too hot", S{Quantity: "temperature", Part: "cpu*", Max: number(80)}, check.Bad, "CPU2/a Temp 82, more than 80"},
		{"one of them", S{Quantity: "temperature", Part: "INLET", Min: number(10), Max: number(30)}, check.OK, "temperature inlet 22 °C"},
		{"too cold", S{Quantity: "temperature", Part: "inlet", Min: number(25)}, check.Bad, "less than 25"},
		{"sum", S{Quantity: "power", Of: "sum", Max: number(200)}, check.Bad, "of 2 together 220, more than 200"},
		{"highest", S{Quantity: "power", Of: "highest", Min: number(110)}, check.OK, "120 W"},
		{"lowest", S{Quantity: "power", Of: "lowest", Min: number(110)}, check.Bad, "100, less than 110"},
		{"none", S{Quantity: "humidity", Part: "*", Max: number(1)}, check.Unknown, "0 values of humidity"},
		{"too few", S{Quantity: "power", Least: 3, Max: number(200)}, check.Unknown, "2 values of power"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checktest.Says(t, checktest.Look(t, &tt.s, env), tt.want, tt.says)
		})
	}
	env.Measure = func(context.Context) ([]check.Value, error) { return nil, errors.New("its BMC is silent") }
	checktest.Says(t, checktest.Look(t, &S{Quantity: "power", Max: number(1)}, env), check.Unknown, "its BMC is silent")
	for _, s := range []S{{}, {Quantity: "power"}, {Quantity: "power", Min: number(2), Max: number(1)}, {Quantity: "power", Max: number(1), Part: "["}, {Quantity: "power", Max: number(1), Of: "all"}, {Quantity: "power", Max: number(1), Least: -1}} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
