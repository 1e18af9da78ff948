package bmc

import (
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/mc"
)

func deviceID(c *call) ([]byte, error) {
	b := c.m.cfg.Device.Append(nil)
	if f := c.m.cfg.Faults; f != nil && f.ShortDeviceID && len(b) > 14 {
		b = b[:14]
	}
	return b, nil
}

func deviceGUID(c *call) ([]byte, error) { return c.m.cfg.GUID.Append(nil), nil }

func systemGUID(c *call) ([]byte, error) { return c.m.cfg.GUID.Append(nil), nil }

func selfTest(*call) ([]byte, error) {
	return mc.SelfTest{Result: mc.SelfTestPassed}.Append(nil), nil
}

// coldReset ends every session once it was answered, the asking one too (section 20.2).
func coldReset(c *call) ([]byte, error) {
	if r, ok := c.m.host.(Resetter); ok {
		if err := r.ResetController(c.ctx, c.who, false); err != nil {
			return nil, err
		}
	}
	c.m.mu.Lock()
	defer c.m.unlock()
	c.m.dog.halt()
	c.m.dog = watchdog{}
	c.later = c.m.endSessions
	return nil, nil
}

func warmReset(c *call) ([]byte, error) {
	if r, ok := c.m.host.(Resetter); ok {
		return nil, r.ResetController(c.ctx, c.who, true)
	}
	return nil, nil
}

func setACPI(c *call) ([]byte, error) {
	r, err := mc.ParseSetACPIRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if r.SetSystem {
		c.m.acpi.System = r.System
	}
	if r.SetDevice {
		c.m.acpi.Device = r.Device
	}
	return nil, nil
}

func getACPI(c *call) ([]byte, error) { return c.m.acpi.Append(nil), nil }

func setEnables(c *call) ([]byte, error) {
	e, err := mc.ParseEnables(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	c.m.enables = e
	return nil, nil
}

func getEnables(c *call) ([]byte, error) { return c.m.enables.Append(nil), nil }

func messageFlags(*call) ([]byte, error) { return mc.Flags(0).Append(nil), nil }

// netFnSupport says which network functions there are (section 21.2).
func netFnSupport(*call) ([]byte, error) {
	var n mc.NetFns
	n.LUNs[0] = mc.LUNSpecified
	for _, fn := range []ipmi.NetFn{ipmi.NetFnChassis, ipmi.NetFnSensor, ipmi.NetFnApp, ipmi.NetFnStorage, ipmi.NetFnTransport, ipmi.NetFnGroup} {
		n.Bits[0] |= 1 << (fn / 2)
	}
	return n.Append(nil), nil
}

// commandSupport says which commands there are: a set bit is one that is not (section 21.3).
func commandSupport(c *call) ([]byte, error) {
	q, err := mc.ParseCommandQuery(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	var mask mc.CommandMask
	for i := range uint8(128) {
		if _, ok := lookup(q.NetFn, q.Half<<7|i); !ok {
			mask[i>>3] |= 1 << (i & 7)
		}
	}
	return mask.Append(nil), nil
}

// systemInfoRules are the system information parameters (section 22.14a).
func systemInfoRules(p uint8) rule {
	switch p {
	case 0:
		return rule{size: 1}
	case 1, 2, 3, 4, 5:
		return rule{size: 16, selector: true, any: true, count: 16}
	}
	return rule{}
}

func getSystemInfo(c *call) ([]byte, error) {
	p, set := c.data[1], c.data[2]
	if c.data[0]&0x80 != 0 {
		return []byte{0x11}, nil
	}
	if v, ok := c.m.info.at(p, set); ok {
		return append([]byte{0x11}, v...), nil
	}
	var text string
	switch p {
	case 0:
		return []byte{0x11, 0}, nil
	case 1:
		text = c.m.cfg.Device.Firmware()
	case 2:
		text = c.m.cfg.Name
	case 3, 4, 5:
	default:
		return nil, codeParameter
	}
	block := make([]byte, 17) // set selector and 16 bytes
	block[0] = set
	if set == 0 {
		block[2] = byte(min(len(text), 255))
		copy(block[3:], text)
		return append([]byte{0x11}, block...), nil
	}
	at := 14 + 16*(int(set)-1)
	if at >= len(text) && set > 1 {
		return nil, ipmi.CodeOutOfRange
	}
	if at < len(text) {
		copy(block[1:], text[at:])
	}
	return append([]byte{0x11}, block...), nil
}

func setSystemInfo(c *call) ([]byte, error) {
	return nil, c.m.info.set(systemInfoRules, c.data[0], c.data[1:])
}
