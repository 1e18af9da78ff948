package packaging_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scratch is the root of a system that has nothing but what dpkg put there.
type scratch struct {
	t   *testing.T
	dir string
}

// newScratch makes a root of which dpkg believes that adduser is installed.
func newScratch(t *testing.T) *scratch {
	t.Helper()
	s := &scratch{t: t, dir: t.TempDir()}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/log", "usr/bin", "usr/sbin", "tmp"} {
		if err := os.MkdirAll(s.at(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	s.write("etc/group", "root:x:0:\ndialout:x:20:\n")
	s.write("var/lib/dpkg/status", "Package: adduser\nStatus: install ok installed\nVersion: 3.134\nArchitecture: all\n"+
		"Maintainer: Nobody <nobody@example.org>\nDescription: makes users\n\n")
	s.write("var/lib/dpkg/info/adduser.list", "/.\n")
	return s
}

func (s *scratch) at(path string) string { return filepath.Join(s.dir, path) }

func (s *scratch) write(path, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.at(path)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.at(path), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scratch) read(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.at(path))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *scratch) exists(path string) bool {
	_, err := os.Lstat(s.at(path))
	return err == nil
}

// mustHave and mustLack tell of files that are missing, or are there.
func (s *scratch) mustHave(when string, paths ...string) {
	s.t.Helper()
	for _, path := range paths {
		if !s.exists(path) {
			s.t.Errorf("%s: /%s is missing", when, path)
		}
	}
}

func (s *scratch) mustLack(when string, paths ...string) {
	s.t.Helper()
	for _, path := range paths {
		if s.exists(path) {
			s.t.Errorf("%s: /%s is there", when, path)
		}
	}
}

// dpkg runs it on the root, with the maintainer scripts but without changing into
// it: there is no shell in there. Whoever is not root pretends to be.
func (s *scratch) dpkg(args ...string) {
	s.t.Helper()
	argv := append([]string{
		"dpkg", "--root=" + s.dir, "--force-script-chrootless", "--force-confdef", "--force-confold", "--log=" + s.at("var/log/dpkg.log"),
	}, args...)
	if os.Geteuid() != 0 {
		kept := s.at("fakeroot")
		argv = append([]string{"fakeroot", "-s", kept, "-i", kept, "--"}, argv...)
		if !s.exists("fakeroot") {
			s.write("fakeroot", "")
		}
	}
	run(s.t, ".", []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "DEBIAN_FRONTEND=noninteractive"}, argv...)
}

// leads follows links within the root, as they will be followed once it is one.
func (s *scratch) leads(path string) string {
	s.t.Helper()
	for range 10 {
		to, err := os.Readlink(s.at(path))
		if err != nil {
			return path
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join("/", filepath.Dir(path), to)
		}
		path = strings.TrimPrefix(to, "/")
	}
	s.t.Fatalf("the links at %s have no end", path)
	return ""
}

// run runs a program and gives what it writes.
func run(t *testing.T, dir string, env []string, argv ...string) string {
	t.Helper()
	said, _ := runBoth(t, dir, env, argv...)
	return said
}

// complaints runs a program and gives what it complains of.
func complaints(t *testing.T, dir string, env []string, argv ...string) string {
	t.Helper()
	_, complained := runBoth(t, dir, env, argv...)
	return complained
}

func runBoth(t *testing.T, dir string, env []string, argv ...string) (said, complained string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(argv, " "), err, out.String(), bad.String())
	}
	return out.String(), bad.String()
}

// buildDeb makes the package as a release does, but for how tightly it is packed.
func buildDeb(t *testing.T, version string, args ...string) string {
	t.Helper()
	out := t.TempDir()
	for _, from := range append(filesBelow(t, "."), "../scripts/package") {
		if _, err := os.ReadFile(from); err != nil { // so that go test knows what a kept result stood on
			t.Fatal(err)
		}
	}
	run(t, "..", nil, append([]string{"scripts/package", "--version", version, "--arch", "amd64", "--quick", "--out", out}, args...)...)
	run(t, out, nil, "sha256sum", "--check", "--strict", "SHA256SUMS")
	return filepath.Join(out, "millwright_"+version+"_amd64.deb")
}

// repack changes files of a package, as a later version of it would.
func repack(t *testing.T, deb string, change func(root string)) string {
	t.Helper()
	dir := t.TempDir()
	root, to := filepath.Join(dir, "root"), filepath.Join(dir, filepath.Base(deb))
	run(t, ".", nil, "dpkg-deb", "-R", deb, root)
	change(root)
	run(t, ".", nil, "dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, to)
	return to
}

// stranger is another package that has a program of its own at /usr/bin/powerman.
func stranger(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	for path, text := range map[string]string{
		"DEBIAN/control":   "Package: powerman\nVersion: 2.3.27-1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: another one\n",
		"usr/bin/powerman": "#!/bin/sh\n# another program\n",
	} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(dir, "powerman.deb")
	run(t, ".", nil, "dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, to)
	return to
}

// filesBelow lists what a folder holds.
func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
