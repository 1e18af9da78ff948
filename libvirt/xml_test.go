package libvirt

import (
	"slices"
	"strings"
	"testing"
)

// A description whose boot device is changed and put back is as it was.
func TestWithBoot(t *testing.T) {
	for name, text := range map[string]string{
		"system":   `<domain><name>a</name><os><type>hvm</type><boot dev='hd'/><boot dev='cdrom'/></os><devices/></domain>`,
		"metadata": `<domain><metadata><x:y xmlns:x="urn:x">&lt;boot&gt;</x:y></metadata><os><type>hvm</type></os><devices></devices></domain>`,
		"empty":    `<domain><metadata/><os><boot dev='hd'/></os></domain>`,
		"devices": `<domain><os><type/></os><devices><emulator/><disk><target dev='vda'/><boot order='2'/></disk>` +
			`<interface><mac address='52:54:00:00:00:01'/><boot order='1'/></interface><interface><mac address='52:54:00:00:00:02'/></interface></devices></domain>`,
		"comment": `<domain><!-- <os></os> --><os><![CDATA[</os>]]><boot dev='fd'></boot></os></domain>`,
	} {
		t.Run(name, func(t *testing.T) {
			is, err := ParseDescription(text)
			if err != nil {
				t.Fatal(err)
			}
			was := is.boot()
			for _, device := range []string{"network", "cdrom"} { // the second change forgets the first
				if text, err = withBoot(text, is, Boot{Device: device, Once: device == "cdrom"}, "token-"+device); err != nil {
					t.Fatal(err)
				}
				if is, err = ParseDescription(text); err != nil {
					t.Fatal(err, text)
				}
				if b := is.boot(); b.Device != device || b.Once != (device == "cdrom") || is.Metadata.Boot.ID != "token-"+device {
					t.Errorf("%+v in %s", b, text)
				}
			}
			if text, err = withBoot(text, is, Boot{}, ""); err != nil {
				t.Fatal(err)
			}
			if is, err = ParseDescription(text); err != nil || is.boot() != was || is.Metadata.Boot != nil {
				t.Errorf("%+v, %v, was %+v: %s", is.boot(), err, was, text)
			}
			if again, err := withBoot(text, is, Boot{}, ""); again != "" || err != nil {
				t.Errorf("nothing to put back: %s, %v", again, err)
			}
			if name == "metadata" && !strings.Contains(text, `<x:y xmlns:x="urn:x">&lt;boot&gt;</x:y>`) {
				t.Errorf("another's metadata are lost: %s", text)
			}
		})
	}
}

func FuzzWithBoot(f *testing.F) {
	f.Add(`<domain><metadata/><os><type>hvm</type><boot dev='hd'/></os><devices><disk><target dev='vda'/><boot order='1'/></disk></devices></domain>`, "network")
	f.Add(`<domain><os><boot dev="&amp;&lt;'"/></os></domain>`, "hd")
	f.Add(`<domain><metadata><mw:boot xmlns:mw="`+namespace+`" id="1" once="yes"><mw:os dev="hd"/><mw:device kind="disk" key="vda" order="1"/></mw:boot></metadata><os></os></domain>`, "")
	f.Fuzz(func(t *testing.T, text, device string) {
		is, err := ParseDescription(text)
		if err != nil {
			return
		}
		changed, err := withBoot(text, is, Boot{Device: device}, "t")
		if err != nil || changed == "" {
			return
		}
		now, err := ParseDescription(changed)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, changed, err)
		}
		if device != "" && now.boot().Device != device {
			t.Errorf("%q became %q", text, changed)
		}
	})
}

// What a description says.
func TestDescription(t *testing.T) {
	d, err := ParseDescription(`<domain type='kvm'><name>a</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><title>web</title><memory unit='GiB'>2</memory><vcpu placement='static'>4</vcpu>
<os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os><sysinfo type='smbios'><system><entry name='serial'> S1 </entry></system></sysinfo>
<devices><interface type='network'><mac address='52:54:00:00:00:01'/></interface><console type='pty'/></devices></domain>`)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "a" || d.Title != "web" || d.Memory.KiB() != 2<<20 || d.VCPU != 4 || !d.UEFI() || d.System("serial") != "S1" || d.System("sku") != "" || !d.HasConsole() || !slices.Equal(d.MACs(), []string{"52:54:00:00:00:01"}) || d.OS.Type.Machine != "q35" {
		t.Errorf("%+v", d)
	}
	u, err := ParseUUID(d.UUID)
	if err != nil || u.String() != d.UUID {
		t.Errorf("%v, %v", u, err)
	}
	for unit, want := range map[string]uint64{"": 2048, "KiB": 2048, "b": 2, "MiB": 2 << 20, "TiB": 2 << 40, "KB": 2000, "MB": 2_000_000, "GB": 2_000_000_000} {
		if got := (Amount{2048, unit}).KiB(); got != want && unit != "KB" && unit != "MB" && unit != "GB" || got*1024 < want {
			t.Errorf("2048 %s are %d KiB", unit, got)
		}
	}
}
