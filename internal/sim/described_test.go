package sim_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/sim"
)

// TestDescribedMakesCanBePlayed holds that each description is sound: a room of
// every make starts.
func TestDescribedMakesCanBePlayed(t *testing.T) {
	cfg := sim.Config{InMemory: true}
	for _, s := range sim.Styles() {
		cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: s.Name(), Style: s.Name(), Outlets: sim.Numbered(1, 8)})
	}
	if len(cfg.PDUs) < 20 {
		t.Errorf("there are only %d makes", len(cfg.PDUs))
	}
	start(t, cfg)
}

// acme has one of everything that a description can say.
const acme = `make "acme"
  login "admin" "1234"
  echo
  keys "\x03"
  sessions 1 "busy\r\n"
  held 130s
  idle 3m "idle\r\n"
  start user
  inside main
screen user
  say "name: "
  ask line
  when "(.*)" : keep user $1 ; goto password
screen password
  say "password: "
  ask hidden
  when "(.*)" login $1 : goto main
  when ".*" : say "no\r\n" ; goto user
screen main
  say "{user}@{unit}> "
  ask line
  when "on (\\S+)" plug $1 bad : say "broken\r\n"
  when "on (\\S+)" plug $1 not is on : on ; say "{plug:3} {state up shut~down}\r\n"
  when "on (\\S+)" plug $1 : say "already\r\n"
  when "all" every : off ; picked "{plug},"
  when "list" : each "{plug} of {count}, " 2 3
  when "\x03" : say "interrupted\r\n"
  when "more" : goto key
  when "bye" : logout
  when "(.*)" : say "?\r\n"
screen key
  say "y/n "
  ask key
  when "y" : goto main
  when ".*" : say "well\r\n"
`

// acmeRoom has one strip of that make, in memory.
func acmeRoom(t *testing.T) *sim.Room {
	t.Helper()
	styles, err := sim.Described("acme.talk", acme)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, sim.Config{InMemory: true, Styles: styles, PDUs: []sim.PDU{{Name: "a", Style: "acme", Outlets: sim.Numbered(1, 4)}}})
}

// enter logs in at the strip.
func enter(t *testing.T, room *sim.Room) *user {
	t.Helper()
	u := dial(t, room, "a")
	u.until("name: ")
	u.send("admin\r\n")
	u.until("password: ")
	u.send("1234\r\n")
	u.until("admin@a> ")
	return u
}

func TestDescribedDialogue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := acmeRoom(t)
		u := enter(t, room)
		if err := room.Break("a", sim.Fault{Kind: sim.Error, Plug: "2"}); err != nil {
			t.Fatal(err)
		}
		for _, turn := range []struct{ typed, want string }{
			{"on 3\r\n", "on 3\r\n  3 up\r\nadmin@a> "},
			{"on 3\r\n", "on 3\r\nalready\r\nadmin@a> "},
			{"on 2\r\n", "on 2\r\nbroken\r\nadmin@a> "},
			{"on 9\r\n", "on 9\r\n?\r\nadmin@a> "},
			{"list\r\n", "list\r\n2 of 4, 3 of 4, admin@a> "},
			{"\x03", "interrupted\r\nadmin@a> "},
			{"all\r\n", "all\r\n1,2,3,4,admin@a> "},
			{"more\r\n", "more\r\ny/n "},
			{"x", "xwell\r\ny/n "},
			{"y", "yadmin@a> "},
		} {
			u.send(turn.typed)
			if before := u.until(turn.want); before != "" {
				t.Errorf("%q: %q before %q", turn.typed, before, turn.want)
			}
		}
	})
}

// TestDescribedSessions: one at a time, a place that is kept for those who do not log
// out, hanging up on the silent and on those who guess.
func TestDescribedSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := acmeRoom(t)
		turnedAway := func(when string) {
			t.Helper()
			if got := dial(t, room, "a").rest(); got != "busy\r\n" {
				t.Errorf("%s: somebody else hears %q", when, got)
			}
		}
		u := enter(t, room)
		turnedAway("while one is there")
		u.send("bye\r\n")
		u.rest()
		u = enter(t, room)
		u.conn.Close()
		synctest.Wait()
		turnedAway("after one that broke off")
		time.Sleep(131 * time.Second)
		u = enter(t, room)
		before := time.Now()
		if got := u.rest(); got != "idle\r\n" || time.Since(before) != 3*time.Minute {
			t.Errorf("the silent one hears %q after %s", got, time.Since(before))
		}
		time.Sleep(131 * time.Second)
		guess := dial(t, room, "a")
		for range 3 {
			guess.until("name: ")
			guess.send("admin\r\n")
			guess.until("password: ")
			guess.send("wrong\r\n")
		}
		if got := guess.rest(); strings.Contains(got, ">") {
			t.Errorf("who guesses hears %q", got)
		}
		if err := room.Break("a", sim.Fault{Kind: sim.Busy}); err != nil {
			t.Fatal(err)
		}
		turnedAway("by the fault")
	})
}

// TestDescribedMistake says where a description is wrong.
func TestDescribedMistake(t *testing.T) {
	_, err := sim.Described("acme.talk", strings.Replace(acme, "goto key", "goto keys", 1))
	if err == nil || errors.Is(err, io.EOF) || !strings.HasPrefix(err.Error(), "acme.talk:28: ") {
		t.Errorf("the error is %v", err)
	}
}
