package fru

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/ipmitest"
)

// TestAsFreeIPMIReadsIt holds that another program reads what is written here.
func TestAsFreeIPMIReadsIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, image(t, full(t), 1024), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "/usr/sbin/ipmi-fru", "--fru-file="+file).CombinedOutput()
	if err != nil {
		t.Fatalf("ipmi-fru: %v\n%s", err, out)
	}
	for _, want := range []string{
		"FRU Chassis Type: Rack Mount Chassis", "FRU Chassis Custom Info: rack 7",
		"FRU Board Manufacturing Date/Time: 05/06/24 - 07:08:00", "FRU Board Serial Number: B0001",
		"FRU Product Name: Server 9000", "FRU Product Asset Tag: owned",
		"FRU Power Supply Overall Capacity: 750 Watts", "FRU Power Supply High End Input Voltage 2: 264000 mV",
		"FRU Power Supply Peak Capacity: 800 Watts", "FRU Power Supply Hold Up Time: 10 s", "FRU Power Supply Voltage 2: 5V",
		"FRU DC Output Maximum Current Draw: 60000 mA", "FRU DC Load Nominal Voltage: -12000 mV",
		"FRU DC Output Maximum Current Draw: 120000 mA", "FRU Management Access System Management URL: https://bmc.example",
		"FRU Base Compatibility Code Mask: FFh", "FRU OEM Data: 01h 02h 03h",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("ipmi-fru does not say %q:\n%s", want, out)
		}
	}
}

// TestAgainstOthers reads and edits an inventory of OpenIPMI's simulator, and has ipmitool look at it.
func TestAgainstOthers(t *testing.T) {
	old := image(t, full(t), 1024)
	var machine strings.Builder
	machine.WriteString("mc_add_fru_data 0x20 0 1024 data")
	for _, b := range old {
		fmt.Fprintf(&machine, " 0x%02x", b)
	}
	machine.WriteString("\n")
	address := ipmitest.Sim(t, machine.String())
	c := ipmi.NewClient(ipmi.ClientOptions{})
	t.Cleanup(func() { _ = c.Close() })
	s, err := c.Open(t.Context(), address, ipmi.Options{User: ipmitest.SimUser, Password: ipmitest.SimPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())

	if i, err := Read(t.Context(), s, Device{}, Options{}); err != nil || len(i.Warnings) > 0 || i.Text("product.asset") != "owned" || len(i.Records) != 8 {
		t.Fatalf("%v, %q", err, i.Warnings)
	}
	b, err := ReadImage(t.Context(), s, Device{}, Options{})
	if err != nil || !bytes.Equal(b, old) {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	fresh, err := Edit(b, Change{"product.asset", "a tag that is much longer than the one before"})
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), s, Device{}, fresh, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), s, Device{ID: 9}, Options{}); err == nil {
		t.Error("a device that is not there can be read")
	}

	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ipmitool", "-I", "lanplus", "-C", "3", "-H", host, "-p", port, "-U", ipmitest.SimUser, "-E", "fru", "print", "0")
	cmd.Env = append(os.Environ(), "IPMITOOL_PASSWORD="+ipmitest.SimPassword, "IPMI_PASSWORD="+ipmitest.SimPassword)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ipmitool: %v\n%s", err, out)
	}
	said := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"Chassis Serial : C0001", "Board Mfg : Acme", "Product Asset Tag : a tag that is much longer than the one before", "Product Serial : P0001",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("ipmitool does not say %q:\n%s", want, out)
		}
	}
}
