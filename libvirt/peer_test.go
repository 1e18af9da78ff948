package libvirt_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/libvirt"
	"millwright.dev/millwright/libvirt/libvirttest"
)

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// The whole of what can be done with machines, at libvirt's own test driver.
func TestMachines(t *testing.T) {
	ctx := limited(t)
	daemon := libvirttest.Start(t)
	events := make(chan libvirt.Event, 100)
	c := daemon.Dial(t, "test", libvirt.Options{Notify: func(e libvirt.Event) { events <- e }})

	list, err := c.Domains(ctx)
	if err != nil || len(list) != 1 || list[0].Name != "test" || !list[0].Active() {
		t.Fatalf("%+v, %v", list, err)
	}
	d := list[0]
	if byUUID, err := c.LookupUUID(ctx, d.UUID); err != nil || byUUID.Name != "test" {
		t.Errorf("by UUID: %+v, %v", byUUID, err)
	}
	for _, step := range []struct {
		name string
		do   func(context.Context, libvirt.Domain) error
		want libvirt.State
		code libvirt.Code
	}{
		{"start", c.Start, libvirt.Running, libvirt.CodeInternal},
		{"destroy", c.Destroy, libvirt.ShutOff, 0},
		{"destroy", c.Destroy, libvirt.ShutOff, libvirt.CodeOperationInvalid},
		{"start", c.Start, libvirt.Running, 0},
		{"reboot", c.Reboot, libvirt.Running, 0},
		{"reset", c.Reset, libvirt.Running, 0},
		{"NMI", c.InjectNMI, libvirt.Running, 0},
		{"shutdown", c.Shutdown, libvirt.ShutOff, 0},
	} {
		err := step.do(ctx, d)
		if step.code == 0 && err != nil || step.code != 0 && !errors.Is(err, step.code) {
			t.Errorf("%s: %v; want code %d", step.name, err, step.code)
		}
		if is, err := c.State(ctx, d); err != nil || is != step.want {
			t.Errorf("after %s it is %v, %v", step.name, is, err)
		}
	}
	var heard []string
	for len(heard) < 3 {
		select {
		case e := <-events:
			heard = append(heard, e.Domain.Name+" "+e.Kind.String()+" "+e.Why())
		case <-ctx.Done():
			t.Fatalf("heard only %q", heard)
		}
	}
	if want := []string{"test stopped destroyed", "test started booted", "test stopped shut down"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
	if _, err := c.Lookup(ctx, "nobody"); !errors.Is(err, libvirt.CodeNoDomain) || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a machine that is not there: %v", err)
	}
	if i, err := c.Info(ctx, d); err != nil || i.CPUs != 2 || i.Memory != 2<<20 || i.State != libvirt.ShutOff {
		t.Errorf("figures: %+v, %v", i, err)
	}
	ours, theirs, err := c.Versions(ctx)
	if err != nil || ours < 5_000_000 || theirs == 0 {
		t.Errorf("versions %v, %v, %v", ours, theirs, err)
	}
	for want, get := range map[string]func(context.Context) (string, error){"Test": c.Hypervisor, "test:///default": c.URI, "": c.Hostname} {
		if is, err := get(ctx); err != nil || is == "" || want != "" && !strings.EqualFold(is, want) {
			t.Errorf("%q, %v; want %q", is, err, want)
		}
	}
	d2, err := c.Define(ctx, strings.ReplaceAll(`<domain type='test'><name>two</name><memory>1024</memory><os><type>hvm</type></os></domain>`, "'", `"`))
	if lasting, err2 := c.Persistent(ctx, d2); err != nil || err2 != nil || !lasting || d2.Active() {
		t.Errorf("defined %+v, %v, %v, %t", d2, err, err2, lasting)
	}
	if err := c.Undefine(ctx, d2); err != nil {
		t.Error(err)
	}
}

// Many calls side by side, of which each gets its own reply.
func TestAbreast(t *testing.T) {
	ctx := limited(t)
	c := libvirttest.Start(t).Dial(t, "test", libvirt.Options{})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			name := "guest" + string(rune('a'+i%26)) + string(rune('a'+i/26))
			d, err := c.Define(ctx, `<domain type="test"><name>`+name+`</name><memory>1024</memory><os><type>hvm</type></os></domain>`)
			if err != nil || d.Name != name {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
			if d, err = c.Lookup(ctx, name); err != nil || d.Name != name {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
		})
	}
	all.Wait()
	if list, err := c.Domains(ctx); err != nil || len(list) != 51 {
		t.Errorf("%d machines, %v", len(list), err)
	}
}

// Guests in QEMU, side by side on one daemon, which takes its time to look at QEMU.
func TestGuests(t *testing.T) {
	daemon := libvirttest.Start(t)
	t.Run("guests", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *libvirttest.Daemon){"console": testConsole, "boot": testBoot} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, daemon)
			})
		}
	})
}

// A console takes what is typed, ends with its machine, and is there again after it.
func testConsole(t *testing.T, daemon *libvirttest.Daemon) {
	ctx := limited(t)
	c := daemon.Dial(t, "qemu", libvirt.Options{})
	d, err := c.Define(ctx, daemon.Guest("talker"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.OpenConsole(ctx, d, "", false); !errors.Is(err, libvirt.CodeOperationInvalid) {
		t.Errorf("a console of a machine that is off: %v", err)
	}
	for range 2 {
		if err := c.Start(ctx, d); err != nil {
			t.Fatal(err)
		}
		s, err := c.OpenConsole(ctx, d, "", false)
		if err != nil {
			t.Fatal(err)
		}
		context.AfterFunc(ctx, func() { s.Close() })
		from := bufio.NewReader(s)
		if line, err := from.ReadString('\n'); err != nil || !strings.HasSuffix(libvirttest.Banner, line) {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := io.WriteString(s, "hello\nthere\n"); err != nil {
			t.Fatal(err)
		}
		text := ""
		for !strings.HasSuffix(text, "hello\nthere\n") {
			line, err := from.ReadString('\n')
			if text += line; err != nil {
				t.Fatalf("%q, %v", text, err)
			}
		}
		if _, err := c.OpenConsole(ctx, d, "", false); !errors.Is(err, libvirt.CodeOperationFailed) {
			t.Errorf("the console for a second: %v", err)
		}
		if err := c.InjectNMI(ctx, d); err != nil {
			t.Error(err)
		}
		if err := c.Reset(ctx, d); err != nil {
			t.Fatal(err)
		}
		if line, err := from.ReadString('\n'); err != nil || line != libvirttest.Banner {
			t.Errorf("after a reset: %q, %v", line, err)
		}
		taken, err := c.OpenConsole(ctx, d, "", true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(from); err != nil {
			t.Logf("who lost the console heard %v", err)
		}
		if err := c.Destroy(ctx, d); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(taken); err != nil {
			t.Logf("when the machine went off: %q, %v", rest, err)
		}
		if _, err := io.WriteString(taken, "x"); err == nil {
			t.Error("a console that has ended took a key")
		}
		taken.Close()
	}
}

// A daemon that goes away ends the connection and all that waits.
func TestDaemonEnds(t *testing.T) {
	ctx := limited(t)
	daemon := libvirttest.Start(t)
	c := daemon.Dial(t, "test", libvirt.Options{})
	daemon.Down()
	<-c.Done()
	if _, err := c.Domains(ctx); err == nil || c.Err() == nil {
		t.Errorf("%v, %v", err, c.Err())
	}
	daemon.Up(t)
	if _, err := daemon.Dial(t, "test", libvirt.Options{}).Domains(ctx); err != nil {
		t.Error(err)
	}
}

// What a machine boots from: for good, for once, and back.
func testBoot(t *testing.T, daemon *libvirttest.Daemon) {
	c := daemon.Dial(t, "qemu", libvirt.Options{})
	plain := daemon.Guest("echo")
	ordered := strings.NewReplacer("<boot dev='hd'/>", "", "<shareable/>", "<shareable/><boot order='1'/>").Replace(plain)
	for name, text := range map[string]string{"the system's order": plain, "the devices' order": ordered} {
		t.Run(name, func(t *testing.T) {
			ctx := limited(t)
			d, err := c.Define(ctx, text)
			if err != nil {
				t.Fatal(err)
			}
			before, err := c.LastingXML(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			is := func(when string, want libvirt.Boot) {
				t.Helper()
				if b, err := c.Boot(ctx, d); err != nil || b != want {
					t.Errorf("%s: %+v, %v; want %+v", when, b, err, want)
				}
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			disk, once := libvirt.Boot{Device: "hd"}, libvirt.Boot{Device: "network", Once: true}
			is("at first", disk)
			must(c.SetBoot(ctx, d, once))
			is("set for once", once)
			must(c.SettleBoot(ctx, d))
			is("not started yet", once)
			if text == plain {
				must(c.Start(ctx, d))
				must(c.SettleBoot(ctx, d))
				is("started", disk)
			}
			must(c.SetBoot(ctx, d, once))
			must(c.SettleBoot(ctx, d))
			is("set again while it runs", once)
			if text == plain {
				must(c.Restart(ctx, d))
				must(c.SettleBoot(ctx, d))
				is("restarted", disk)
				must(c.Destroy(ctx, d))
			}
			must(c.SetBoot(ctx, d, libvirt.Boot{Device: "cdrom"}))
			must(c.SettleBoot(ctx, d))
			is("for good", libvirt.Boot{Device: "cdrom"})
			must(c.SetBoot(ctx, d, libvirt.Boot{}))
			is("back", disk)
			if err := c.SetBoot(ctx, d, libvirt.Boot{Device: "hd", UEFI: true}); err == nil {
				t.Error("a BIOS became UEFI")
			}
			after, err := c.LastingXML(ctx, d)
			if after = strings.Replace(after, "  <metadata/>\n", "", 1); err != nil || after != before {
				t.Errorf("it is not as it was, %v:\n%s\nbefore:\n%s", err, after, before)
			}
			must(c.Undefine(ctx, d))
		})
	}
}
