package bmc

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// status runs a program and gives how it ended.
func status(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	out, err := try(t, "", args...)
	if exit := (*exec.ExitError)(nil); err != nil {
		var ok bool
		if exit, ok = err.(*exec.ExitError); !ok { //nolint:errorlint // that is what it gives
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
		return out, exit.ExitCode()
	}
	return out, 0
}

// FreeIPMI's bmc-config reads all that there is to set, writes it back, changes some of it
// and finds that it was changed.
func TestBMCConfig(t *testing.T) {
	t.Parallel()
	port := peer(t)
	config := func(args ...string) (string, int) {
		return status(t, append([]string{"bmc-config", "-D", "LAN_2_0", "-I", "3", "-h", "127.0.0.1:" + port, "-u", "admin", "-p", "password", "-l", "admin"}, args...)...)
	}
	// 1 is for what is not there: this machine has no serial channel and no key Kr. 2 would be an error.
	all, code := config("--checkout")
	if code > 1 {
		t.Fatalf("checkout ended with %d: %s", code, all)
	}
	for _, want := range []string{
		"Section User15", "Section Lan_Channel", "Section Lan_Conf", "Section Lan6_Conf", "Section Lan_Conf_Auth", "Section Lan_Conf_Security_Keys",
		"Section Lan_Conf_Misc", "Section Rmcpplus_Conf_Privilege", "Section SOL_Conf",
	} {
		if !strings.Contains(all, want+"\n") {
			t.Errorf("no %q", want)
		}
	}
	for _, want := range []string{
		"Maximum_Privilege_Cipher_Suite_Id_3 Administrator", "IP_Address 192.0.2.7", "SOL_Retry_Count 7", "Username watch", "MAC_Address 02:00:00:00:00:07",
	} {
		name, value, _ := strings.Cut(want, " ")
		if !hasSetting(all, name, value) {
			t.Errorf("no %q", want)
		}
	}
	for _, section := range []string{"User2", "User3", "Lan_Channel", "Lan_Conf", "Lan6_Conf", "Lan_Conf_Misc", "SOL_Conf"} {
		if out, code := config("--checkout", "-S", section); code != 0 {
			t.Errorf("checkout of %s ended with %d: %s", section, code, out)
		}
	}
	dir := t.TempDir()
	whole, some := filepath.Join(dir, "all"), filepath.Join(dir, "some")
	changes := "Section User3\n Enable_User No\nEndSection\nSection Lan_Conf_Misc\n Gratuitous_ARP_Interval 6\nEndSection\nSection SOL_Conf\n SOL_Retry_Count 3\nEndSection\n"
	for name, text := range map[string]string{whole: all, some: changes} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		args []string
		want string // "": nothing is said
	}{
		{[]string{"--diff", "-n", whole}, ""},
		{[]string{"--diff", "-n", some}, "SOL_Retry_Count - input=`3':actual=`7'"},
		{[]string{"--commit", "-n", some}, ""},
		{[]string{"--diff", "-n", some}, ""},
		{[]string{"--diff", "-n", whole}, "Enable_User - input=`Yes':actual=`No'"},
		{[]string{"--commit", "-n", whole}, ""},
		{[]string{"--diff", "-n", whole}, ""},
		{[]string{"--commit", "-e", "Lan_Conf_Misc:Gratuitous_ARP_Interval=4"}, ""},
		{[]string{"--checkout", "-e", "Lan_Conf_Misc:Gratuitous_ARP_Interval"}, " 4\n"},
	} {
		out, code := config(step.args...)
		if code != 0 || !strings.Contains(out, step.want) || step.want == "" && out != "" {
			t.Errorf("%v: ended with %d, %q", step.args, code, out)
		}
	}
}

// hasSetting says whether some line of a checkout has a name and a value.
func hasSetting(text, name, value string) bool {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name && f[1] == value {
			return true
		}
	}
	return false
}

// pyghmi's own program: it never ends by itself, so it is ended when it has said what it must.
func TestPyghmiutil(t *testing.T) {
	t.Parallel()
	cfg := demo()
	cfg.Faults = &Faults{Delay: 5 * time.Millisecond} // see TestPyghmi
	at := ownAddress(t, cfg)
	for _, step := range []operation{
		{"power", at + ": on"},
		{"power off", "{'powerstate': 'off'}"},
		{"power on", "{'powerstate': 'on'}"},
		{"bootdev network", "'bootdev': 'network'"},
		{"bootdev", "'persistent': False"},
		{"sensors", "'name': 'PSU1'"},
		{"health", "{'badreadings': [], 'health': 0}"},
		{"inventory", "PSER456"},
		{"net", "192.0.2.7/24"},
		{"raw 0 1", "'code': 0"},
	} {
		if out, ok := printing(t, step.want, append([]string{"pyghmiutil", at, "admin"}, strings.Fields(step.command)...)...); !ok {
			t.Errorf("%s: no %q in %q", step.command, step.want, out)
		}
	}
}

// printing runs a program until it has printed something.
func printing(t *testing.T, want string, args ...string) (out string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = append(os.Environ(), "IPMIPASSWORD=password", "PYTHONUNBUFFERED=1", "HOME="+t.TempDir())
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for s := bufio.NewScanner(pipe); s.Scan(); {
		lines.WriteString(s.Text() + "\n")
		if strings.Contains(s.Text(), want) {
			ok = true
			break
		}
	}
	cancel()
	_ = c.Wait()
	return lines.String() + said.String(), ok
}
