package script

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A device that never stops talking does not fill the log.
func TestLossesAreSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := &losses{device: "d", log: slog.New(slog.NewTextHandler(&out, nil))}
		l.add(1)
		for range 1000 {
			l.add(4096)
		}
		if got := strings.Count(out.String(), "\n"); got != 1 || !strings.Contains(out.String(), "d lost 1 chars") {
			t.Fatalf("%d lines were logged at once, want only the first loss:\n%s", got, out.String())
		}
		time.Sleep(lossPause)
		l.add(4)
		if !strings.Contains(out.String(), "d lost 4096004 chars") {
			t.Errorf("the sum is not in the log:\n%s", out.String())
		}
	})
}
