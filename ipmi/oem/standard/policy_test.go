package standard_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/oem/dell"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/oem/oracle"
)

// TestSameDeeds holds that power is limited, and lights are lit, by the same requests as the packaged clients'.
func TestSameDeeds(t *testing.T) {
	for _, c := range []struct {
		maker   uint32
		command string
		answers map[string]string
		do      func(ctx context.Context, r room) error
		want    string // one of the requests, the only one for the engine
	}{
		{
			dell.ID, "Dell set-power-capacity 350",
			map[string]string{"06/59 00 ea 00 00": "00 11 2c 01 00 f4 01 64 00 02 ee 02 00 00", "30/ba 01 ff": "00 03", "06/58": "00", "30/ba 00 01": "00"},
			func(ctx context.Context, r room) error {
				return r.host.SetCap(ctx, host.Cap{Enabled: true, Watts: 350})
			},
			"06/58 ea 5e 01 00 f4 01 64 00 02 ee 02 00 00",
		},
		{
			dell.ID, "Dell set-power-capacity-status disable",
			map[string]string{"30/ba 01 ff": "00 03", "30/ba 00 00": "00"},
			func(ctx context.Context, r room) error { return r.host.SetCap(ctx, host.Cap{}) },
			"30/ba 00 00",
		},
		{
			intel.ID, "ipmitool -b 6 -t 0x2c nm policy add domain platform power 300 policy_id 3 correction auto trig_lim 1000 stats 60 enable",
			map[string]string{"2e/c1": "00 57 01 00"},
			func(ctx context.Context, r room) error {
				return opened[*intel.Board](intel.Makers(), r).SetPolicy(ctx, intel.Platform, 3,
					intel.Policy{Enabled: true, Watts: 300, Correction: time.Second, Period: time.Minute})
			},
			"2e/c1 57 01 00 10 03 10 00 2c 01 e8 03 00 00 00 00 3c 00",
		},
		{
			oracle.ID, "ipmitool sunoem led set fm0.led SLOW",
			map[string]string{"2e/22": "00"},
			func(ctx context.Context, r room) error {
				return opened[*oracle.Machine](oracle.Makers(), r).SetLED(ctx, "fm0.led", "slow")
			},
			"2e/22 40 34 20 34 03 1d 02 00 00",
		},
		{
			intel.ID, "ipmitool -b 6 -t 0x2c nm policy remove domain platform policy_id 3",
			map[string]string{"2e/c1": "00 57 01 00"},
			func(ctx context.Context, r room) error {
				return opened[*intel.Board](intel.Makers(), r).RemovePolicy(ctx, intel.Platform, 3)
			},
			"2e/c1 57 01 00 00 03 00 00 00 00 00 00 00 00 00 00 00 00",
		},
	} {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t, c.maker, c.answers)
			if err := c.do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			ours, n := r.since(0), len(r.table.Sent())
			r.client(t, c.command)
			if theirs := r.since(n); !slices.Contains(theirs, c.want) || !slices.Contains(ours, c.want) {
				t.Errorf("the client sent %q, we %q; both must have %q", theirs, ours, c.want)
			}
		})
	}
}
