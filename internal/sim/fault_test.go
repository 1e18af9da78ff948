package sim_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// oneStrip is a room with a strip of a make.
func oneStrip(style string) sim.Config {
	return sim.Config{InMemory: true, PDUs: []sim.PDU{{Name: "p", Style: style, Outlets: sim.Numbered(0, 4)}}}
}

func TestFaultsOfADevice(t *testing.T) {
	// The prompt of the sound device, and what it answers to "stat 0".
	const prompt, answer = "1 vpc> ", "plug 0: OFF\n1 OK\n2 vpc> "
	tests := []struct {
		fault string
		check func(t *testing.T, u *user)
	}{
		{"hang", func(t *testing.T, u *user) {
			time.Sleep(time.Hour)
			synctest.Wait()
			if len(u.said) > 0 {
				t.Errorf("said %q, want silence", <-u.said)
			}
		}},
		{"garbage", func(t *testing.T, u *user) {
			synctest.Wait()
			if got := <-u.said; len(got) != len(answer) || strings.Contains(got, "OK") {
				t.Errorf("said %q, want %d bytes of noise", got, len(answer))
			}
		}},
		{"half", func(t *testing.T, u *user) {
			if got := u.until(answer); got != "" {
				t.Errorf("said %q before the answer", got)
			}
		}},
		{"drop", func(t *testing.T, u *user) {
			if got, want := u.rest(), answer[:len(answer)/2]; got != want {
				t.Errorf("said %q and hung up, want %q", got, want)
			}
		}},
		{"slow delay 3s", func(t *testing.T, u *user) { takes(t, u, answer, 3*time.Second) }},
		// The last pause comes after the last byte.
		{"trickle delay 10ms", func(t *testing.T, u *user) {
			takes(t, u, answer, time.Duration(len(answer)-1)*10*time.Millisecond)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				room := start(t, oneStrip("vpc"))
				u := dial(t, room, "p")
				u.login()
				u.until(prompt)
				do(t, room, "fault p "+tt.fault)
				u.send("stat 0\n")
				tt.check(t, u)

				do(t, room, "heal p")
				healed := dial(t, room, "p")
				healed.login()
				healed.ask("stat 0", "plug 0: OFF\n1 OK\n")
			})
		})
	}
}

func takes(t *testing.T, u *user, answer string, want time.Duration) {
	t.Helper()
	begin := time.Now()
	if got := u.until(answer); got != "" {
		t.Errorf("said %q before the answer", got)
	}
	if got := time.Since(begin); got != want {
		t.Errorf("the answer took %v, want %v", got, want)
	}
}

func TestHalfLinesAreManyWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, oneStrip("vpc"))
		u := dial(t, room, "p")
		u.login()
		do(t, room, "fault p half")
		u.send("stat *\n")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(u.said); got < 10 {
			t.Errorf("the answer came in %d writes, want many", got)
		}
	})
}

func TestSoundDeviceAnswersInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, oneStrip("vpc"))
		u := dial(t, room, "p")
		u.login()
		u.until("1 vpc> ")
		u.send("stat *\n")
		synctest.Wait()
		if got := len(u.said); got != 1 {
			t.Errorf("the answer came in %d writes, want 1", got)
		}
	})
}

func TestAFaultMayComeAfterSomeLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, oneStrip("vpc"))
		do(t, room, "fault p drop after 2")
		u := dial(t, room, "p")
		u.login()
		u.ask("stat 0", "plug 0: OFF\n1 OK\n")
		u.send("stat 0\n")
		if got := u.rest(); strings.Contains(got, "2 OK") {
			t.Errorf("the third line was answered: %q", got)
		}
	})
}

func TestHealingHangsUpOnThoseWhoHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := start(t, oneStrip("vpc"))
		sound := dial(t, room, "p")
		sound.login()
		do(t, room, "fault p hang")
		stuck := dial(t, room, "p")
		synctest.Wait()
		do(t, room, "heal p")
		if got := stuck.rest(); got != "" {
			t.Errorf("said %q, want nothing", got)
		}
		sound.ask("stat 0", "plug 0: OFF\n1 OK\n")
	})
}

func TestRefusedConnections(t *testing.T) {
	cfg := oneStrip("vpc")
	cfg.InMemory = false
	cfg.PDUs[0].Feed = "A"
	room := start(t, cfg)
	addr := room.Addr("p")
	connects := func() error {
		conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err
	}
	for _, line := range []string{"fault p refuse", "feed A off"} {
		if err := connects(); err != nil {
			t.Fatalf("before %q: %v", line, err)
		}
		do(t, room, line)
		if err := connects(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after %q: got error %v, want connection refused", line, err)
		}
		if _, err := room.Dial(t.Context(), "tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after %q, in memory: got error %v, want connection refused", line, err)
		}
		do(t, room, "heal all")
		do(t, room, "feed A on")
	}
	if err := connects(); err != nil {
		t.Errorf("in the end: %v", err)
	}
	if got := room.Addr("p"); got != addr {
		t.Errorf("the address is %s now, and was %s", got, addr)
	}
}

func TestFaultsOfAPlug(t *testing.T) {
	tests := []struct {
		fault, answer, state string
		relay                string
	}{
		{"lie", "1: OK\n1 OK\n", "plug 1: ON\n2 OK\n", "0000"},
		{"stuck", "1: OK\n1 OK\n", "plug 1: OFF\n2 OK\n", "0000"},
		{"error", "1: ERROR\n1 OK\n", "plug 1: ERROR\n2 OK\n", "0000"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			room := start(t, oneStrip("vpc"))
			do(t, room, "fault p/1 "+tt.fault)
			u := dial(t, room, "p")
			u.login()
			u.ask("on 1", tt.answer)
			u.ask("stat 1", tt.state)
			if got := relays(room, 0); got != tt.relay {
				t.Errorf("relays are %s, want %s", got, tt.relay)
			}
			do(t, room, "heal p/1")
			u.ask("stat 1", "plug 1: OFF\n3 OK\n")
			u.ask("on *", "0: OK\n1: OK\n2: OK\n3: OK\n4 OK\n")
			if got, want := relays(room, 0), "1111"; got != want {
				t.Errorf("healed: relays are %s, want %s", got, want)
			}
		})
	}
}

func TestWrongPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := oneStrip("menu")
		cfg.PDUs[0].Login = sim.Login{User: "admin", Password: "sesame"}
		room := start(t, cfg)
		try := func(name, password string) *user {
			u := dial(t, room, "p")
			u.until("User Name : ")
			u.send(name + "\r\n")
			u.until("Password  : ")
			u.send(password + "\r\n")
			return u
		}
		u := try("admin", "sesame")
		u.until("Control Console")
		try("apc", "apc").until("User Name : ")
		do(t, room, "fault p badlogin")
		try("admin", "sesame").until("User Name : ")
		if got := room.Snapshot().PDUs[0].Logins; got != 1 {
			t.Errorf("%d logins were accepted, want 1", got)
		}
		if strings.Contains(u.got, "sesame") {
			t.Error("the password was echoed")
		}
	})
}

func TestBadFaultsAreRefused(t *testing.T) {
	room := start(t, oneStrip("vpc"))
	for _, line := range []string{
		"fault q hang", "fault p", "fault p/9 lie", "fault p/1 hang", "fault p melt", "fault p slow delay x",
		"fault p hang after", "fault p hang after -1", "fault p hang soon 3", "heal q", "heal p/9", "heal", "feed A off",
		"press q", "turn p/1 maybe", "turn p/9 on", "turn q/1 on", "show q", "dance",
	} {
		if err := room.Do(line, t.Output()); err == nil {
			t.Errorf("%q was done, want an error", line)
		}
	}
}
