package chassis_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/ipmitest"
)

func codecs() []ipmitest.Codec {
	return []ipmitest.Codec{
		ipmitest.Message(chassis.ParseStatus, "21 10 40", "5e 0f 6f 95"),
		ipmitest.Message(chassis.ParseCapabilities, "07 20 20 20 20 20", "0f 20 20 20 20"),
		ipmitest.Message(chassis.ParseAction, "03"),
		ipmitest.Message(chassis.ParsePolicy, "02"),
		ipmitest.Message(chassis.ParsePolicySupport, "07"),
		ipmitest.Message(chassis.ParseCause, "04 0e"),
		ipmitest.Message(chassis.ParseHours, "3c 10 27 00 00"),
		ipmitest.Message(chassis.ParseIdentify, "0f", "00 01"),
		ipmitest.Message(chassis.ParseBootQuery, "05 00 00"),
		ipmitest.Message(chassis.ParseBootAnswer, "01 05 a0 04 00 00 00", "01 83"),
		ipmitest.Message(chassis.ParseBootSetting, "05 80 18 00 00 00", "83"),
		ipmitest.Message(chassis.ParseBoot, "e0 ff ff 0f 1f", "80 04 00 00 e1"),
		ipmitest.Message(chassis.ParseInitiator, "01 11 22 33 44 55 66 77 08"),
	}
}

func TestMessages(t *testing.T) { ipmitest.RoundTrips(t, codecs()) }

func FuzzMessages(f *testing.F) { ipmitest.Fuzz(f, codecs()) }

func TestStatus(t *testing.T) {
	for answer, want := range map[string]chassis.Status{
		"00 21 10 40":    {On: true, Policy: chassis.PolicyPrevious, Last: chassis.LastCommand, HasIdentify: true},
		"00 40 00 64 11": {Policy: chassis.PolicyOn, HasIdentify: true, Identify: chassis.LightForever, DriveFault: true, FrontPanel: 0x11, HasPanel: true},
		"00 01 00":       {On: true},
	} {
		got, err := chassis.GetStatus(t.Context(), ipmitest.Table(t, map[string]string{"00/01": answer}))
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", answer, got, err, want)
		}
	}
}

func TestControlRepeatsOnlyWhatDoesNoHarm(t *testing.T) {
	for a, once := range map[chassis.Action]bool{
		chassis.PowerOff: false, chassis.PowerOn: false, chassis.SoftOff: false,
		chassis.PowerCycle: true, chassis.HardReset: true, chassis.DiagInt: true,
	} {
		d := ipmitest.Table(t, map[string]string{"00/02": "00"})
		if err := chassis.Control(t.Context(), d, a); err != nil {
			t.Errorf("%v: %v", a, err)
		}
		if r := d.Requests()[0]; r.Once != once || r.Data[0] != byte(a) {
			t.Errorf("%v was sent as %+v", a, r)
		}
	}
}

func TestWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		d := ipmitest.Table(t, map[string]string{"00/01": "00 01 00 00;c0;00 01 00 00;00 00 00 00"})
		if err := chassis.WaitFor(t.Context(), d, false, 0); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v, not 3 s", took)
		}
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		err := chassis.WaitFor(ctx, ipmitest.Table(t, map[string]string{"00/01": "00 01 00 00;c0"}), false, 0)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ipmi.CodeBusy) {
			t.Errorf("a machine that stays on gives %v", err)
		}
	})
}

func TestIdentify(t *testing.T) {
	for _, tt := range []struct {
		length time.Duration
		answer string
		sent   []string
	}{
		{0, "00", []string{"00/04 00"}},
		{1500 * time.Millisecond, "00", []string{"00/04 02"}},
		{-1, "00", []string{"00/04 00 01"}},
		{-1, "c7;00", []string{"00/04 00 01", "00/04 ff"}},
	} {
		d := ipmitest.Table(t, map[string]string{"00/04": tt.answer})
		if err := chassis.SetIdentify(t.Context(), d, tt.length); err != nil || !slices.Equal(d.Sent(), tt.sent) {
			t.Errorf("%v: sent %q, %v; want %q", tt.length, d.Sent(), err, tt.sent)
		}
	}
	if err := chassis.SetIdentify(t.Context(), ipmitest.Table(t, nil), 256*time.Second); err == nil || errors.Is(err, ipmi.CodeInvalidCommand) {
		t.Errorf("256 s were sent: %v", err)
	}
}

func TestBoot(t *testing.T) {
	for names, want := range map[string]string{
		"network pxe net":      "04",
		"hd":                   "08",
		"safe":                 "0c",
		"optical cd cdrom dvd": "14",
		"setup bios f1":        "18",
		"floppy usb":           "3c",
	} {
		for _, name := range strings.Fields(names) {
			dev, err := chassis.ParseDevice(name)
			if err != nil {
				t.Error(err)
			}
			d := ipmitest.Table(t, map[string]string{"00/08": "00"})
			if err := chassis.SetBoot(t.Context(), d, chassis.Boot{Device: dev, Persistent: true, EFI: true}); err != nil {
				t.Error(err)
			}
			if sent := d.Sent(); !slices.Equal(sent, []string{"00/08 03 08", "00/08 05 e0 " + want + " 00 00 00"}) {
				t.Errorf("%s was sent as %q", name, sent)
			}
		}
	}
	d := ipmitest.Table(t, map[string]string{"00/08 03 08": "80", "00/08": "00"})
	if err := chassis.SetBoot(t.Context(), d, chassis.Boot{}); err != nil {
		t.Errorf("a BMC that does not know parameter 3: %v", err)
	}
	if sent := d.Sent(); sent[1] != "00/08 05 00 00 00 00 00" {
		t.Errorf("the default was sent as %q", sent)
	}
	if _, err := chassis.ParseDevice("tape"); err == nil {
		t.Error("one can boot from tape")
	}
}

func TestGetBoot(t *testing.T) {
	for answer, want := range map[string]chassis.Boot{
		"00 01 05 e0 04 00 00 00": {Valid: true, Persistent: true, EFI: true, Device: chassis.PXE},
		"00 01 05 60 04 00 00 00": {}, // not valid
		"00 01 85 e0 04 00 00 00": {}, // marked invalid
	} {
		got, err := chassis.GetBoot(t.Context(), ipmitest.Table(t, map[string]string{"00/09 05 00 00": answer}))
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", answer, got, err, want)
		}
	}
	_, err := chassis.GetBoot(t.Context(), ipmitest.Table(t, map[string]string{"00/09": "00 01 05"}))
	if !errors.Is(err, ipmi.ErrShort) {
		t.Errorf("flags without bytes give %v", err)
	}
}

func TestTheRest(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{
		"00/00": "00 07 20 20 20 20", "00/05 07 20 20 20 20": "00", "00/06 03": "00 05", "00/06 02": "00 07",
		"00/07": "00 04 0e", "00/0f": "00 3c 0a 00 00 00", "00/0a 05": "00", "00/0b 14": "00", "00/08 04 01 01": "00",
	})
	ctx := t.Context()
	c, err := chassis.GetCapabilities(ctx, d)
	if err != nil || !c.Diagnostic || c.Interlock || c.Bridge != 0x20 {
		t.Errorf("capabilities %+v, %v", c, err)
	}
	can, err := chassis.SetPolicy(ctx, d, chassis.PolicyUnknown)
	if err != nil || !can.Has(chassis.PolicyOff) || can.Has(chassis.PolicyPrevious) || !can.Has(chassis.PolicyOn) {
		t.Errorf("policies %03b, %v", can, err)
	}
	cause, err := chassis.GetCause(ctx, d)
	if err != nil || cause.Reason.String() != "watchdog" || cause.Channel != 0x0e {
		t.Errorf("cause %+v, %v", cause, err)
	}
	hours, err := chassis.GetHours(ctx, d)
	if err != nil || hours.Duration() != 10*time.Hour {
		t.Errorf("on for %v, %v", hours.Duration(), err)
	}
	_, err = chassis.SetPolicy(ctx, d, chassis.PolicyOn)
	if err := errors.Join(err, chassis.SetCapabilities(ctx, d, c), chassis.SetFrontPanel(ctx, d, chassis.ButtonPower|chassis.ButtonDiag),
		chassis.SetCycleTime(ctx, d, 20), chassis.Acknowledge(ctx, d, 1, 1)); err != nil {
		t.Error(err)
	}
}
