package fru

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/field"
)

func TestThereAndBack(t *testing.T) {
	want := full(t)
	b := image(t, want, 0)
	got, err := Parse(b)
	if err != nil || len(got.Warnings) != 0 {
		t.Fatal(err, got.Warnings)
	}
	if again := image(t, got, 0); !bytes.Equal(again, b) {
		t.Errorf("written again it is\n% x, not\n% x", again, b)
	}
	var fields []string
	for _, f := range got.Fields() {
		fields = append(fields, f.Name+"="+f.Text)
	}
	if got, want := strings.Join(fields, " | "), "chassis.part=CH-100 | chassis.serial=C0001 | chassis.extra.1=rack 7 | "+
		"board.manufacturer=Acme | board.product=Mainboard | board.serial=B0001 | board.part=MB-7 | board.file=01 | board.extra.1=cafe | "+
		"product.manufacturer=Acme | product.name=Server 9000 | product.part=S9K | product.version=v2 | product.serial=P0001 | "+
		"product.asset=owned | product.file=02"; got != want {
		t.Errorf("fields\n%s, not\n%s", got, want)
	}
	if d, ok := got.Board.Date(); !ok || !d.Equal(time.Date(2024, 5, 6, 7, 8, 0, 0, time.UTC)) {
		t.Errorf("made %v, %v", d, ok)
	}
	for n, r := range got.Records {
		content, err := r.Content()
		if err != nil {
			t.Errorf("record %d: %v", n, err)
		}
		if again, ok := content.(interface{ Record() Record }); ok && !reflect.DeepEqual(again.Record(), r) {
			t.Errorf("record %d, %v, is written as % x, not % x", n, content, again.Record().Data, r.Data)
		} else if !ok && r.Type != 0x77 {
			t.Errorf("record %d: %T", n, content)
		}
	}
}

// TestAKnownImage reads an image that was put together by hand.
func TestAKnownImage(t *testing.T) {
	b := unhex(t, "01 00 00 01 04 00 00 fa"+
		"01 03 19 a0 5b 01 c4 41 63 6d 65 c3 4d 42 58 42 12 3a 41 23 c0 c1 00 c7"+
		"01 02 00 c3 46 6f 6f c0 c0 c0 c0 c0 c0 c1 00 a2")
	i, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(i.Fields()); got != "[{board.manufacturer Acme} {board.product MBX} {board.serial 123} {board.part 23} {product.manufacturer Foo}]" {
		t.Error(got)
	}
	if d, ok := i.Board.Date(); !ok || d.Format("2006-01-02 15:04") != "1996-03-02 19:12" {
		t.Error(d, ok)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDamage holds that what is wrong costs a warning, and nothing but what is wrong.
func TestDamage(t *testing.T) {
	sound := image(t, full(t), 0)
	at := func(kind int) int { return int(sound[1+kind]) * unit }
	for _, tt := range []struct {
		name    string
		damage  func(b []byte) []byte
		warning string
		lost    string // fields that begin so may be missing or wrong
	}{
		{"header checksum", func(b []byte) []byte { b[7]++; return b }, "header's checksum", "-"},
		{"area checksum", func(b []byte) []byte { b[at(boardArea)+8]--; return b }, "board area's checksum", "board.manufacturer"},
		{"outside", func(b []byte) []byte { b[1+productArea] = 0xff; return b }, "after the end", "product"},
		{"no length", func(b []byte) []byte { b[at(boardArea)+1] = 0; return b }, "no length", "-"},
		{"too long", func(b []byte) []byte { b[at(productArea)+1] = 0xff; return b }, "goes on after the end", "-"},
		{"overlap", func(b []byte) []byte { b[at(chassisArea)+1] += 2; return b }, "overlaps", "-"},
		{"one place for two", func(b []byte) []byte { b[1+productArea] = b[1+boardArea]; return b }, "checksum", "product"},
		{"cut off", func(b []byte) []byte { return b[:at(productArea)+12] }, "goes on after the end", "product"},
		{"fields that do not end", func(b []byte) []byte {
			for n := at(productArea) + 3; n < at(recordArea); n++ {
				b[n] = 0xc0
			}
			return b
		}, "do not end", "product"},
		{"record checksum", func(b []byte) []byte { b[at(recordArea)+7]++; return b }, "record 1 has a wrong", "-"},
		{"record header", func(b []byte) []byte { b[at(recordArea)+1] = 0x55; return b }, "record 1 has a header", "-"},
		{"records that do not end", func(b []byte) []byte {
			b[at(recordArea)+1], b[at(recordArea)+2] = 2, 0xff
			return b
		}, "do not end", "-"},
	} {
		i, err := Parse(tt.damage(bytes.Clone(sound)))
		if err != nil || !strings.Contains(strings.Join(i.Warnings, "\n"), tt.warning) {
			t.Errorf("%s: %v, warnings %q", tt.name, err, i.Warnings)
		}
		for _, f := range full(t).Fields() {
			if !strings.HasPrefix(f.Name, tt.lost) && i.Text(f.Name) != f.Text {
				t.Errorf("%s: %s is %q, not %q", tt.name, f.Name, i.Text(f.Name), f.Text)
			}
		}
	}
}

func TestWhatIsNoInventory(t *testing.T) {
	for text, want := range map[string]error{
		strings.Repeat("\xff", 64):   ErrBlank,
		strings.Repeat("\x00", 64):   ErrBlank,
		"\x01\x00":                   ipmi.ErrShort,
		"\x92\x13\x0b\x02\x03\x19xx": ErrFormat,
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	if d, ok := (Board{Made: 799}).Date(); ok {
		t.Errorf("799 minutes is taken for %v", d)
	}
}

func TestReading(t *testing.T) {
	mem := image(t, full(t), 2048)
	for name, f := range map[string]*fakeDevices{
		"a good one": {}, "words": {words: true}, "C8 above 32": {most: 32, code: ipmi.CodeLengthLimit}, "C7 above 16": {most: 16, code: ipmi.CodeLength},
		"CA above 2, words": {most: 2, words: true, code: ipmi.CodeTooManyBytes}, "C9 above 1": {most: 1, code: ipmi.CodeOutOfRange},
		"CB above 64": {most: 64, code: ipmi.CodeNotPresent}, "more said than there is": {lies: 5000},
	} {
		for _, ahead := range []int{0, 1, 7} {
			f.mem, f.asked = map[uint8][]byte{3: mem}, 0
			i, err := Read(t.Context(), f, Device{ID: 3}, Options{Ahead: ahead})
			if err != nil || len(i.Warnings) > 0 || !reflect.DeepEqual(i.Fields(), full(t).Fields()) || len(i.Records) != 8 {
				t.Errorf("%s, %d ahead: %v, %q", name, ahead, err, i.Warnings)
			}
			if f.most == 0 && f.asked > 6 {
				t.Errorf("%s: %d requests", name, f.asked)
			}
		}
	}
	f := &fakeDevices{mem: map[uint8][]byte{3: mem}}
	if b, err := ReadImage(t.Context(), f, Device{ID: 3}, Options{}); err != nil || !bytes.Equal(b, mem) {
		t.Errorf("the image: %d bytes, %v", len(b), err)
	}
}

func TestDevicesThatLie(t *testing.T) {
	sound := image(t, full(t), 0)
	for name, tt := range map[string]struct {
		f    *fakeDevices
		want error
	}{
		"absent":        {&fakeDevices{}, ErrAbsent},
		"no bytes":      {&fakeDevices{mem: map[uint8][]byte{0: {}}}, ErrBlank},
		"gives none":    {&fakeDevices{mem: map[uint8][]byte{0: sound}, empty: true}, ipmi.ErrShort},
		"refuses all":   {&fakeDevices{mem: map[uint8][]byte{0: sound}, most: -1, code: ipmi.CodeTooManyBytes}, ipmi.CodeTooManyBytes},
		"never written": {&fakeDevices{mem: map[uint8][]byte{0: bytes.Repeat([]byte{0xff}, 256)}}, ErrBlank},
	} {
		if _, err := Read(t.Context(), tt.f, Device{}, Options{}); !errors.Is(err, tt.want) || tt.f.asked > 100 {
			t.Errorf("%s: %v after %d requests, want %v", name, err, tt.f.asked, tt.want)
		}
	}
	// What was there before it failed is not lost.
	f := &fakeDevices{mem: map[uint8][]byte{0: sound[:160]}, lies: 2000}
	if i, err := Read(t.Context(), f, Device{}, Options{}); err == nil || i.Text("board.serial") != "B0001" {
		t.Errorf("%v, %v", i.Fields(), err)
	}
}

func TestOneBadUnitStopsNobody(t *testing.T) {
	module := make([]byte, 512)
	module[2], module[12], module[13], module[6] = 0x0c, 1, 3, 0
	module[4] = 5
	f := &fakeDevices{mem: map[uint8][]byte{0: image(t, full(t), 0), 1: bytes.Repeat([]byte{0xff}, 64), 2: module, 4: {1, 2, 3}}}
	units := make([]Unit, 5)
	for n := range units {
		units[n] = Unit{Device: Device{ID: uint8(n)}, Module: n == 2}
	}
	found := ReadAll(t.Context(), f, units, Options{})
	for n, want := range []error{nil, ErrBlank, nil, ErrAbsent, ipmi.ErrShort} {
		if !errors.Is(found[n].Err, want) {
			t.Errorf("unit %d: %v, want %v", n, found[n].Err, want)
		}
	}
	if found[2].Module == nil || found[2].Module.MB != 8192 || found[0].Inventory.Text("product.serial") != "P0001" {
		t.Errorf("%+v", found[2].Module)
	}
}

func TestWriting(t *testing.T) {
	for name, f := range map[string]*fakeDevices{
		"a good one": {}, "words": {words: true}, "16 bytes": {most: 16, code: ipmi.CodeLengthLimit},
	} {
		old := image(t, full(t), 1024)
		f.mem = map[uint8][]byte{0: bytes.Clone(old)}
		fresh, err := Edit(old, Change{"product.asset", "of 2026"})
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(t.Context(), f, Device{}, fresh, Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(f.mem[0], fresh) || f.wrote > 160 {
			t.Errorf("%s: %d bytes were written, right: %v", name, f.wrote, bytes.Equal(f.mem[0], fresh))
		}
	}
	old := image(t, full(t), 1024)
	f := &fakeDevices{mem: map[uint8][]byte{0: bytes.Clone(old)}, rot: 40}
	old[40]++
	if err := Write(t.Context(), f, Device{}, old, Options{}); !errors.Is(err, ErrVerify) {
		t.Errorf("a byte that does not keep what is written: %v", err)
	}
	if err := Write(t.Context(), f, Device{}, make([]byte, 1025), Options{}); !errors.Is(err, ErrRoom) {
		t.Errorf("too long: %v", err)
	}
}

func TestEdit(t *testing.T) {
	old := image(t, full(t), 1024)
	for _, tt := range []struct {
		name    string
		changes []Change
		want    string
	}{
		{"shorter", []Change{{"product.asset", "x1"}}, "product.asset=x1"},
		{"longer", []Change{{"product.asset", strings.Repeat("long ", 12) + "tag"}}, "product.asset=" + strings.Repeat("long ", 12) + "tag"},
		{"one more", []Change{{"chassis.extra.2", "unit 4"}}, "chassis.extra.2=unit 4"},
		{"several", []Change{{"board.serial", "S2"}, {"chassis.part", ""}}, "board.serial=S2"},
		{"one letter", []Change{{"product.version", "3"}}, "product.version=3"},
	} {
		b, err := Edit(old, tt.changes...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		i, err := Parse(b)
		if err != nil || len(i.Warnings) > 0 || len(b) != len(old) || len(i.Records) != 8 || string(i.Internal[:7]) != string(full(t).Internal) {
			t.Errorf("%s: %v, %q", tt.name, err, i.Warnings)
		}
		changed := make(map[string]bool)
		for _, c := range tt.changes {
			changed[c.Name] = true
		}
		name, text, _ := strings.Cut(tt.want, "=")
		if i.Text(name) != text {
			t.Errorf("%s: %s is %q", tt.name, name, i.Text(name))
		}
		for _, f := range full(t).Fields() {
			if !changed[f.Name] && i.Text(f.Name) != f.Text {
				t.Errorf("%s: %s has become %q", tt.name, f.Name, i.Text(f.Name))
			}
		}
	}
	for name, want := range map[string]error{"product.colour": ErrField, "chassis.extra.9": ErrField, "engine.serial": ErrField} {
		if _, err := Edit(old, Change{name, "x"}); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Edit(image(t, full(t), 0), Change{"board.product", strings.Repeat("x", 63)}); !errors.Is(err, ErrRoom) {
		t.Errorf("no room: %v", err)
	}
	damaged := bytes.Clone(old)
	damaged[int(old[1+recordArea])*unit+7]++
	if _, err := Edit(damaged, Change{"product.asset", strings.Repeat("x", 63)}); !errors.Is(err, ErrDamaged) {
		t.Errorf("laid out anew in spite of damage: %v", err)
	}
	if b, err := Edit(damaged, Change{"product.asset", "x1"}); err != nil || !bytes.Equal(b[int(old[1+recordArea])*unit:], damaged[int(old[1+recordArea])*unit:]) {
		t.Errorf("a change in its place beside damage: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(image(f, full(f), 0))
	f.Add(image(f, Inventory{Product: &Product{Language: 38, Serial: field.FRU{Type: field.Packed, Data: []byte{1, 2, 3}}}}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b)
		if err != nil {
			return
		}
		i.Fields()
		for _, r := range i.Records {
			if c, err := r.Content(); err == nil && c != nil {
				_ = fmt.Sprint(c)
			}
		}
		if len(i.Warnings) > 0 {
			return
		}
		again, err := i.Append(nil)
		if err != nil {
			return
		}
		j, err := Parse(again)
		if err != nil || !reflect.DeepEqual(i.Fields(), j.Fields()) || len(i.Records) != len(j.Records) {
			t.Fatalf("% x is written as % x: %v", b, again, err)
		}
		if b, err := Edit(b, Change{"product.asset", "tag"}); err == nil {
			if j, err := Parse(b); err != nil || j.Text("product.asset") != "tag" {
				t.Fatalf("the tag is %q, %v", j.Text("product.asset"), err)
			}
		}
	})
}
