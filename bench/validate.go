package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// validated measures `millwright validate` of 100,000 nodes.
func validated(ranges bool) func(*bench, string) error {
	return func(b *bench, name string) error {
		path := filepath.Join(b.dir, "room.yaml")
		if err := os.WriteFile(path, []byte(largeRoom(ranges)), 0o600); err != nil {
			return err
		}
		var times []time.Duration
		for range 5 {
			begin := time.Now()
			out, err := exec.CommandContext(b.ctx, filepath.Join(b.dir, "millwright"), "validate", path).CombinedOutput()
			if err != nil {
				return fmt.Errorf("validate: %w: %s", err, out)
			}
			times = append(times, time.Since(begin))
		}
		row(name, "–", ms(median(times)), "")
		return nil
	}
}

// largeRoom has 2,000 racks of 50 nodes, each node on a plug of its rack's device
// and most needing a node of the rack before.
func largeRoom(ranges bool) string {
	var b strings.Builder
	b.WriteString("room: large\ndevices:\n  d[0-1999]:\n    driver: exec\n    settings: {on: \"/bin/true {plug}\", off: \"/bin/true {plug}\"}\nnodes:\n")
	for rack := range 2000 {
		needs := ""
		if rack%10 > 0 {
			needs = fmt.Sprintf("    needs: r%04dn00\n", rack-1)
		}
		if ranges {
			fmt.Fprintf(&b, "  r%04dn[00-49]:\n    cords: \"d%d:[0-49]\"\n%s", rack, rack, needs)
			continue
		}
		for n := range 50 {
			fmt.Fprintf(&b, "  r%04dn%02d:\n    cords: \"d%d:%d\"\n%s", rack, n, rack, n, needs)
		}
	}
	return b.String()
}
