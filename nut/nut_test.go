package nut_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/nut"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs our server with two UPSes until the test ends.
func serve(t *testing.T, config *tls.Config) (*nut.Bank, string) {
	t.Helper()
	bank := nut.NewBank("admin", "geheim")
	bank.Put("rack", `The "rack"`, nut.Vars{"ups.status": "OL", "battery.charge": "80", "ups.mfr": `A \ "B"`})
	bank.Put("row b", "", nut.Vars{"ups.status": "OB", "ups.note": "two\nlines"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&nut.Server{Handler: bank, TLS: config}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return bank, l.Addr().String()
}

func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ups"}, DNSNames: []string{"ups.example"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}}
}

func dial(t *testing.T, addr string, opts nut.Options) *nut.Client {
	t.Helper()
	c, err := nut.Dial(t.Context(), addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestBothEndsByTLS(t *testing.T) {
	config := serverTLS(t)
	_, addr := serve(t, config)
	roots := x509.NewCertPool()
	roots.AddCert(config.Certificates[0].Leaf)
	c := dial(t, addr, nut.Options{TLS: &tls.Config{RootCAs: roots, ServerName: "ups.example"}, Username: "admin", Password: "geheim"})
	if err := c.Login(t.Context(), "row b"); err != nil {
		t.Error(err)
	}
	if vars, err := c.Vars(t.Context(), "row b"); err != nil || vars["ups.note"] != "two lines" {
		t.Errorf("variables %q, %v", vars, err)
	}
	if n, err := c.Logins(t.Context(), "row b"); n != 1 || err != nil {
		t.Errorf("%d logins, %v", n, err)
	}
	if err := c.StartTLS(t.Context(), config); !errors.Is(err, nut.AlreadyTLS) {
		t.Errorf("TLS in TLS: %v", err)
	}
	if _, err := nut.Dial(t.Context(), addr, nut.Options{TLS: &tls.Config{RootCAs: roots}}); err == nil {
		t.Error("a certificate for another name is trusted")
	}
}

// A server without TLS is left before a password is said.
func TestTLSIsNotGivenUp(t *testing.T) {
	_, addr := serve(t, nil)
	_, err := nut.Dial(t.Context(), addr, nut.Options{TLS: &tls.Config{}, Username: "admin", Password: "geheim"})
	if !errors.Is(err, nut.FeatureNotConfigured) {
		t.Error(err)
	}
}

func TestWhatNeedsAUser(t *testing.T) {
	bank, addr := serve(t, nil)
	ctx := t.Context()
	c := dial(t, addr, nut.Options{})
	if err := c.Set(ctx, "rack", "ups.status", "OB"); !errors.Is(err, nut.UsernameRequired) {
		t.Error(err)
	}
	if err := c.Identify(ctx, "admin", "geheim"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		c.Primary(ctx, "rack"), c.ForceShutdown(ctx, "rack"), c.Set(ctx, "rack", "ups.mfr", `q " \ é`), c.Command(ctx, "row b", "load.on", "5"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	vars, err := c.Vars(ctx, "rack")
	if r := vars.Reading(); err != nil || !r.Status.Has(nut.Online|nut.ForcedShutdown) || r.Maker != `q " \ é` {
		t.Errorf("%+v, %v", r, err)
	}
	if done := bank.Done(); len(done) != 4 || done[3] != (nut.Request{Verb: nut.VerbCommand, UPS: "row b", Name: "load.on", Value: "5", Username: "admin", Remote: "127.0.0.1"}) {
		t.Errorf("done: %+v", done)
	}
	if err := c.Set(ctx, "rack", "ups.mfr", "a\nb"); err == nil || strings.Contains(err.Error(), "a\nb") {
		t.Errorf("a line end in a value: %v", err)
	}
	if err := c.Set(ctx, "rack", "ups.mfr", strings.Repeat("x", nut.MaxRequest)); err == nil {
		t.Error("a value of 2 KiB is sent")
	}
}

// What a server answers that is no upsd ends in an error, soon and small.
func TestHostileServer(t *testing.T) {
	for name, answer := range map[string]string{
		"silence":         "",
		"no list":         "HTTP/1.1 400 Bad Request\r\n",
		"other list":      "BEGIN LIST UPS\nUPS a \"b\"\nEND LIST UPS\n",
		"other row":       "BEGIN LIST VAR rack\nVAR cellar a \"b\"\n",
		"open quote":      "BEGIN LIST VAR rack\nVAR rack a \"b\n",
		"broken off":      "BEGIN LIST VAR rack\nVAR rack a \"b\"\n",
		"endless line":    strings.Repeat("x", 2*nut.MaxLine),
		"endless list":    "BEGIN LIST VAR rack\n" + strings.Repeat("VAR rack "+strings.Repeat("x", 1000)+" \"\"\n", 2*nut.MaxList/1000),
		"endless refusal": "ERR " + strings.Repeat("x", nut.MaxLine-10) + "\n",
	} {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			if _, err := bufio.NewReader(there).ReadString('\n'); err == nil {
				io.WriteString(there, answer)
			}
		}()
		c := nut.NewClient(here)
		vars, err := c.Vars(t.Context(), "rack")
		if err == nil || len(err.Error()) > 500 {
			t.Errorf("%s: %d variables, %v", name, len(vars), err)
		}
		c.Close()
	}
}

func TestAHangingServerIsLeft(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	go io.Copy(io.Discard, there)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("somebody has lost patience")
	time.AfterFunc(10*time.Millisecond, func() { cancel(why) })
	c := nut.NewClient(here)
	defer c.Close()
	if _, err := c.UPSes(ctx); !errors.Is(err, why) {
		t.Error(err)
	}
	if _, err := c.UPSes(t.Context()); !errors.Is(err, why) {
		t.Errorf("a broken client is used again: %v", err)
	}
}

// Raw lines at our server, one conversation after another.
func TestHostileClient(t *testing.T) {
	_, addr := serve(t, serverTLS(t))
	for _, c := range []struct{ say, want string }{
		{"\n", "ERR UNKNOWN-COMMAND\n"},
		{"get var rack ups.status\nLOGOUT\n", "VAR rack ups.status \"OL\"\nOK Goodbye\n"},
		{"GET VAR rack \"ups.status\nDETACH\n", "ERR INVALID-ARGUMENT\nOK Goodbye\n"},
		{"GET\nGET VAR\nLIST FOO\nLIST VAR\nSET\nINSTCMD rack\n", strings.Repeat("ERR INVALID-ARGUMENT\n", 6)},
		{
			"GET TYPE rack ups.mfr\nGET DESC rack ups.mfr\nGET CMDDESC rack load.off\nGET UPSDESC rack\nGET TRACKING\n",
			"TYPE rack ups.mfr RW STRING:1024\nDESC rack ups.mfr \"Description unavailable\"\nCMDDESC rack load.off \"Turn off the load immediately\"\nUPSDESC rack \"The \\\"rack\\\"\"\nOFF\n",
		},
		{"SET TRACKING ON\nLIST ENUM rack ups.mfr\n", "ERR FEATURE-NOT-CONFIGURED\nBEGIN LIST ENUM rack ups.mfr\nEND LIST ENUM rack ups.mfr\n"},
		{"USERNAME a\nUSERNAME b\nLOGIN rack\nPASSWORD x\nLOGIN rack\n", "OK\nERR ALREADY-SET-USERNAME\nERR PASSWORD-REQUIRED\nOK\nERR ACCESS-DENIED\n"},
		{strings.Repeat("x", nut.MaxRequest+1) + "\nVER\n", "ERR INVALID-ARGUMENT\nMillwright nut\n"},
		{"STARTTLS\nUSERNAME admin\n", ""},
		{"STARTTLS\n", "OK STARTTLS\n"},
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(soon))
		io.WriteString(conn, c.say)
		conn.(*net.TCPConn).CloseWrite()
		got, err := io.ReadAll(io.LimitReader(conn, 1<<20))
		if string(got) != c.want {
			t.Errorf("%.60q gives %q, %v", c.say, got, err)
		}
		conn.Close()
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		text, want string
		known      bool
		has        nut.Flag
	}{
		{"OL", "OL", true, nut.Online},
		{" LB  OB DISCHRG ", "OB LB DISCHRG", true, nut.OnBattery | nut.LowBattery | nut.Discharging},
		{"ALARM OL RB ECO", "OL RB ALARM ECO", true, nut.Online | nut.ReplaceBattery | nut.AlarmRaised},
		{"HB CHRG BYPASS CAL OFF OVER TRIM BOOST FSD", "HB CHRG BYPASS CAL OFF OVER TRIM BOOST FSD", true, nut.Bypass | nut.ForcedShutdown},
		{"WAIT", "WAIT", false, 0},
		{"", "", false, 0},
		{"ol", "ol", false, 0},
	} {
		got := nut.ParseStatus(c.text)
		if got.String() != c.want || got.Known() != c.known || !got.Has(c.has) {
			t.Errorf("%q is %q, known %v", c.text, got, got.Known())
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"90": "{90 true}", " 12.5 ": "{12.5 true}", "": "{0 false}", "NaN": "{0 false}", "-1": "{0 false}", "101": "{0 false}", "Inf": "{0 false}", "9O": "{0 false}", "0": "{0 true}",
	} {
		if got := fmt.Sprint(nut.Vars{"battery.charge": text}.Reading().Charge); got != want {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, line := range []string{"", `VAR rack ups.mfr "A \"B\" \\"`, `a""b "" \" `, `"open`, `end\`, "GET\tVAR  x"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := nut.Split(line)
		if err != nil {
			return
		}
		joined, err := nut.Join(words...)
		if err != nil {
			return
		}
		again, err := nut.Split(joined)
		if err != nil || !slices.Equal(words, again) {
			t.Errorf("%q is %q, written %q, read %q, %v", line, words, joined, again, err)
		}
	})
}

// Whatever a server says, the client neither hangs nor panics.
func FuzzAnswer(f *testing.F) {
	f.Add("BEGIN LIST VAR rack\nVAR rack ups.status \"OL\"\nEND LIST VAR rack\n")
	f.Add("ERR DATA-STALE\n")
	f.Fuzz(func(t *testing.T, answer string) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			if _, err := bufio.NewReader(there).ReadString('\n'); err == nil {
				io.WriteString(there, answer)
			}
		}()
		c := nut.NewClient(here)
		defer c.Close()
		if vars, err := c.Vars(t.Context(), "rack"); err == nil {
			_ = vars.Reading()
		}
	})
}
