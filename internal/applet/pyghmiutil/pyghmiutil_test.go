package pyghmiutil

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/ipmi/bmc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine serves a BMC until the test ends, and gives its address.
func machine(t *testing.T) string {
	t.Helper()
	m, err := bmc.New(bmc.Config{Users: []bmc.Account{{Name: "admin", Password: "password", Privilege: bmc.Administrator}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- bmc.Serve(ctx, conn, m) }()
	t.Cleanup(func() {
		stop()
		<-over
		m.Close()
	})
	return conn.LocalAddr().String()
}

func TestCommands(t *testing.T) {
	at := machine(t)
	for _, c := range []struct {
		command, want string
		code          int
	}{
		{"power", at + ": off", 0},
		{"power on", `{"powerstate":"on"}`, 0},
		{"power boot", `{"powerstate":"on"}`, 0},
		{"power", at + ": on", 0},
		{"bootdev network", `{"bootdev":"network"}`, 0},
		{"bootdev", `{"bootdev":"network","persistent":false,"uefimode":false}`, 0},
		{"sensors", "Logged into " + at, 0},
		{"health", at + ": ok", 0},
		{"inventory", `"name":"System"`, 0},
		{"graphical", "Logged into", 0},
		{"net", `"ipv4_address"`, 0},
		{"raw 6 1", `"netfn":7`, 0},
		{"raw 0 2 03", `"code":0`, 0},
		{"raw 6 255", `"code":193`, exitFailed},
		{"power sideways", "none of", exitUsage},
		{"bogus", "no command", exitUsage},
	} {
		t.Setenv("IPMIPASSWORD", "password")
		var out, errs bytes.Buffer
		code := Run(t.Context(), append([]string{at, "admin"}, strings.Fields(c.command)...), nil, &out, &errs)
		if said := out.String() + errs.String(); code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%s ended with %d, want %d:\n%swant %q", c.command, code, c.code, said, c.want)
		}
	}
}

func TestSeveralAtOnce(t *testing.T) {
	a, b := machine(t), machine(t)
	t.Setenv("IPMIPASSWORD", "password")
	var out, errs bytes.Buffer
	if code := Run(t.Context(), []string{a + "," + b, "admin", "power"}, nil, &out, &errs); code != 0 {
		t.Errorf("ended with %d: %s", code, &errs)
	}
	if want := "Logged into " + a + "\n" + a + ": off\nLogged into " + b + "\n" + b + ": off\n"; out.String() != want {
		t.Errorf("said\n%swant\n%s", &out, want)
	}
	t.Setenv("IPMIPASSWORD", "wrong")
	out.Reset()
	if code := Run(t.Context(), []string{a, "admin", "power", "on"}, nil, &out, &errs); code != exitLogin {
		t.Errorf("with a wrong password it ended with %d: %s", code, &out)
	}
	if code := Run(t.Context(), []string{a, "admin", "power"}, nil, &out, &errs); code != exitUsage { // the variable is gone
		t.Errorf("without a password it ended with %d", code)
	}
}
