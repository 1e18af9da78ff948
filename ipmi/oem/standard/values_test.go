package standard_test

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/dell"
	"millwright.dev/millwright/ipmi/oem/fujitsu"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/oem/supermicro"
)

// opened gives a machine as its maker's package opens it.
func opened[T any](makers []oem.Maker, r room) T {
	m, _ := oem.As[T](makers[0].Open(oem.Target{Doer: r.s, ID: mc.DeviceID{}}))
	return m
}

// item is ours for a field of the inventory.
func item(name string) func(ctx context.Context, r room) (string, error) {
	return func(ctx context.Context, r room) (string, error) {
		parts, err := r.host.Inventory(ctx)
		for _, p := range parts {
			for _, f := range p.Fields {
				if f.Name == name {
					return f.Text, err
				}
			}
		}
		return "", err
	}
}

func light(name, form string) func(ctx context.Context, r room) (string, error) {
	return func(ctx context.Context, r room) (string, error) {
		lights, err := r.host.LEDs(ctx)
		for _, l := range lights {
			if l.Name == name {
				return fmt.Sprintf(form, l.State), err
			}
		}
		return "", err
	}
}

func dellValues() []agreement {
	limit := map[string]string{"06/59 00 ea 00 00": "00 11 2c 01 00 f4 01 64 00 02 ee 02 00 00", "30/ba 01 ff": "00 03"}
	return []agreement{
		{dell.ID, "Dell get-instantaneous-power-consumption-data", map[string]string{"30/b3 0a 00": "00 2c 01 0f 00 00 00 00 00"}, func(ctx context.Context, r room) (string, error) {
			p, err := opened[*dell.Machine](dell.Makers(), r).Power(ctx)
			return fmt.Sprintf("Instantaneous Power : %d W", p.Now), err
		}},
		{dell.ID, "Dell get-power-consumption-statistics average", map[string]string{
			"30/b3": "00 2c 01 0f 00 00 00 00 00", "06/59 00 eb 00 00": "00 11 01 00 02 01 03 00 04 00",
			"06/59 00 ec 00 00": "00 11 01 00 02 01 03 00 04 00", "06/59 00 ed 00 00": "00 11 01 00 02 01 03 00 04 00",
		}, func(ctx context.Context, r room) (string, error) {
			p, err := opened[*dell.Machine](dell.Makers(), r).Power(ctx)
			return fmt.Sprintf("Last Hour Average Power : %d W", p.Average), err
		}},
		{dell.ID, "Dell get-power-consumption-data", map[string]string{"30/9c 07 01": "00 00 00 00 40 39 30 00 00 00 00 00 40 00 10 00 40 1f 00 00 00 00 50 2c 01"}, func(ctx context.Context, r room) (string, error) {
			e, err := opened[*dell.Machine](dell.Makers(), r).Energy(ctx)
			return fmt.Sprintf("Cumulative Energy : %.2f kWh", float64(e.WattHours)/1000), err
		}},
		{dell.ID, "ipmitool delloem powermonitor", map[string]string{"30/9c 07 01": "00 00 00 00 40 39 30 00 00 00 00 00 40 00 10 00 40 1f 00 00 00 00 50 2c 01"}, func(ctx context.Context, r room) (string, error) {
			e, err := opened[*dell.Machine](dell.Makers(), r).Energy(ctx)
			return fmt.Sprintf("Peak Reading : %d W", e.PeakWatts), err
		}},
		{dell.ID, "Dell get-power-capacity", limit, func(ctx context.Context, r room) (string, error) {
			c, err := opened[*dell.Machine](dell.Makers(), r).Capacity(ctx)
			return fmt.Sprintf("Power Capacity : %d W Minimum Power Consumption : %d W Maximum Power Consumption : %d W Total Number of Power Supplies : %d Available Power : %d W",
				c.Watts, c.Min, c.Max, c.Supplies, c.Available), err
		}},
		{dell.ID, "ipmitool delloem powermonitor getpowerbudget", limit, func(ctx context.Context, r room) (string, error) {
			c, err := r.host.GetCap(ctx)
			return fmt.Sprintf("Power cap : %d Watt", c.Watts), err
		}},
		{dell.ID, "Dell get-power-capacity-status", limit, func(ctx context.Context, r room) (string, error) {
			c, err := r.host.GetCap(ctx)
			return map[bool]string{true: "enabled", false: "disabled"}[c.Enabled], err
		}},
		{dell.ID, "Dell get-chassis-identify-status", map[string]string{"30/32": "00 01"}, func(ctx context.Context, r room) (string, error) {
			s, err := light("identify", "%s")(ctx, r)
			return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):], err
		}},
		{dell.ID, "Dell get-nic-selection", map[string]string{"30/25": "00 03"}, setting("nic.mode", map[string]string{"shared_failover_all": "shared with failover to all NICs"})},
		{dell.ID, "ipmitool delloem lan get", map[string]string{"30/25": "00 02"}, setting("nic.mode", nil)},
		{dell.ID, "Dell get-system-info service-tag", map[string]string{"06/59 00 c5 00 00": `00 11 07 "SVCTG12"`}, item("service.tag")},
		{dell.ID, "Dell get-system-info asset-tag", map[string]string{"06/59 00 c4 00 00": `00 11 05 "ASSET"`}, item("asset.tag")},
		{dell.ID, "Dell get-system-info product-name", map[string]string{"06/59 00 d1 00 00": `00 11 00 00 0e "PowerEdge R720"`}, item("product.name")},
		{dell.ID, "Dell get-system-info board-revision", map[string]string{"06/59 00 c8 00 00": `00 11 03 "A07"`}, item("board.revision")},
	}
}

func irmcValues() []agreement {
	text := map[string]string{"2e/f5 80 28 00 43 02 00 00 20": `00 80 28 00 03 00 02 00 02 01 00 00 50 20 0a "Fan 3 fail" 00`}
	return []agreement{
		{fujitsu.ID, "Fujitsu get-power-on-source", map[string]string{"2e/01 80 28 00 15": "00 80 28 00 01 01"}, func(ctx context.Context, r room) (string, error) {
			s, err := item("power.on.source")(ctx, r)
			return map[string]string{"power switch": "Power switch"}[s], err
		}},
		{fujitsu.ID, "Fujitsu get-power-off-source", map[string]string{"2e/01 80 28 00 16": "00 80 28 00 01 05"}, func(ctx context.Context, r room) (string, error) {
			s, err := item("power.off.source")(ctx, r)
			return map[string]string{"critical temperature": "Critical temperature"}[s], err
		}},
		{fujitsu.ID, "Fujitsu get-identify-led", map[string]string{"2e/f5 80 28 00 b1": "00 80 28 00 01"}, light("identify", "%s")},
		{fujitsu.ID, "Fujitsu get-error-led", map[string]string{"2e/f5 80 28 00 b1": "00 80 28 00 00", "2e/f5 80 28 00 b3": "00 80 28 00 05"}, light("error", "GEL LED: %s")},
		{fujitsu.ID, "Fujitsu get-eeprom-version-info 0", map[string]string{"2e/f5 80 28 00 12 00": "00 80 28 00 01 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"}, func(ctx context.Context, r room) (string, error) {
			list, err := r.host.Firmware(ctx, "BMC firmware 1")
			if len(list) == 0 {
				return "", err
			}
			return fmt.Sprintf("Firmware Revision : %s (%s)", list[0].Build, list[0].Version), err
		}},
		{fujitsu.ID, "Fujitsu get-sel-entry-long-text 2", text, func(ctx context.Context, r room) (string, error) {
			s, _, err := opened[*fujitsu.Machine](fujitsu.Makers(), r).EventText(ctx, 2)
			return "MAJOR ; " + s, err
		}},
	}
}

func boardValues() []agreement {
	return []agreement{
		{supermicro.ID, "Supermicro extra-firmware-info", map[string]string{"3c/20": "00 03 00 00 00 15 00 00 00 07 00 00 00 2a 00 00 00 05 41"}, func(ctx context.Context, r room) (string, error) {
			list, err := r.host.Firmware(ctx, "BMC firmware")
			if len(list) == 0 {
				return "", err
			}
			return fmt.Sprintf("Firmware Version : %s Firmware Build Number : %s", list[0].Version, list[0].Build), err
		}},
		{42, "ipmitool sunoem led get fm0.led", map[string]string{"2e/21": "c9", "2e/21 40 34 20 34 1d 02 00": "00 03"}, func(ctx context.Context, r room) (string, error) {
			s, err := light("fm0.led", "%s")(ctx, r)
			return "fm0.led | " + strings.ToUpper(s), err
		}},
		{supermicro.ID, "Supermicro get-bmc-services-status", map[string]string{"30/70 f0 02": "00 01"}, setting("services", nil)},
		{supermicro.ID, "Supermicro get-pmbus-power-supply-status 2", map[string]string{"06/52 07 7a 01 78": "00 01"}, func(ctx context.Context, r room) (string, error) {
			return opened[*supermicro.Machine](supermicro.Makers(), r).Supply(ctx, 2)
		}},
		{343, "Intel get-power-restore-delay", map[string]string{"30/55": "00 01 2c"}, setting("power.restore.delay", nil)},
		{343, "Intel get-bmc-services", map[string]string{"30/b2": "00 20 80"}, func(ctx context.Context, r room) (string, error) {
			var all []string
			for _, s := range [][2]string{{"ssh", "SSH"}, {"http", "HTTP/HTTPS"}, {"rmcp", "RMCP/RMCP+"}, {"kvm", "KVM"}} {
				v, err := setting("service."+s[0], map[string]string{"enabled": "Enabled", "disabled": "Disabled"})(ctx, r)
				if err != nil {
					return "", err
				}
				all = append(all, s[1]+": "+v)
			}
			return strings.Join(all, " "), nil
		}},
		{15370, "GIGABYTE get-nic-mode", map[string]string{"2e/cc 5e 2b 00 0c 02": "00 5e 2b 00 0c 00 03"}, setting("nic.mode", nil)},
		{15370, "GIGABYTE get-bmc-services", map[string]string{"2e/21": "00 0a 3c 00 00", "2e/21 0a 3c 00 15 6f 00": "00 0a 3c 00 01"}, func(ctx context.Context, r room) (string, error) {
			v, err := setting("service.rpcbind", nil)(ctx, r)
			return "http: disabled rpcbind: " + v, err
		}},
		{6569, "Inventec get-board-id", map[string]string{"34/11": "00 07"}, func(ctx context.Context, r room) (string, error) {
			s, err := item("board.id")(ctx, r)
			return strings.TrimPrefix(s, "0x0") + "h", err
		}},
		{6569, "Inventec get-fcb-version", map[string]string{"34/16": "00 01 02"}, func(ctx context.Context, r room) (string, error) {
			list, err := r.host.Firmware(ctx, "FCB")
			if len(list) == 0 {
				return "", err
			}
			return list[0].Version, err
		}},
	}
}

// stored is what BMCs answer that keep their settings in package extended's store.
func stored(more map[string]string) map[string]string {
	answers := map[string]string{"30/01": "00 07"}
	for k, v := range more {
		answers["30/02 07 "+k+" 00 00 00 ff"] = "00 01 00 00 00 " + v
	}
	return answers
}

func storeValues() []agreement {
	var all []agreement
	for maker, name := range map[uint32]string{7244: "Quanta", 20569: "Inventec"} {
		all = append(all,
			agreement{maker, name + " get-nic-mode", stored(map[string]string{"02 01": "01"}), setting("nic.mode", nil)},
			agreement{maker, name + " get-bmc-services", stored(map[string]string{"04 01": "0a"}), func(ctx context.Context, r room) (string, error) {
				kvm, err := setting("service.kvm", nil)(ctx, r)
				if err != nil {
					return "", err
				}
				http, err := setting("service.http", nil)(ctx, r)
				if kvm != "disabled" || http != "enabled" {
					return "", err
				}
				return "KVM/Virtual Storage disabled SSH/Telnet disabled", err
			}},
			agreement{maker, name + " get-sol-idle-timeout", stored(map[string]string{"03 01": "2c 01"}), setting("sol.idle", nil)},
			agreement{maker, name + " get-dns-config", stored(map[string]string{
				"06 01": "01", "06 02": "c0 00 02 01", "06 03": "c0 00 02 02", "06 04": "00", "06 05": `03 "bmc"`, "06 06": "00", "06 07": `0b "example.net"`,
			}), func(ctx context.Context, r room) (string, error) {
				domain, err := r.host.DomainName(ctx)
				if err != nil {
					return "", err
				}
				server, err := setting("dns.server1", nil)(ctx, r)
				if server != "192.0.2.1" {
					return "", err
				}
				return domain, err
			}},
		)
	}
	return append(all,
		agreement{7244, "Quanta get-power-management-config", stored(map[string]string{"11 01": "00", "11 02": "02", "11 03": "2c 01", "11 04": "01 00", "11 05": "58 02"}), func(ctx context.Context, r room) (string, error) {
			delay, err := setting("power.delay", nil)(ctx, r)
			if err != nil {
				return "", err
			}
			most, err := setting("power.delay.max", nil)(ctx, r)
			return fmt.Sprintf("Power On Delay : %s seconds Minimum Power On Delay : 1 seconds Maximum Power On Delay : %s seconds", delay, most), err
		}},
		agreement{7244, "Quanta get-processor-information", map[string]string{"30/18 01": "00 03 d0 07", "30/18 02": "c9"}, func(ctx context.Context, r room) (string, error) {
			kind, err := item("processor.type")(ctx, r)
			if err != nil {
				return "", err
			}
			mhz, err := item("processor.mhz")(ctx, r)
			return "Processor 1: " + kind + map[string]string{"2000": " 2.00 Ghz"}[mhz], err
		}},
	)
}

func engineValues() []agreement {
	const policy = "00 57 01 00 70 10 00 2c 01 e8 03 00 00 00 00 3c 00"
	return []agreement{
		{343, "ipmitool -b 6 -t 0x2c nm discover", map[string]string{"2e/ca 57 01 00": "00 57 01 00 05 02 00 04 05"}, func(ctx context.Context, r room) (string, error) {
			list, err := r.host.Firmware(ctx, "Management Engine")
			if len(list) == 0 {
				return "", err
			}
			return "Node Manager Version " + strings.TrimPrefix(list[0].Build, "Node Manager ") + " revision 4.05", err
		}},
		{343, "ipmitool -b 6 -t 0x2c nm statistics power", map[string]string{"2e/c8": "00 57 01 00 38 00 04 00 41 00 39 00 ec 56 f7 53 5a 86 00 00 50"}, func(ctx context.Context, r room) (string, error) {
			p, err := opened[*intel.Board](intel.Makers(), r).Power(ctx)
			return fmt.Sprintf("Instantaneous reading: %d Watts Minimum during sampling period: %d Watts Maximum during sampling period: %d Watts Average reading over sample period: %d Watts",
				p.Now, p.Min, p.Max, p.Average), err
		}},
		{343, "ipmitool -b 6 -t 0x2c nm policy get domain platform policy_id 3", map[string]string{"2e/c2 57 01 00 00 03": policy}, func(ctx context.Context, r room) (string, error) {
			p, err := opened[*intel.Board](intel.Makers(), r).Policy(ctx, intel.Platform, 3)
			return fmt.Sprintf("Power Limit: %d Watts Correction Time Limit: %d milliseconds Trigger Limit: %d units Statistics Reporting Period: %.0f seconds",
				p.Watts, p.Correction.Milliseconds(), p.At, p.Period.Seconds()), err
		}},
	}
}

// changes are settings that clients and we write.
func changes() []change {
	ok := map[string]string{"2e/cc": "00 5e 2b 00 0c", "2e/20": "00 0a 3c 00"}
	all := []change{
		{dell.ID, "Dell set-nic-selection dedicated", "nic.mode", "dedicated", map[string]string{"30/24": "00"}, "30/24 02"},
		{supermicro.ID, "Supermicro set-bmc-services-status disable", "services", "disabled", map[string]string{"30/70": "00"}, "30/70 f0 00"},
		{343, "Intel set-power-restore-delay 300", "power.restore.delay", "300", map[string]string{"30/54": "00"}, "30/54 01 2c"},
		{343, "Intel set-bmc-services disable kvm", "service.kvm", "disabled", map[string]string{"30/b1": "00"}, "30/b1 00 00 80"},
		{15370, "GIGABYTE set-nic-mode failover", "nic.mode", "failover", ok, "2e/cc 5e 2b 00 0c 01 03"},
		{15370, "GIGABYTE set-bmc-services enable https", "service.https", "enabled", ok, "2e/20 0a 3c 00 15 bb 01 01"},
	}
	for maker, name := range map[uint32]string{7244: "Quanta", 6569: "Inventec"} {
		write := stored(map[string]string{"04 01": "01"})
		write["30/03"] = "00"
		for _, c := range [][4]string{
			{"set-nic-mode shared", "nic.mode", "shared", "30/03 07 02 01 00 00 00 01 00"},
			{"set-dns-config dnsdomainname=example", "dns.domain", "example", "30/03 07 06 07 00 00 00 01 07 65 78 61 6d 70 6c 65"},
			{"set-dns-config dnsserver1=192.0.2.1", "dns.server1", "192.0.2.1", "30/03 07 06 02 00 00 00 01 c0 00 02 01"},
			{"set-sol-idle-timeout 300", "sol.idle", "300", "30/03 07 03 01 00 00 00 01 2c 01"},
			{"set-bmc-services enable http", "service.http", "enabled", "30/03 07 04 01 00 00 00 01 0a"},
		} {
			all = append(all, change{maker, name + " " + c[0], c[1], c[2], write, c[3]})
		}
	}
	return all
}
