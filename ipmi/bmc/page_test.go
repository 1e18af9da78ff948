package bmc

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The page that tells of these tests has their numbers.
func TestThePageCounts(t *testing.T) {
	page, err := os.ReadFile("../../docs/ipmi-interop.md")
	if err != nil {
		t.Fatal(err)
	}
	before, now := len(operations()), len(operations())+len(passwords())
	for _, want := range []string{
		fmt.Sprintf("| ipmitool | lanplus, suite 17 | %d of %d |", now, now),
		fmt.Sprintf("| ipmitool | lanplus, suite 3 | %d of %d |", now, now),
		fmt.Sprintf("| ipmitool | lan, IPMI 1.5 | %d of %d;", before, before),
		fmt.Sprintf("| suite 17 | %d of %d |", len(freeIPMI()), len(freeIPMI())),
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q", want)
		}
	}
}
