package bmc

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
)

// deaf is a host that does not heed its context.
type deaf struct {
	release chan struct{}
	calls   int
}

func (*deaf) Powered(context.Context) (bool, error) { return true, nil }

func (h *deaf) Power(context.Context, Caller, chassis.Action) error {
	h.calls++
	<-h.release
	return nil
}

// A host that never answers costs its client one timeout, and a machine no more than what may run
// at a time; its other commands go on.
func TestAHostThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &deaf{release: make(chan struct{})}
		m := machine(t, func(c *Config) { c.Limits = Limits{Running: 2, Idle: time.Hour} }, h)
		c := signIn(t, m, "admin", "password", Administrator)
		power := func() [][]byte {
			got := c.put(c.packet(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerOff)))
			synctest.Wait()
			return got
		}
		if got := power(); len(got) != 0 {
			t.Fatal("it was answered at once")
		}
		first := c.seq
		time.Sleep(hostPatience)
		synctest.Wait()
		if code, _ := c.read(c.take()); code != ipmi.CodeTimeout {
			t.Errorf("after the host's time: %v", code)
		}
		// Asked again by the same number it gives the same answer, and is not done again.
		if code, _ := c.read(c.put(c.repeat(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerOff)))); code != ipmi.CodeTimeout || h.calls != 1 {
			t.Errorf("%v, done %d times", code, h.calls)
		}
		if power(); h.calls != 2 {
			t.Errorf("done %d times", h.calls)
		}
		if code, _ := c.read(power()); code != ipmi.CodeBusy || h.calls != 2 {
			t.Errorf("more than may run: %v, done %d times", code, h.calls)
		}
		if code, _ := c.do(ipmi.NetFnApp, 0x01); code != ipmi.CodeOK {
			t.Errorf("another command: %v", code)
		}
		begun := time.Now()
		m.Close()
		if d := time.Since(begun); d != closePatience {
			t.Errorf("closed after %v", d)
		}
		close(h.release)
		synctest.Wait()
		if got := c.take(); len(got) != 0 || first == c.seq {
			t.Errorf("%d answers after the end", len(got))
		}
	})
}

// What comes late is not told a second time.
func TestAHostThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &deaf{release: make(chan struct{})}
		m := machine(t, func(c *Config) { c.Limits.Idle = time.Hour }, h)
		c := signIn(t, m, "admin", "password", Administrator)
		c.put(c.packet(ipmi.NetFnChassis, chassis.CmdControl, byte(chassis.PowerOff)))
		time.Sleep(hostPatience + time.Second)
		synctest.Wait()
		if n := len(c.take()); n != 1 {
			t.Errorf("%d answers", n)
		}
		close(h.release)
		synctest.Wait()
		if n := len(c.take()); n != 0 {
			t.Errorf("%d more answers", n)
		}
	})
}
