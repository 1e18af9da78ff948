package libvirt

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// URI says which hypervisor is meant and how its daemon is reached, as virsh -c takes
// it: driver[+transport]://[user@][host][:port]/path[?parameters].
type URI struct {
	Driver    string // "qemu", "test", ...
	Transport string // "unix", "tcp", "tls" or "ssh"
	User      string // for ssh
	Host      string // without brackets
	Port      string // "" is the transport's own
	Path      string // "/system", "/session", "/default", ...

	Socket   string // the daemon's socket file, if it is not where it always is
	Mode     string // "auto", "direct" (the hypervisor's own daemon) or "legacy" (libvirtd)
	NoVerify bool   // of tls: does not check who the daemon is
	PKIPath  string // of tls: a folder with cacert.pem, clientcert.pem and clientkey.pem

	Name string // what is opened at the daemon
}

// ParseURI reads a URI. Parameters that are none of ours are left to the daemon, but
// for those that would run programs or that name files of SSH, which are refused.
func ParseURI(text string) (URI, error) {
	fail := func(why string) (URI, error) { return URI{}, fmt.Errorf("%q is no libvirt URI: %s", redact(text), why) }
	u, err := url.Parse(text)
	if err != nil {
		return fail("it cannot be read")
	}
	q := u.Query()
	it := URI{
		Host: u.Hostname(), Port: u.Port(), Path: u.Path,
		Socket: q.Get("socket"), Mode: q.Get("mode"), PKIPath: q.Get("pkipath"), NoVerify: q.Get("no_verify") == "1",
	}
	it.Driver, it.Transport, _ = strings.Cut(u.Scheme, "+")
	if _, secret := u.User.Password(); secret {
		return fail("a password does not belong into it")
	}
	it.User = u.User.Username()
	if it.Path == "" {
		it.Path = "/system"
	}
	if it.Transport == "" {
		if it.Transport = "unix"; it.Host != "" {
			it.Transport = "tls"
		}
	}
	switch {
	case it.Driver == "":
		return fail("it begins with the hypervisor, as in qemu:///system")
	case u.Opaque != "" || !strings.Contains(text, "://"):
		return fail("it is not of the form qemu:///system")
	case it.Transport != "unix" && it.Transport != "tcp" && it.Transport != "tls" && it.Transport != "ssh":
		return fail("the transports are unix, tcp, tls and ssh")
	case (it.Transport == "unix") != (it.Host == ""):
		return fail("unix is for this machine, and all other transports need a host")
	case it.Mode != "" && it.Mode != "auto" && it.Mode != "direct" && it.Mode != "legacy":
		return fail("mode is auto, direct or legacy")
	}
	if it.Name = q.Get("name"); it.Name == "" {
		for _, ours := range []string{"socket", "mode", "pkipath", "no_verify", "name", "proxy"} {
			q.Del(ours)
		}
		for _, bad := range []string{"command", "netcat", "keyfile", "known_hosts", "known_hosts_verify", "sshauth", "no_tty", "no_sanity"} {
			if q.Has(bad) {
				return fail("it has " + bad + ", which is not for a URI to say here")
			}
		}
		it.Name = it.Driver + "://" + (&url.URL{Path: it.Path, RawQuery: q.Encode()}).String()
	}
	return it, nil
}

// redact hides a password in a URI that cannot be used anyway.
func redact(text string) string {
	at := strings.LastIndex(text, "@")
	slashes := strings.Index(text, "://")
	if at < 0 || slashes < 0 || slashes > at || !strings.Contains(text[slashes+3:at], ":") {
		return text
	}
	return text[:slashes+3] + "..." + text[at:]
}

// Address gives host and port.
func (u URI) Address() string {
	port := u.Port
	if port == "" {
		port = map[string]string{"tcp": "16509", "tls": "16514", "ssh": "22"}[u.Transport]
	}
	return net.JoinHostPort(u.Host, port)
}

// sockets lists the files at which the daemon may be found, best first.
func (u URI) sockets(readOnly bool) ([]string, error) {
	if u.Socket != "" {
		return []string{u.Socket}, nil
	}
	folder := "/run/libvirt"
	if u.Path == "/session" || u.Path == "/embed" {
		runtime := os.Getenv("XDG_RUNTIME_DIR")
		if runtime == "" {
			return nil, errors.New("where a user's own daemon listens is not known: XDG_RUNTIME_DIR is not set")
		}
		folder = filepath.Join(runtime, "libvirt")
	}
	ending := "-sock"
	if readOnly {
		ending = "-sock-ro"
	}
	return u.choose(path.Join(folder, "virt"+u.Driver+"d"+ending), path.Join(folder, "libvirt"+ending)), nil
}

func (u URI) choose(direct, legacy string) []string {
	switch u.Mode {
	case "direct":
		return []string{direct}
	case "legacy":
		return []string{legacy}
	}
	return []string{direct, legacy}
}

// Command is what has to run at the far end of SSH: it joins its standard input and
// output to the daemon's socket. It is a line for a POSIX shell.
func (u URI) Command() string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	if u.Socket != "" {
		return "exec nc -U " + quote(u.Socket)
	}
	folder := "/run/libvirt/"
	if u.Path == "/session" {
		folder = `"${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"/libvirt/`
	}
	line := "if command -v virt-ssh-helper >/dev/null 2>&1; then exec virt-ssh-helper " + quote(u.Name) + "; fi; "
	for _, at := range u.choose(folder+quote("virt"+u.Driver+"d-sock"), folder+"libvirt-sock") {
		line += "if [ -S " + at + " ]; then exec nc -U " + at + "; fi; "
	}
	return line + "echo no libvirt socket >&2; exit 1"
}
