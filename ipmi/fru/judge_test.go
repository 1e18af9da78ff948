package fru

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
