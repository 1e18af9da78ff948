package httpdriver_test

import (
	"os/exec"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/sim/webplug"
)

// TestCurl: the simulators are honest HTTP, and their digests those of others.
func TestCurl(t *testing.T) {
	for _, c := range []struct {
		profile, path, want string
		args                []string
	}{
		{"dli-rest", "/restapi/relay/outlets/0/physical_state/", "true", []string{"--digest"}},
		{"shelly-gen2", "/rpc/Switch.GetStatus?id=0", `"output":true`, []string{"--digest"}},
		{"shelly-gen2", "/rpc/Switch.Set", `"was_on":true`, []string{"--digest", "-d", `{"id":0,"on":false}`}},
		{"shelly-gen1", "/relay/0", `"ison":true`, nil},
		{"epowerswitch-r2", "/hidden.htm", "M0:O1=On", nil},
		{"ip-power-9258-old", "/Set.cmd?CMD=SetPower+P61=1", "P61=1", nil},
	} {
		b := newBox(t, c.profile, plugNames(4))
		b.Set("1", true)
		address := listening(t, b)
		args := append([]string{"-sS", "--max-time", "10", "-u", user + ":" + password}, c.args...)
		out, err := exec.CommandContext(t.Context(), "curl", append(args, address+c.path)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s%s: %v\n%s", c.profile, c.path, err, out)
		}
		b.Fault(webplug.BadPassword, true)
		args = append(args, "-o", "/dev/null", "-w", "%{http_code}")
		out, err = exec.CommandContext(t.Context(), "curl", append(args, address+c.path)...).CombinedOutput()
		if err != nil || string(out) != "401" {
			t.Errorf("%s%s with a wrong password: %v\n%s", c.profile, c.path, err, out)
		}
	}
}
