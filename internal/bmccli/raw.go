package bmccli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
)

const rawLong = `Sends any request: its network function and command (decimal, or hexadecimal behind 0x, or
the first as a name: chassis, bridge, sensor, app, firmware, storage, transport, group,
oem) and its data as hexadecimal bytes. What comes back is printed as bytes, without the
completion code; a code other than 0 is a failure.

A request is sent again when no answer comes, unless --once says that it must not happen
twice. --bridge sends it to a controller behind the BMC.`

func (c *caller) rawVerbs() []*cobra.Command {
	var once bool
	var lun uint8
	raw := c.verb("raw NETFN COMMAND [HEX…]", "Send any request", rawLong, "bmc[1-40] raw app 1\nbmc7 raw 0x0a 0x43 00 00 00 00 00 ff\nbmc7 raw app 1 -b 0:0x82", cobra.MinimumNArgs(2), func(args []string) (job, error) {
		r, err := rawRequest(args)
		r.Once, r.LUN = once, lun&3
		return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			b, err := d.Do(ctx, r)
			if err != nil {
				return answer{}, err
			}
			a := said("% x", b)
			a.value = map[string]any{"data": fmt.Sprintf("%x", b)}
			if len(b) == 0 {
				a.line = "done"
			}
			return a, nil
		}}, err
	})
	raw.Flags().BoolVar(&once, "once", false, "never send it twice")
	raw.Flags().Uint8VarP(&lun, "lun", "l", 0, "to the LUN `N`, 0 to 3")
	return []*cobra.Command{raw, c.i2cVerb()}
}

func rawRequest(words []string) (ipmi.Request, error) {
	var r ipmi.Request
	names := map[string]ipmi.NetFn{
		"chassis": ipmi.NetFnChassis, "bridge": ipmi.NetFnBridge, "sensor": ipmi.NetFnSensor, "app": ipmi.NetFnApp, "firmware": ipmi.NetFnFirmware,
		"storage": ipmi.NetFnStorage, "transport": ipmi.NetFnTransport, "group": ipmi.NetFnGroup, "oem": ipmi.NetFnOEM,
	}
	fn, known := names[words[0]]
	if !known {
		n, err := number(words[0], 0, 0x3f)
		if err != nil {
			return r, err
		}
		if n%2 == 1 {
			return r, usagef("raw: network functions of requests are even, and %d is that of an answer", n)
		}
		fn = ipmi.NetFn(n)
	}
	cmd, err := number(words[1], 0, 255)
	if err != nil {
		return r, err
	}
	r.NetFn, r.Cmd = fn, uint8(cmd)
	r.Data, err = hexBytes(words[2:])
	return r, err
}

const i2cLong = `Writes bytes to a device on a bus of the controller, and reads some from it (Master
Write-Read). ADDRESS is of 8 bits, as the standard has it. When bytes are written it is
sent at most once.`

func (c *caller) i2cVerb() *cobra.Command {
	var t mc.BusTransfer
	v := c.verb("i2c ADDRESS COUNT [HEX…]", "Write and read on a bus behind the controller", i2cLong, "bmc7 i2c 0xa0 16 00\nbmc7 i2c 0x90 2 --bus 1 --private", cobra.MinimumNArgs(2), func(args []string) (job, error) {
		at, err := number(args[0], 0, 255)
		if err != nil {
			return job{}, err
		}
		count, err := number(args[1], 0, 255)
		if err != nil {
			return job{}, err
		}
		t := t
		t.Address, t.Read = uint8(at), uint8(count)
		t.Write, err = hexBytes(args[2:])
		return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			b, err := mc.Transfer(ctx, d, t)
			a := answer{text: hexDump(b), value: map[string]string{"data": fmt.Sprintf("%x", b)}}
			if len(b) == 0 {
				a.text, a.line = "", "written"
			}
			return unlessFailed(a, err)
		}}, err
	})
	v.Flags().Uint8Var(&t.Bus, "bus", 0, "the bus `N`, 0 to 7")
	v.Flags().BoolVar(&t.Private, "private", false, "of the controller's own")
	v.Flags().Uint8Var(&t.Channel, "channel", 0, "of channel `N`")
	return v
}
