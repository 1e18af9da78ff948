package user_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/user"
)

const zeros = " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"

func codecs() []ipmitest.Codec {
	return []ipmitest.Codec{
		ipmitest.Message(user.ParseAccessAnswer, "0a 42 01 34"),
		ipmitest.Message(user.ParseAccessQuery, "01 02"),
		ipmitest.Message(user.ParseAccessSetting, "b1 02 04", "41 02 03 05"),
		ipmitest.Message(user.ParseNameSetting, `02 "admin" 00 00 00 00 00 00 00 00 00 00 00`),
		ipmitest.With(user.ParseName, func(name string, b []byte) []byte { return user.AppendName(b, name) }, `"sixteen-bytes-ok"`, zeros),
		ipmitest.Message(user.ParsePassword, `02 02 "secret" 00 00 00 00 00 00 00 00 00 00`, `82 03 "twenty-bytes-of-text"`, "03 01"+zeros),
		ipmitest.Message(user.ParseKey, "01 01 01 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14", "01 00 01"),
	}
}

func TestSetKg(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/56 01 01 01 6b 65 79 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00": "00 02"})
	if err := user.SetKg(t.Context(), d, 1, []byte("key")); err != nil {
		t.Errorf("%v: sent %q", err, d.Sent())
	}
	if err := user.SetKg(t.Context(), plain{d}, 1, []byte("key")); !errors.Is(err, user.ErrUnencrypted) || len(d.Sent()) != 1 {
		t.Errorf("in the clear: %v", err)
	}
	if err := user.SetKg(t.Context(), d, 1, make([]byte, 21)); err == nil {
		t.Error("21 bytes were sent")
	}
}

func TestMessages(t *testing.T) { ipmitest.RoundTrips(t, codecs()) }

func FuzzMessages(f *testing.F) { ipmitest.Fuzz(f, codecs()) }

// four is a channel with room for four users: 1 without a name, 2 admin, 3 nobody, 4 an old one.
func four() map[string]string {
	return map[string]string{
		"06/44 01 01": "00 04 02 01 00", "06/46 01": "00" + zeros,
		"06/44 01 02": "00 04 42 01 34", "06/46 02": `00 "admin" 00 00 00 00 00 00 00 00 00 00 00`,
		"06/44 01 03": "00 04 02 01 0f", "06/46 03": "cc",
		"06/44 01 04": "00 04 82 01 32", "06/46 04": `00 "old" 00 00 00 00 00 00 00 00 00 00 00 00 00`,
	}
}

func TestList(t *testing.T) {
	d := ipmitest.Table(t, four())
	users, err := user.List(t.Context(), d, 1)
	if err != nil || len(users) != 2 {
		t.Fatalf("users %+v, %v", users, err)
	}
	admin := user.User{ID: 2, Name: "admin", Status: user.StatusEnabled, Access: user.Access{LinkAuth: true, Messaging: true, Limit: channel.Administrator}}
	if users[0] != admin || users[1].Name != "old" || users[1].Status != user.StatusDisabled {
		t.Errorf("users %+v", users)
	}
	if _, err := user.Find(t.Context(), d, 1, "root"); !errors.Is(err, user.ErrNoUser) {
		t.Errorf("root gives %v", err)
	}
	c, err := user.GetCounts(t.Context(), d, 1)
	if err != nil || c != (user.Counts{Max: 4, Enabled: 2, Fixed: 1}) {
		t.Errorf("counts %+v, %v", c, err)
	}
}

func TestCreate(t *testing.T) {
	answers := four()
	for _, cmd := range []string{"06/43", "06/45", "06/47", "06/4c"} {
		answers[cmd] = "00"
	}
	d := ipmitest.Table(t, answers)
	id, err := user.Create(t.Context(), d, 1, user.NewUser{Name: "eve", Secret: []byte("seventeen bytes!!"), Limit: channel.Operator, Payload: true})
	if err != nil || id != 3 {
		t.Fatalf("id %d, %v", id, err)
	}
	var sent []string
	for _, s := range d.Sent() {
		if !strings.HasPrefix(s, "06/44") && !strings.HasPrefix(s, "06/46") {
			sent = append(sent, s)
		}
	}
	want := []string{
		"06/45 03 65 76 65 00 00 00 00 00 00 00 00 00 00 00 00 00",
		"06/47 83 02 73 65 76 65 6e 74 65 65 6e 20 62 79 74 65 73 21 21 00 00 00",
		"06/43 b1 03 03",
		"06/4c 01 03 02 00 00 00",
		"06/47 03 01" + zeros,
	}
	if !slices.Equal(sent, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(sent, "\n"), strings.Join(want, "\n"))
	}
}

func TestCreateWithoutRoom(t *testing.T) {
	answers := four()
	answers["06/46 03"] = `00 "third" 00 00 00 00 00 00 00 00 00 00 00`
	d := ipmitest.Table(t, answers)
	if _, err := user.Create(t.Context(), d, 1, user.NewUser{Name: "eve"}); err == nil || !strings.Contains(err.Error(), "room for 4 users") {
		t.Errorf("got %v", err)
	}
}

func TestDelete(t *testing.T) {
	// Both a BMC that has nothing to disable and one that keeps names count as done.
	d := ipmitest.Table(t, map[string]string{"06/47 03 00" + zeros: "cc", "06/43 81 03 0f": "00", "06/45 03" + zeros: "cc"})
	if err := user.Delete(t.Context(), d, 1, 3); err != nil {
		t.Errorf("%v: sent %q", err, d.Sent())
	}
	if err := user.Delete(t.Context(), ipmitest.Table(t, map[string]string{"06/47": "d4"}), 1, 3); !errors.Is(err, ipmi.CodePrivilege) {
		t.Errorf("without the privilege: %v", err)
	}
}

func TestPassword(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/47": "80;81;00;d4"})
	for i, want := range []bool{false, false, true} {
		is, err := user.TestPassword(t.Context(), d, 2, []byte("secret"), i == 1)
		if err != nil || is != want {
			t.Errorf("test %d: %v, %v", i, is, err)
		}
	}
	if _, err := user.TestPassword(t.Context(), d, 2, nil, false); !errors.Is(err, ipmi.CodePrivilege) {
		t.Errorf("without the privilege: %v", err)
	}
	before := len(d.Sent())
	if err := user.SetPassword(t.Context(), d, 2, []byte("seventeen bytes!!"), false); err == nil || strings.Contains(err.Error(), "seventeen") {
		t.Errorf("17 bytes in 16: %v", err)
	}
	if len(d.Sent()) != before {
		t.Error("a password that does not fit was sent")
	}
}

// plain is a session that is not encrypted.
type plain struct{ *ipmitest.Doer }

func (plain) Encrypted() bool { return false }

func TestPasswordsNeedEncryption(t *testing.T) {
	d := plain{ipmitest.Table(t, map[string]string{"06/47": "00"})}
	if err := user.SetPassword(t.Context(), d, 2, []byte("secret"), false); !errors.Is(err, user.ErrUnencrypted) || len(d.Sent()) != 0 {
		t.Errorf("%v, sent %q", err, d.Sent())
	}
	if _, err := user.TestPassword(t.Context(), d, 2, []byte("secret"), false); !errors.Is(err, user.ErrUnencrypted) {
		t.Error(err)
	}
	if err := user.SetEnabled(t.Context(), d, 2, true); err != nil {
		t.Errorf("no password, but %v", err)
	}
	if err := user.SetPassword(t.Context(), user.AllowUnencrypted(d), 2, []byte("secret"), false); err != nil {
		t.Errorf("allowed, but %v", err)
	}
}

func TestNamesAreBounded(t *testing.T) {
	d := ipmitest.Table(t, map[string]string{"06/45": "00"})
	if err := user.SetName(t.Context(), d, 2, "seventeen-bytes-x"); err == nil || len(d.Sent()) != 0 {
		t.Errorf("17 bytes: %v", err)
	}
}
