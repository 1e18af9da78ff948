package powerman_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/event"
)

// vetoed is the real daemon with a device of three nodes and these hooks.
func vetoed(t *testing.T, vetoes string) (*house, *device) {
	t.Helper()
	d := newDevice(t, ok)
	h := prepare(t, plain("5")+"device \"d\" \"plain\" \""+d.addr+"\"\nnode \"n[1-3]\" \"d\"\n")
	room := filepath.Join(filepath.Dir(h.conf), "room.yaml")
	h.put(room, "include: "+filepath.Base(h.conf)+"\nvetoes:\n"+vetoes)
	h.conf = room
	h.start()
	return h, d
}

// A refused request touches no device, not for those nodes either that nobody
// minds, and leaves one refusal event with the hook's name and reason.
func TestVeto(t *testing.T) {
	h, d := vetoed(t, `
  jobs: {exec: [/bin/sh, -c, 'grep -q "\"n2\"" && echo "{\"refuse\":{\"n2\":\"job 42 is running\"}}" || echo "{\"decision\":\"allow\"}"']}
  boss: {exec: [/bin/sh, -c, 'echo "{\"decision\":\"confirm\",\"reason\":\"the boss sleeps\"}"'], nodes: n3}
`)
	c := h.dial()
	const done, failed = "102 Command completed successfully", "210 Command completed with errors"
	c.want("off n[1-2]", "308 veto jobs: n2: job 42 is running", failed)
	c.want("cycle n2", "308 veto jobs: n2: job 42 is running", failed)
	c.want("off n3", "308 veto boss: the boss sleeps (to be confirmed, which cannot be done here; millwright's own commands can)", failed)
	if heard := d.heard.String(); strings.Contains(heard, "off") || strings.Contains(heard, "cycle") {
		t.Errorf("the device was told %q", heard)
	}
	c.want("on n2", done)  // nobody minds
	c.want("off n1", done) // neither
	if out, err := exec.Command("powerman", "-h", h.addr, "-0", "n2").CombinedOutput(); err == nil || !strings.Contains(string(out), "veto jobs: n2: job 42 is running") {
		t.Errorf("Debian's client: %v\n%s", err, out)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	refused := h.events(event.Refusal)
	if len(refused) != 4 || refused[0].Op != "off" || refused[0].Targets != "n[1-2]" || refused[0].Request == "" ||
		!strings.Contains(refused[0].Detail, "veto jobs: n2: job 42 is running") {
		t.Errorf("refusals: %+v", refused)
	}
	if intents := h.events(event.Intent); len(intents) != 2 {
		t.Errorf("intents: %+v", intents)
	}
}

// While one client's request waits for a hook that hangs, others are served, by the
// same device too.
func TestAHookThatHangsHoldsUpNobodyElse(t *testing.T) {
	h, d := vetoed(t, `
  hangs: {exec: [/bin/sh, -c, "exec sleep 600"], nodes: n1, timeout: 5m}
  fails: {exec: [/bin/false], nodes: n2}
  passed: {exec: [/bin/false], nodes: n3, on-failure: allow}
`)
	waits, c := h.dial(), h.dial()
	waits.send("off n1\r\n")
	c.want("on n1", "102 Command completed successfully")
	c.want("off n2", "308 veto fails: gave no valid answer, which counts as a refusal: /bin/false ended with exit status 1", "210 Command completed with errors")
	c.want("off n3", "102 Command completed successfully")
	if heard := d.heard.String(); strings.Count(heard, "off") != 1 {
		t.Errorf("the device was told %q", heard)
	}
	if err := h.stop(); err != nil { // which ends the waiting too
		t.Fatal(err)
	}
	passed := h.events(event.Veto)
	if len(passed) != 1 || passed[0].Targets != "n3" || !strings.Contains(passed[0].Detail, "passed over") {
		t.Errorf("events of vetoes: %+v", passed)
	}
}
