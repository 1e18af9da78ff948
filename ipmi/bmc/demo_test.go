package bmc

import (
	"net/netip"

	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/rmcp"
	"millwright.dev/millwright/ipmi/sel"
)

// demo is a machine with something of everything.
func demo() Config {
	return Config{
		Name: "node7", GUID: mc.GUID{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x46, 0x88, 0x99, 1, 2, 3, 4, 5, 6},
		Users: []Account{
			{Name: "", Privilege: NoAccess},
			{Name: "admin", Password: "password", Privilege: Administrator},
			{Name: "op", Password: "operating", Privilege: Operator},
			{Name: "watch", Password: "watching", Privilege: User},
		},
		Suites: []rmcp.Suite{17, 3},
		LAN: LAN{
			Address: netip.MustParsePrefix("192.0.2.7/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
			MAC: [6]byte{2, 0, 0, 0, 0, 7},
		},
		SDR:   [][]byte{fullSensor(1, 0x30, "CPU Temp", 0x01, 0x01, 42), fullSensor(2, 0x31, "Inlet", 0x01, 0x01, 22), discreteSensor(3, 0x40, "PSU1", 0x08), fruLocator(4, 0, "Mainboard")},
		FRU:   map[uint8][]byte{0: inventoryArea()},
		SEL:   []sel.Record{{ID: 1, Type: sel.TypeSystem, Time: 1_700_000_000, Event: sel.Event{Generator: 0x20, Revision: 4, SensorType: 0x12, Type: 0x6f, Data: [3]byte{1, 0xff, 0xff}}}},
		Asset: "asset-4711", Power: Power{Watts: 231, Limit: 500},
	}
}

// fullSensor is the record of a threshold sensor whose raw values are its values (section 43.1).
func fullSensor(id uint16, number uint8, name string, kind, unit, nominal byte) []byte {
	r := make([]byte, 48, 48+len(name))
	r[0], r[1], r[2], r[3] = byte(id), byte(id>>8), 0x51, 0x01
	r[5], r[6], r[7] = 0x20, 0, number
	r[8], r[9] = 0x03, 1              // processor 1
	r[10], r[11] = 0x7f, 0x68         // readable, thresholds readable and settable, events by entity
	r[12], r[13] = kind, 0x01         // by thresholds
	r[14], r[15] = 0x95, 0x0a         // assertions of going low below and high above
	r[16], r[17] = 0x95, 0x0a         // and their ends
	r[18], r[19] = 0x3f, 0x3f         // all thresholds can be read and set
	r[21] = unit                      // degrees
	r[24], r[25] = 1, 0               // factor 1
	r[30], r[31] = 0x07, nominal      // with nominal and normal values
	r[32], r[33] = 60, 10             // normal
	r[34], r[35] = 0x7f, 0x00         // of the sensor
	r[36], r[37], r[38] = 100, 95, 90 // upper: not recoverable, critical, not critical
	r[39], r[40], r[41] = 1, 3, 5     // lower
	r[42], r[43] = 2, 2
	r[47] = 0xc0 | byte(len(name))
	r = append(r, name...)
	r[4] = byte(len(r) - 5)
	return r
}

// discreteSensor is a compact record (section 43.2).
func discreteSensor(id uint16, number uint8, name string, kind byte) []byte {
	r := make([]byte, 32, 32+len(name))
	r[0], r[1], r[2], r[3] = byte(id), byte(id>>8), 0x51, 0x02
	r[5], r[6], r[7] = 0x20, 0, number
	r[8], r[9] = 0x0a, 1 // power supply 1
	r[10], r[11] = 0x67, 0x40
	r[12], r[13] = kind, 0x6f
	r[14], r[15] = 0x0f, 0x00
	r[16], r[17] = 0x0f, 0x00
	r[18], r[19] = 0x0f, 0x00
	r[20] = 0xc0
	r[23], r[24] = 0x01, 0x00
	r[31] = 0xc0 | byte(len(name))
	r = append(r, name...)
	r[4] = byte(len(r) - 5)
	return r
}

// fruLocator is the record of an inventory device (section 43.8).
func fruLocator(id uint16, device uint8, name string) []byte {
	r := []byte{byte(id), byte(id >> 8), 0x51, 0x11, 0, 0x20, device, 0x80, 0x00, 0, 0x10, 0x00, 0x07, 1, 0, 0xc0 | byte(len(name))}
	r = append(r, name...)
	r[4] = byte(len(r) - 5)
	return r
}

// inventoryArea has a board and a product (Platform Management FRU Information Storage Definition, 1.0).
func inventoryArea() []byte {
	field := func(s string) []byte { return append([]byte{0xc0 | byte(len(s))}, s...) }
	area := func(head []byte, fields ...string) []byte {
		a := head
		for _, f := range fields {
			a = append(a, field(f)...)
		}
		a = append(a, 0xc1)
		for len(a)%8 != 7 {
			a = append(a, 0)
		}
		a[1] = byte((len(a) + 1) / 8)
		return append(a, sumTo0(a))
	}
	board := area([]byte{1, 0, 25, 0x00, 0x10, 0x80}, "Millwright", "Board One", "BSER123", "BPART", "")
	product := area([]byte{1, 0, 25}, "Millwright", "Machine", "MODEL-1", "v1", "PSER456", "tag", "")
	header := []byte{1, 0, 0, 1, byte(1 + len(board)/8), 0, 0}
	header = append(header, sumTo0(header))
	return append(append(header, board...), product...)
}

func sumTo0(b []byte) byte {
	var s byte
	for _, x := range b {
		s += x
	}
	return -s
}
