package libvirt

import (
	"slices"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	for text, want := range map[string]URI{
		"qemu:///system":                           {Driver: "qemu", Transport: "unix", Path: "/system", Name: "qemu:///system"},
		"qemu+unix:///session?socket=/tmp/s":       {Driver: "qemu", Transport: "unix", Path: "/session", Socket: "/tmp/s", Name: "qemu:///session"},
		"qemu://host/system":                       {Driver: "qemu", Transport: "tls", Host: "host", Path: "/system", Name: "qemu:///system"},
		"qemu+tls://h:1/system?no_verify=1&a=b":    {Driver: "qemu", Transport: "tls", Host: "h", Port: "1", Path: "/system", NoVerify: true, Name: "qemu:///system?a=b"},
		"qemu+ssh://u@[::1]:22/system?mode=legacy": {Driver: "qemu", Transport: "ssh", User: "u", Host: "::1", Port: "22", Path: "/system", Mode: "legacy", Name: "qemu:///system"},
		"qemu+tcp://h":                             {Driver: "qemu", Transport: "tcp", Host: "h", Path: "/system", Name: "qemu:///system"},
		"test:///default":                          {Driver: "test", Transport: "unix", Path: "/default", Name: "test:///default"},
		"vpx+tcp://h/x?name=esx:///":               {Driver: "vpx", Transport: "tcp", Host: "h", Path: "/x", Name: "esx:///"},
	} {
		if u, err := ParseURI(text); err != nil || u != want {
			t.Errorf("%s: %+v, %v; want %+v", text, u, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                   "no libvirt URI",
		"qemu":                               "begins with",
		"qemu:x":                             "of the form",
		"qemu+ext://h/system":                "the transports",
		"qemu+ssh:///system":                 "need a host",
		"qemu+unix://h/system":               "need a host",
		"qemu+tls://h/system?mode=odd":       "mode",
		"qemu+ssh://u:hush@h/system":         "password",
		"qemu+ssh://h/system?command=/bin/x": "command",
		"qemu+ssh://h/system?netcat=/bin/x":  "netcat",
		"qemu+ssh://u:hush@h:x/system":       "cannot be read",
	} {
		if u, err := ParseURI(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %+v, %v; want %s", text, u, err, want)
		}
	}
	for text, want := range map[string][]string{
		"qemu:///system":              {"/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"},
		"xen:///system?mode=direct":   {"/run/libvirt/virtxend-sock"},
		"qemu:///session?mode=legacy": {"/run/user/7/libvirt/libvirt-sock"},
	} {
		u, err := ParseURI(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := u.sockets(false); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

// FuzzURI: what is read gives a command in which nothing of it is run by a shell.
func FuzzURI(f *testing.F) {
	f.Add("qemu+ssh://u@h/system?socket=/tmp/'$(x)'")
	f.Add("qemu:///session?name=`x`")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURI(text)
		if err != nil {
			return
		}
		if bare := unquoted(u.Command()); strings.Contains(bare, "$(x)") || strings.ContainsAny(bare, "`\n\\*?<|") {
			t.Errorf("%q gives %q, in which %q is bare", text, u.Command(), bare)
		}
	})
}

// unquoted leaves out what stands in single quotes, and what of the command is ours.
func unquoted(s string) string {
	s = strings.ReplaceAll(s, `'\''`, "")
	var b strings.Builder
	for i, part := range strings.Split(s, "'") {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return strings.NewReplacer(">/dev/null 2>&1", "", ">&2", "", `"${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"`, "").Replace(b.String())
}
