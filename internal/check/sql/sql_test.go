package sql_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/md5"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/sql"
	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/internal/secret"
)

// daemon is a database server of the test's own, in a folder that is its user's.
type daemon struct {
	t    *testing.T
	dir  string
	who  *syscall.SysProcAttr // the user that it has on Debian, if the test is root's
	uid  int
	port int
	ca   string
}

func newDaemon(t *testing.T, name string) *daemon {
	t.Helper()
	_, port, _ := net.SplitHostPort(freeport.For(t, "127.0.0.1"))
	d := &daemon{t: t, dir: t.TempDir(), who: &syscall.SysProcAttr{}, uid: -1}
	d.port, _ = strconv.Atoi(port)
	if os.Getuid() == 0 { // they refuse root
		u, err := user.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		d.who.Credential, d.uid = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, uid
		if err := os.Chmod(filepath.Dir(d.dir), 0o755); err != nil {
			t.Fatal(err)
		}
		d.own(d.dir)
	}
	certificate, ca := checktest.Certificate(t, 20)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	d.ca = d.write("cert.pem", string(text))
	d.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return d
}

func (d *daemon) own(path string) {
	if err := os.Chown(path, d.uid, -1); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) write(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if d.uid >= 0 {
		d.own(path)
	}
	return path
}

func (d *daemon) command(argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(d.t.Context(), argv[0], argv[1:]...)
	cmd.SysProcAttr, cmd.Dir = d.who, d.dir
	return cmd
}

// run runs a program to its end.
func (d *daemon) run(argv ...string) {
	d.t.Helper()
	if said, err := d.command(argv...).CombinedOutput(); err != nil {
		d.t.Fatalf("%v: %v\n%s", argv, err, said)
	}
}

// start runs the server until the test ends, and waits until it lets somebody in.
func (d *daemon) start(s *sql.Settings, argv ...string) {
	d.t.Helper()
	log, err := os.Create(filepath.Join(d.dir, "log"))
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := d.command(argv...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	var r check.Result
	for end := time.Now().Add(checktest.Patience); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		if r = checktest.Look(d.t, s, env("ann", "s3cret")); r.Verdict == check.OK {
			return
		}
	}
	said, _ := os.ReadFile(log.Name())
	d.t.Fatalf("it does not let us in: %s\n%s", r.Said, said)
}

func env(name, password string) check.Env {
	e := checktest.Env()
	e.Credential = secret.Resolved{User: name, Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}}
	return e
}

func settings(server string, d *daemon, query string, change func(*sql.Settings)) *sql.Settings {
	s := sql.New().New().(*sql.Settings)
	s.Server, s.Port, s.Query, s.TLS.CA = server, d.port, query, d.ca
	if server == "postgresql" {
		s.Database = "postgres"
	}
	if change != nil {
		change(s)
	}
	return s
}

// question is one to both kinds of server.
type question struct {
	name, query string
	change      func(*sql.Settings)
	user        string // ann if empty
	want        check.Verdict
	says        string
}

func questions() []question {
	type S = sql.Settings
	low := 3.0
	return []question{
		{"lets us in", "", nil, "", check.OK, "let us in"},
		{"without TLS", "", func(s *S) { s.Encryption = "off" }, "", check.OK, "let us in"},
		{"a value", "select 40 + 2", func(s *S) { s.Is = "42" }, "", check.OK, `"42" in`},
		{"another value", "select 2", func(s *S) { s.Min = &low }, "", check.Bad, "2, less than 3"},
		{"nothing", "select null", func(s *S) { s.Is = "x" }, "", check.Bad, `"" and not "x"`},
		{"any value", "select 'ok'", nil, "", check.OK, `"ok"`},
		{"no row", "select 1 where false", func(s *S) { s.Is = "1" }, "", check.Bad, "no row"},
		{"no row, no matter", "select 1 where false", nil, "", check.OK, "no row"},
		{"a wrong query", "selekt 1", nil, "", check.Unknown, "syntax"},
		{"two queries", "select 1; select 2", nil, "", check.Unknown, ""},
		{"no such table", "select * from nowhere.nothing", nil, "", check.Unknown, ""},
		{"a query that changes", "create table x (a int)", func(s *S) {
			if s.Database == "" {
				s.Database = "mysql"
			}
		}, "", check.Unknown, ""},
		{"no such database", "select 1", func(s *S) { s.Database = "atlantis" }, "", check.Unknown, "atlantis"},
		{"nobody known", "", nil, "bob", check.Unknown, "bob"},
		{"not trusted", "", func(s *S) { s.TLS.CA = "" }, "", check.Bad, "pins: [sha256:"},
		{"nobody there", "", func(s *S) { s.Port = 1 }, "", check.Bad, "connection refused"},
	}
}

func ask(t *testing.T, server string, d *daemon, more ...question) {
	t.Helper()
	for _, q := range append(questions(), more...) {
		t.Run(q.name, func(t *testing.T) {
			if q.user == "" {
				q.user = "ann"
			}
			checktest.Says(t, checktest.Look(t, settings(server, d, q.query, q.change), env(q.user, "s3cret")), q.want, q.says)
		})
	}
	r := checktest.Look(t, settings(server, d, "", nil), env("ann", "wr0ng"))
	checktest.Says(t, r, check.Unknown, "")
	checktest.Says(t, checktest.Look(t, settings(server, d, "", nil), env("", "")), check.Unknown, "no user")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	slow := map[string]string{"postgresql": "select pg_sleep(60)", "mariadb": "select sleep(60)"}[server]
	checktest.Says(t, checktest.LookFor(ctx, t, settings(server, d, slow, nil), env("ann", "s3cret")), check.Bad, "time")
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no PostgreSQL here (%v): scripts/setup installs it", err)
	}
	bin := found[len(found)-1]
	d := newDaemon(t, "postgres")
	data := filepath.Join(d.dir, "data")
	d.run(filepath.Join(bin, "initdb"), "-D", data, "-U", "ann", "--auth=scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8", "--pwfile", d.write("password", "s3cret\n"))
	d.write("data/pg_hba.conf", `
host all plain 127.0.0.1/32 password
host all mia   127.0.0.1/32 md5
host all ted   127.0.0.1/32 trust
host all all   127.0.0.1/32 scram-sha-256
`)
	roles := d.command(filepath.Join(bin, "postgres"), "--single", "-D", data, "postgres")
	roles.Stdin = strings.NewReader(`create role plain login password 's3cret'
create role mia login password 'md5` + hexMD5("s3cretmia") + `'
create role zoë login password 'gänse€'
create role ted login
`)
	if said, err := roles.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	d.start(settings("postgresql", d, "", nil), filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(d.port), "-h", "127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "ssl=on", "-c", "ssl_cert_file=../cert.pem", "-c", "ssl_key_file=../key.pem")
	ask(t, "postgresql", d,
		question{"a flood", "select generate_series(1, 1000000000)", func(s *sql.Settings) { s.Is = "1" }, "", check.OK, ""},
		question{"a long value", "select repeat('x', 100000000)", nil, "", check.Bad, ""},
		question{"the password in the clear", "", func(s *sql.Settings) { s.Encryption = "off" }, "plain", check.Unknown, "in the clear"},
		question{"the password in the clear, under TLS", "", nil, "plain", check.OK, "let us in"},
		question{"md5", "select current_user", func(s *sql.Settings) { s.Is, s.Encryption = "mia", "off" }, "mia", check.OK, ""},
		question{"no password", "select current_user", func(s *sql.Settings) { s.Is = "ted" }, "ted", check.OK, ""},
		question{"SCRAM without TLS", "select 1", func(s *sql.Settings) { s.Encryption = "off" }, "", check.OK, ""},
		question{"a row of nothing", "select", nil, "", check.OK, `""`},
		question{"no query", "-- none", nil, "", check.OK, "no row"},
		question{"a copy", "copy pg_database to stdout", nil, "", check.Unknown, "COPY"},
		question{"an error on the way", "select 1 / (x - 1) from generate_series(1, 2) x", nil, "", check.Unknown, "division by zero (SQLSTATE 22012)"},
		question{"a zero byte", "select '\x00'", nil, "", check.Unknown, "zero byte"},
	)
	for _, user := range []string{"plain", "mia"} {
		checktest.Says(t, checktest.Look(t, settings("postgresql", d, "", nil), env(user, "wr0ng")), check.Unknown, "password authentication failed")
	}
	checktest.Says(t, checktest.Look(t, settings("postgresql", d, "", nil), env("zoë", "gänse€")), check.OK, "let us in")
}

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, "mysql")
	data := filepath.Join(d.dir, "data")
	init := d.write("init.sql", "CREATE USER ann@'127.0.0.1' IDENTIFIED BY 's3cret';\nGRANT ALL ON *.* TO ann@'127.0.0.1';\n")
	d.run("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	d.start(settings("mariadb", d, "", nil), "mariadbd", "--no-defaults", "--datadir="+data, "--port="+strconv.Itoa(d.port), "--bind-address=127.0.0.1",
		"--socket="+filepath.Join(d.dir, "socket"), "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=8M",
		"--ssl-cert="+d.ca, "--ssl-key="+filepath.Join(d.dir, "key.pem"), "--init-file="+init)
	ask(t, "mariadb", d,
		question{"a flood", "select seq from seq_1_to_1000000000", func(s *sql.Settings) { s.Is, s.Database = "1", "mysql" }, "", check.OK, ""},
		question{"a long value", "select repeat('x', 10000000)", nil, "", check.Bad, ""},
	)
}

func TestSettings(t *testing.T) {
	type S = sql.Settings
	for _, change := range []func(*S){
		func(s *S) { s.Server = "oracle" }, func(s *S) { s.Host = "" }, func(s *S) { s.Port = -1 }, func(s *S) { s.Is = "x" },
		func(s *S) { s.Encryption = "some" }, func(s *S) { s.Query, s.Like = "x", "(" }, func(s *S) { s.TLS.Pins = []string{"x"} },
	} {
		s := sql.New().New().(*S)
		s.Server = "mysql"
		change(s)
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
