package sel_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/sel"
)

// TestAgainstOthers has OpenIPMI's simulator keep the log and ipmitool read and write it too.
func TestAgainstOthers(t *testing.T) {
	address := ipmitest.Sim(t, "")
	c := ipmi.NewClient(ipmi.ClientOptions{})
	t.Cleanup(func() { _ = c.Close() })
	s, err := c.Open(t.Context(), address, ipmi.Options{User: ipmitest.SimUser, Password: ipmitest.SimPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())

	fan := sel.Record{Type: sel.TypeSystem, Event: sel.Event{
		Generator: 0x20, Revision: 4, SensorType: event.Fan, Sensor: 0x30, Type: event.Threshold, Data: [3]byte{0x52, 10, 25},
	}}
	oem := sel.Record{Type: 0xe1, OEM: [13]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}}
	var follower sel.Follower
	for n := range 20 {
		r := fan
		r.Event.Sensor = uint8(n)
		if n == 19 {
			r = oem
		}
		if _, err := sel.Add(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
		if u, err := follower.Poll(t.Context(), s); err != nil || len(u.Records) != 1 {
			t.Fatalf("after record %d: %d records, %v", n, len(u.Records), err)
		}
	}
	log, err := sel.Read(t.Context(), s, sel.Options{})
	if err != nil || len(log.Records) != 20 || log.Records[19].OEM != oem.OEM || log.Records[7].Event.Sensor != 7 {
		t.Fatalf("%+v, %v", log, err)
	}
	for n, w := range log.Times()[:19] {
		if w.Quality != sel.Corrected || w.Time.Sub(log.Host).Abs().Hours() > 1 {
			t.Errorf("record %d happened %v, %s; now is %v", n, w.Time, w.Quality, log.Host)
		}
	}

	// What ipmitool writes into a file are the log's bytes.
	file := filepath.Join(t.TempDir(), "raw")
	ipmitool(t, address, "sel", "writeraw", file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var ours []byte
	for _, r := range log.Records {
		ours = r.Append(ours)
	}
	if !bytes.Equal(raw, ours) {
		t.Errorf("ipmitool has\n% x, not\n% x", raw, ours)
	}
	if out := ipmitool(t, address, "sel", "list", "first", "1"); !strings.Contains(out, "Fan") || !strings.Contains(out, "Lower Critical going low") {
		t.Errorf("ipmitool says %s", out)
	}

	all, err := sel.ReadAndClear(t.Context(), s, sel.Options{})
	if err != nil || !slices.Equal(all.Records, log.Records) {
		t.Errorf("%d records, %v", len(all.Records), err)
	}
	if u, err := follower.Poll(t.Context(), s); err != nil || !u.Cleared || len(u.Records) > 1 {
		t.Errorf("after the clearing: %+v, %v", u, err)
	}
}

func ipmitool(t *testing.T, address string, args ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-I", "lanplus", "-C", "3", "-H", host, "-p", port, "-U", ipmitest.SimUser, "-E"}, args...)
	cmd := exec.CommandContext(t.Context(), "ipmitool", args...)
	cmd.Env = append(os.Environ(), "IPMITOOL_PASSWORD="+ipmitest.SimPassword, "IPMI_PASSWORD="+ipmitest.SimPassword)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ipmitool %q: %v\n%s", args, err, out)
	}
	return string(out)
}
