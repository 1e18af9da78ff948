package pef_test

import (
	"errors"
	"slices"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/pef"
)

const filter = "01 80 01 21 10 ff ff 01 30 01 81 00 ff 0f 01 00 02 00 00 00 03"

func codecs() []ipmitest.Codec {
	return []ipmitest.Codec{
		ipmitest.Message(pef.ParseCapabilities, "51 bf 14"),
		ipmitest.Message(pef.ParseQuery, "09 01 00", "86 02 03"),
		ipmitest.Message(pef.ParseAnswer, "11 01 18 11 00"),
		ipmitest.Message(pef.ParseSetting, "09 01 18 11 00"),
		ipmitest.Message(pef.ParseFilter, filter),
		ipmitest.Message(pef.ParsePolicy, "01 18 11 00", "02 2b 5f 83"),
		ipmitest.Message(pef.ParseLastEvents, "01 02 03 04 05 06 07 08 09 0a"),
		ipmitest.Message(pef.ParseAlertRequest, "01 01 00", "01 42 85"),
	}
}

func TestMessages(t *testing.T) { ipmitest.RoundTrips(t, codecs()) }

func FuzzMessages(f *testing.F) { ipmitest.Fuzz(f, codecs()) }

// policies is a BMC with three alert policies.
func policies(p ...string) map[string]string {
	return map[string]string{
		"04/13 08 00 00": "00 11 03", "04/12": "00",
		"04/13 09 01 00": "00 11 01 " + p[0], "04/13 09 02 00": "00 11 02 " + p[1], "04/13 09 03 00": "00 11 03 " + p[2],
	}
}

func TestEnsurePolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		answers map[string]string
		set     string // what is written, "" for nothing
		err     error
	}{
		"there is one":          {policies("18 21 00", "00 00 00", "18 13 00"), "", nil},
		"there is one, but off": {policies("18 21 00", "10 13 00", "00 00 00"), "04/12 09 02 18 13 00", nil},
		"the first free":        {policies("18 21 00", "00 00 00", "00 00 00"), "04/12 09 02 18 13 00", nil},
		"no room":               {policies("18 21 00", "18 22 00", "18 11 00"), "", pef.ErrNoRoom},
	} {
		d := ipmitest.Table(t, tt.answers)
		err := pef.EnsurePolicy(t.Context(), d, 1, 3)
		if !errors.Is(err, tt.err) || (tt.err == nil) != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		var want []string
		if tt.set != "" {
			want = []string{"04/12 00 01", tt.set, "04/12 00 00"}
		}
		if sent := d.Sent()[4:]; !slices.Equal(sent, want) {
			t.Errorf("%s: sent %q, want %q", name, sent, want)
		}
	}
}

func TestFilters(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"04/13 05 00 00": "00 11 01", "04/13 06 01 00": "00 11 " + filter, "04/12": "00"})
	all, err := pef.GetFilters(t.Context(), d)
	if err != nil || len(all) != 1 {
		t.Fatalf("filters %+v, %v", all, err)
	}
	f := all[0]
	if !f.Enabled || f.Actions != pef.Alert || f.Policy != 1 || f.Group != 2 || f.SensorType != 1 || f.Sensor != 0x30 || f.Offsets != 0x81 || f.Data[2].Compare2 != 3 {
		t.Errorf("filter %+v", f)
	}
	before := len(d.Sent())
	if err := errors.Join(pef.EnableFilter(t.Context(), d, 1, false), pef.SetFilter(t.Context(), d, f)); err != nil {
		t.Error(err)
	}
	want := []string{"04/13 06 01 00", "04/12 00 01", "04/12 07 01 00", "04/12 00 00", "04/12 00 01", "04/12 06 " + filter, "04/12 00 00"}
	if sent := d.Sent()[before:]; !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
}

func TestTheRest(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"04/10": "00 51 3f 28", "04/11 ff": "00 05", "04/13 01 00 00": "00 11 03", "04/15": "00 01 00 00 00 10 00 0f 00 0e 00",
		"04/14 01 10 00": "00", "04/16 01 02 00": "00", "04/16 01 42 00": "00 03",
	})
	ctx := t.Context()
	c, err := pef.GetCapabilities(ctx, d)
	if err != nil || c.Filters != 40 || !c.Actions.Has(pef.Alert|pef.DiagInterrupt) || c.OEM {
		t.Errorf("capabilities %+v, %v", c, err)
	}
	left, err := pef.Arm(ctx, d, pef.ArmQuery)
	if err != nil || left != 5 {
		t.Errorf("timer %d, %v", left, err)
	}
	x, err := pef.GetByte(ctx, d, pef.Control)
	if err != nil || pef.ControlBits(x) != pef.EnablePEF|pef.EnableEventMessage {
		t.Errorf("control %02x, %v", x, err)
	}
	last, err := pef.GetLastEvents(ctx, d)
	if err != nil || last != (pef.LastEvents{LastAdded: 1, LastRecord: 16, BySoftware: 15, ByBMC: 14}) {
		t.Errorf("last %+v, %v", last, err)
	}
	if err := errors.Join(pef.SetLastEvent(ctx, d, 16, true), pef.SendAlert(ctx, d, 1, 2)); err != nil {
		t.Error(err)
	}
	if r := d.Requests(); !r[len(r)-1].Once {
		t.Error("an alert may be sent twice")
	}
	s, err := pef.GetAlert(ctx, d, 1, 2)
	if err != nil || s != pef.AlertTimedOut {
		t.Errorf("the alert %v, %v", s, err)
	}
	if _, err := pef.GetPolicies(ctx, ipmitest.Table(t, nil)); !errors.Is(err, ipmi.CodeInvalidCommand) {
		t.Errorf("without PEF: %v", err)
	}
}
