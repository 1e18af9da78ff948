package fakebmc

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// said is what the program writes, which may be waited for.
type said struct {
	mu   sync.Mutex
	b    bytes.Buffer
	line chan string
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(p)
	if text := s.b.String(); strings.Contains(text, "Try:") && strings.HasSuffix(text, "\n") {
		s.line <- text
	}
	return len(p), nil
}

// launch runs the program and gives the options by which ipmitool reaches it.
func launch(t *testing.T, args ...string) []string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, errs := &said{line: make(chan string, 1)}, &bytes.Buffer{}
	ended := make(chan int, 1)
	go func() { ended <- Run(ctx, append([]string{"--port", "0"}, args...), nil, out, errs) }()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("it ended with %d: %s", code, errs)
		}
	})
	select {
	case text := <-out.line:
		_, command, _ := strings.Cut(text, "ipmitool ")
		return strings.Fields(strings.TrimSuffix(strings.TrimSpace(command), "chassis power status"))
	case code := <-ended:
		ended <- 0
		t.Fatalf("it ended with %d: %s", code, errs)
	}
	return nil
}

func tool(t *testing.T, at []string, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "ipmitool", append(append([]string(nil), at...), strings.Fields(command)...)...).CombinedOutput()
	return string(out)
}

func TestWithoutOptions(t *testing.T) {
	at := launch(t)
	for _, c := range [][2]string{
		{"chassis power status", "is off"},
		{"chassis power on", "Up/On"},
		{"chassis power status", "is on"},
		{"sdr", "CPU Temp"},
		{"fru", "Pretended board"},
		{"mc info", "IPMI Version"},
		{"dcmi power reading", "180 Watts"},
		{"-C 3 chassis power status", "is on"},
		{"chassis bootdev pxe", "to pxe"},
		{"mc reset cold", "Sent cold reset"},
		{"chassis power status", "is on"}, // it has not gone away
	} {
		if out := tool(t, at, c[0]); !strings.Contains(out, c[1]) {
			t.Errorf("%s: %s", c[0], out)
		}
	}
}

func TestDataFaultsAndScript(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("bmc.json", `{"name": "lab7", "asset": "A-1"}`)
	write("sensors.json", `[{"name": "Exhaust", "unit": "C", "from": 70, "to": 70, "upper": [60, 80, 90]}]`)
	secret := write("password", "another one\n")
	script := write("script", "0s on   # at once\n0s log 0x12 5 1\n")
	at := launch(t, "--data", dir, "--password-file", secret, "--script", script, "--fault", "code=00/0f=c1", "--preset", "supermicro", "--ipmi15", "--suites", "3")
	for i, w := range at {
		if w == "PASSWORD" {
			at[i] = "another one"
		}
	}
	for _, c := range [][2]string{
		{"chassis power status", "is on"},
		{"chassis poh", "Invalid command"},
		{"sensor get Exhaust", "Upper Non-Critical"},
		{"mc info", "Super"},
		{"sel list", "System Event"},
		{"-C 3 dcmi asset_tag", "A-1"},
	} {
		if out := tool(t, append([]string{"-C", "3"}, at...), c[0]); !strings.Contains(out, c[1]) {
			t.Errorf("%s: %s", c[0], out)
		}
	}
}

func TestCurve(t *testing.T) {
	list := []curve{{Name: "x", Unit: "W", From: 10, To: 30, Period: "20s"}}
	if err := prepare(list); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]float64{0: 10, 5 * time.Second: 20, 10 * time.Second: 30, 15 * time.Second: 20, 20 * time.Second: 10} {
		if got := float64(list[0].at(at).Raw) * list[0].step; got < want-list[0].step || got > want+list[0].step {
			t.Errorf("after %v it is %v, want %v", at, got, want)
		}
	}
}

func TestFaults(t *testing.T) {
	var f bmc.Faults
	for _, text := range []string{"loss=0.5", "delay=20ms", "silent", "sdr-chain=endless", "max-read=16", "code=06/01=c0", "refuse-suite=17", "seed=7"} {
		if err := setFault(&f, text); err != nil {
			t.Error(err)
		}
	}
	if f.Loss != 0.5 || f.Delay != 20*time.Millisecond || !f.Silent || f.SDRChain != bmc.ChainEndless || f.MaxRead != 16 || f.Codes[[2]uint8{6, 1}] != ipmi.CodeBusy || f.Seed != 7 {
		t.Errorf("got %+v", &f)
	}
	for _, text := range []string{"loss=2", "loss", "bogus", "silent=1", "delay=soon", "sdr-chain=round", "code=zz"} {
		if setFault(&f, text) == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--port", "70000"}, {"--count", "0"}, {"word"}, {"--bogus"}, {"--fault", "bogus"}, {"--suites", "x"}, {"--addresses", "--address", "::1"}} {
		var out, errs bytes.Buffer
		if code := Run(t.Context(), args, nil, &out, &errs); code != 2 || !strings.Contains(errs.String(), "Usage") {
			t.Errorf("%v ended with %d: %s", args, code, &errs)
		}
	}
}
