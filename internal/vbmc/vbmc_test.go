package vbmc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/vbmc"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/sol"
	"millwright.dev/millwright/libvirt"
	"millwright.dev/millwright/libvirt/libvirttest"
)

const password = "long-odd-word"

// serve gives guests of a daemon BMCs until the test ends, and their addresses.
func serve(t *testing.T, uri string, names ...string) []string {
	t.Helper()
	h, err := vbmc.NewHypervisor(uri, libvirt.Dialing{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	all.Go(func() { h.Run(ctx) })
	var addresses []string
	for _, name := range names {
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, socket.LocalAddr().String())
		g := h.Guest(name, vbmc.Options{Users: []bmc.Account{{}, {Name: "admin", Password: password, Privilege: bmc.Administrator}}})
		all.Go(func() {
			if err := g.Serve(ctx, socket); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	return addresses
}

// tool runs ipmitool and gives what it says, of both its outputs.
func tool(t *testing.T, address string, args ...string) (string, error) {
	t.Helper()
	host, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ipmitool", append([]string{"-I", "lanplus", "-H", host, "-p", port, "-U", "admin", "-P", password}, args...)...).CombinedOutput()
	return string(out), err
}

// All that ipmitool does with power, at libvirt's test driver.
func TestPower(t *testing.T) {
	daemon := libvirttest.Start(t)
	c := daemon.Dial(t, "test", libvirt.Options{})
	d, err := c.Lookup(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	at := serve(t, daemon.URI("test"), "test")[0]
	for _, step := range []struct {
		word    string
		on, bad bool // after it; and it is refused
	}{
		{word: "on", on: true},
		{word: "off"},
		{word: "off"},
		{word: "cycle", bad: true},
		{word: "reset", bad: true},
		{word: "diag", bad: true},
		{word: "soft"},
		{word: "on", on: true},
		{word: "cycle", on: true},
		{word: "reset", on: true},
		{word: "diag", on: true},
		{word: "soft"},
	} {
		said, err := tool(t, at, "chassis", "power", step.word)
		if (err != nil) != step.bad || step.bad && !strings.Contains(said, "Command not supported in present state") {
			t.Errorf("%s: %v: %s", step.word, err, said)
		}
		if is, err := c.Lookup(t.Context(), d.Name); err != nil || is.Active() != step.on {
			t.Errorf("after %s it is on: %t, %v", step.word, is.Active(), err)
		}
	}
}

// What ipmitool reads of a guest, its boot device, and what happened to it; also after
// libvirt was away.
func TestTold(t *testing.T) {
	daemon := libvirttest.Start(t)
	at := serve(t, daemon.URI("test"), "test")[0]
	want := func(word string, args ...string) {
		t.Helper()
		for {
			said, err := tool(t, at, args...)
			if err == nil && strings.Contains(said, word) {
				return
			}
			if err != nil || args[0] != "sel" { // only the log comes by itself
				t.Fatalf("%v: %q is missing in:\n%s%v", args, word, said, err)
			}
		}
	}
	want("01EB9566A4F6048379AA97F2502E193F", "mc", "guid") // as SMBIOS stores 6695eb01-f6a4-8304-79aa-97f2502e193f
	want("memory 8192 MiB", "fru", "print")
	want("Product Asset Tag     : test", "fru", "print")
	want("Power", "sdr", "elist", "all")
	want("POH Counter", "chassis", "poh")
	want("Set Boot Device to pxe", "chassis", "bootdev", "pxe")
	want("Force PXE", "chassis", "bootparam", "get", "5")
	want("next boot", "chassis", "bootparam", "get", "5")
	want("Cycle", "chassis", "power", "cycle")
	for said := "next"; strings.Contains(said, "next"); { // put back when the start was heard of
		var err error
		if said, err = tool(t, at, "chassis", "bootparam", "get", "5"); err != nil {
			t.Fatal(said, err)
		}
	}
	want("Set Boot Device to cdrom", "chassis", "bootdev", "cdrom", "options=persistent")
	want("all future boots", "chassis", "bootparam", "get", "5")
	want("Force Boot from CD/DVD", "chassis", "bootparam", "get", "5")
	for _, bad := range [][]string{{"bios"}, {"disk", "options=efiboot"}} { // ipmitool ends with 0 nevertheless
		if said, _ := tool(t, at, append([]string{"chassis", "bootdev"}, bad...)...); !strings.Contains(said, "Invalid data field") {
			t.Errorf("%v: %s", bad, said)
		}
	}
	want("Power off/down | Asserted", "sel", "elist")
	want("Power off/down | Deasserted", "sel", "elist")
	daemon.Down()
	for {
		said, err := tool(t, at, "chassis", "power", "off")
		if strings.Contains(said, "Node busy") && err != nil {
			break
		}
		if err == nil {
			t.Fatal(said)
		}
	}
	daemon.Up(t)
	for {
		if said, err := tool(t, at, "chassis", "power", "status"); err == nil && strings.Contains(said, "is on") {
			break
		} else if t.Context().Err() != nil {
			t.Fatal(said, err)
		}
	}
}

// A console outlives power cycles of the guest.
func TestConsole(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	daemon := libvirttest.Start(t)
	daemon.Define(t, "echo")
	at := serve(t, daemon.URI("qemu"), "echo")[0]
	client := ipmi.NewClient(ipmi.ClientOptions{})
	defer client.Close()
	s, err := client.Open(ctx, at, ipmi.Options{User: "admin", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.WithoutCancel(ctx))
	line, err := sol.Open(ctx, s, sol.Options{})
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { line.Close() })
	for _, word := range []string{"on", "cycle", "reset"} {
		if said, err := tool(t, at, "chassis", "power", word); err != nil {
			t.Fatalf("%s: %s", word, said)
		}
		await(t, line, libvirttest.Banner)
		if _, err := io.WriteString(line, "hello after "+word+"\n"); err != nil {
			t.Fatal(err)
		}
		await(t, line, "hello after "+word+"\n")
	}
	daemon.Down()
	daemon.Up(t)
	stop := make(chan struct{})
	var typing sync.WaitGroup
	typing.Go(func() { // what is typed while libvirt is away is lost
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
				_, _ = io.WriteString(line, "again\n")
			}
		}
	})
	await(t, line, "again\n")
	close(stop)
	typing.Wait()
	if err := line.Close(); err != nil {
		t.Error(err)
	}
	testToolsConsole(t, at)
}

// testToolsConsole types and reads by ipmitool, which wants a terminal; script gives it one.
func testToolsConsole(t *testing.T, address string) {
	host, port, _ := net.SplitHostPort(address)
	line := strings.Join([]string{"ipmitool", "-I", "lanplus", "-H", host, "-p", port, "-U", "admin", "-P", password, "sol", "activate"}, " ")
	cmd := exec.CommandContext(t.Context(), "script", "-qec", line, "/dev/null")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	await(t, out, "SOL Session operational")
	_, _ = io.WriteString(in, "typed by ipmitool\r")
	await(t, out, "typed by ipmitool")
	_, _ = io.WriteString(in, "\r~.")
	_ = in.Close()
	rest, _ := io.ReadAll(out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v after %q", err, rest)
	}
}

// await reads until a word has come.
func await(t *testing.T, from io.Reader, word string) {
	t.Helper()
	heard := ""
	for p := make([]byte, 256); !strings.Contains(heard, word); {
		n, err := from.Read(p)
		if heard += string(p[:n]); err != nil {
			t.Fatalf("%q is missing in %q: %v", word, heard, err)
		}
	}
}
