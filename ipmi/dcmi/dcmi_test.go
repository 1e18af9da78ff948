package dcmi_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/dcmi"
	"millwright.dev/millwright/ipmi/ipmitest"
)

const (
	power = "dc c8 00 64 00 2c 01 96 00 00 e1 f5 65 e8 03 00 00 40"
	limit = "dc 00 00 11 f4 01 e8 03 00 00 00 00 0a 00"
)

func codecs() []ipmitest.Codec {
	return []ipmitest.Codec{
		ipmitest.With(dcmi.ParseCapabilityQuery, dcmi.Capability.AppendQuery, "dc 01"),
		ipmitest.Message(dcmi.ParseCapabilityAnswer, "dc 01 05 02 00 01 07"),
		ipmitest.Message(dcmi.ParsePowerQuery, "dc 01 00 00", "dc 02 45 00"),
		ipmitest.Message(dcmi.ParsePower, power),
		ipmitest.Message(dcmi.ParseLimit, limit),
		ipmitest.With(dcmi.ParseLimitSetting, dcmi.Limit.AppendSetting, "dc 00 00 00 01 2c 01 10 27 00 00 00 00 05 00"),
		ipmitest.Message(dcmi.ParseTextPiece, "dc 10 0f", `dc 00 03 "abc"`),
		ipmitest.Message(dcmi.ParseTextAnswer, `dc 03 "abc"`, "dc 20"),
		ipmitest.Message(dcmi.ParseSensorQuery, "dc 01 40 00 01"),
		ipmitest.Message(dcmi.ParseSensorInfo, "dc 02 02 01 00 02 00"),
		ipmitest.Message(dcmi.ParseTemperatures, "dc 02 02 19 01 85 02"),
		ipmitest.Message(dcmi.ParseThermalLimit, "dc 60 2d 3c 00"),
		ipmitest.With(dcmi.ParseThermalSetting, dcmi.ThermalLimit.AppendSetting, "dc 40 01 40 2d 3c 00"),
	}
}

func TestMessages(t *testing.T) { ipmitest.RoundTrips(t, codecs()) }

func FuzzMessages(f *testing.F) { ipmitest.Fuzz(f, codecs()) }

func TestCapabilities(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"2c/01 dc 01": "00 dc 01 05 02 00 01 07", "2c/01 dc 02": "00 dc 01 05 02 00 82 00 00 0a",
		"2c/01 dc 03": "c9", "2c/01 dc 04": "00 dc 01 05 02 01 ff ff", "2c/01 dc 05": "00 dc 01 05 02 03 05 41 c7",
	})
	c, err := dcmi.GetCapabilities(t.Context(), d)
	if err != nil || c.Major != 1 || c.Minor != 5 || !c.Power || !c.SecondaryLAN || c.SELEntries != 512 || !c.SELRollover ||
		c.TempSampling != 10 || c.PrimaryChannel != 1 || c.SerialChannel != 0xff {
		t.Errorf("got %+v, %v", c, err)
	}
	var periods []string
	for _, p := range c.Periods {
		periods = append(periods, p.String())
	}
	if got := strings.Join(periods, " "); got != "5s 1m 7d" {
		t.Errorf("periods %s", got)
	}
	if _, err := dcmi.GetCapabilities(t.Context(), ipmitest.Table(t, nil)); !errors.Is(err, ipmi.CodeInvalidCommand) {
		t.Errorf("without DCMI: %v", err)
	}
}

func TestPower(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"2c/02 dc 01 00 00": "00 " + power, "2c/02 dc 02 05 00": "00 dd" + strings.Repeat(" 00", 17)})
	p, err := dcmi.GetPower(t.Context(), d)
	want := dcmi.Power{Now: 200, Min: 100, Max: 300, Average: 150, At: time.Unix(0x65f5e100, 0).UTC(), Over: time.Second, Active: true}
	if err != nil || p != want {
		t.Errorf("got %+v, %v; want %+v", p, err, want)
	}
	if _, err := dcmi.GetPowerOver(t.Context(), d, 5); err == nil || !strings.Contains(err.Error(), "group dd") {
		t.Errorf("an answer of another group gives %v", err)
	}
}

func TestLimit(t *testing.T) {
	ctx := t.Context()
	want := dcmi.Limit{Exception: dcmi.ExceptionLog, Watts: 500, Correction: time.Second, Sampling: 10 * time.Second}
	for answer, active := range map[string]bool{"00 " + limit: true, "80 " + limit: false} {
		want.Active = active
		l, err := dcmi.GetLimit(ctx, ipmitest.Table(t, map[string]string{"2c/03 dc 00 00": answer}))
		if err != nil || l != want {
			t.Errorf("%s: got %+v, %v; want %+v", answer, l, err, want)
		}
	}
	if l, err := dcmi.GetLimit(ctx, ipmitest.Table(t, map[string]string{"2c/03": "80"})); err != nil || l != (dcmi.Limit{}) {
		t.Errorf("no limit at all: %+v, %v", l, err)
	}
	d := ipmitest.Table(t, map[string]string{
		"2c/04 dc 00 00 00 11 f4 01 e8 03 00 00 00 00 0a 00": "84", "2c/05 dc 01 00 00": "00", "2c/05 dc 00 00 00": "00",
	})
	if err := dcmi.SetLimit(ctx, d, want); !errors.Is(err, ipmi.Code(0x84)) {
		t.Errorf("%v: sent %q", err, d.Sent())
	}
	if err := errors.Join(dcmi.ActivateLimit(ctx, d, true), dcmi.ActivateLimit(ctx, d, false)); err != nil {
		t.Error(err)
	}
}

func TestTexts(t *testing.T) {
	ctx := t.Context()
	d := ipmitest.Table(t, map[string]string{
		"2c/06 dc 00 0f": `00 dc 14 "rack-12-unit-07"`, "2c/06 dc 0f 05": `00 dc 14 "-east"`,
		"2c/09 dc 00 0f": `00 dc 08 "node" 00 00 00 00`, "2c/08": "00 dc 10", "2c/0a": "00 dc 05",
	})
	if tag, err := dcmi.GetAssetTag(ctx, d); err != nil || tag != "rack-12-unit-07-east" {
		t.Errorf("tag %q, %v", tag, err)
	}
	if id, err := dcmi.GetID(ctx, d); err != nil || id != "node" {
		t.Errorf("id %q, %v", id, err)
	}
	before := len(d.Sent())
	if err := errors.Join(dcmi.SetAssetTag(ctx, d, "fifteen-bytes-x"), dcmi.SetID(ctx, d, "node")); err != nil {
		t.Error(err)
	}
	want := []string{
		"2c/08 dc 00 0f 66 69 66 74 65 65 6e 2d 62 79 74 65 73 2d 78", "2c/08 dc 0f 01 00", "2c/0a dc 00 05 6e 6f 64 65 00",
	}
	if sent := d.Sent()[before:]; !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
	for name, tt := range map[string]map[string]string{
		"less than it said": {"2c/06": `00 dc 20 "abc";00 dc 20`},
		"more than it said": {"2c/06": `00 dc 03 "abcdef"`},
	} {
		if tag, err := dcmi.GetAssetTag(ctx, ipmitest.Table(t, tt)); err != nil || tag != "abc" {
			t.Errorf("%s: %q, %v", name, tag, err)
		}
	}
	if err := errors.Join(dcmi.SetAssetTag(ctx, d, strings.Repeat("x", 64))); err == nil {
		t.Error("64 bytes of tag were sent")
	}
}

func TestTemperaturesAndSensors(t *testing.T) {
	ctx := t.Context()
	d := ipmitest.Table(t, map[string]string{
		"2c/10 dc 01 40 00 01": "00 dc 03 02 19 01 85 02", "2c/10 dc 01 40 00 03": "00 dc 03 01 1a 03",
		"2c/07 dc 01 41 00 01": "00 dc 02 02 01 00 02 01", "2c/07 dc 01 42 00 01": "00 dc 09 00",
		"2c/0c dc 40 01": "00 dc 40 2d 3c 00", "2c/0b dc 40 01 20 30 3c 00": "00 dc",
		"2c/13 dc 03 00": "00 dc 01 05 01 04", "2c/12 dc 01 00 01": "00 dc",
	})
	temps, err := dcmi.GetTemperatures(ctx, d, dcmi.EntityInlet)
	if err != nil || !slices.Equal(temps, []dcmi.Temperature{{Celsius: 25, Instance: 1}, {Celsius: -5, Instance: 2}, {Celsius: 26, Instance: 3}}) {
		t.Errorf("temperatures %v, %v", temps, err)
	}
	ids, err := dcmi.GetSensors(ctx, d, dcmi.SensorTemperature, dcmi.EntityCPU)
	if err != nil || !slices.Equal(ids, []uint16{1, 0x0102}) {
		t.Errorf("records %v, %v", ids, err)
	}
	if ids, err := dcmi.GetSensors(ctx, d, dcmi.SensorTemperature, dcmi.EntityBaseboard); err != nil || len(ids) != 0 {
		t.Errorf("nine sensors that are never told: %v, %v", ids, err)
	}
	l, err := dcmi.GetThermalLimit(ctx, d, dcmi.EntityInlet, 1)
	if err != nil || !l.PowerOff || l.Log || l.Celsius != 45 || l.After != time.Minute {
		t.Errorf("limit %+v, %v", l, err)
	}
	l.PowerOff, l.Log, l.Celsius = false, true, 48
	if err := errors.Join(dcmi.SetThermalLimit(ctx, d, l), dcmi.SetConfig(ctx, d, dcmi.ActivateDHCP, 1)); err != nil {
		t.Errorf("%v: sent %q", err, d.Sent())
	}
	if b, err := dcmi.GetConfig(ctx, d, dcmi.DHCPTimeout); err != nil || len(b) != 1 || b[0] != 4 {
		t.Errorf("timeout % x, %v", b, err)
	}
}
