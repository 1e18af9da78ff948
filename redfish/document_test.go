package redfish_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/redfish"
)

func TestDocument(t *testing.T) {
	d, err := redfish.ParseDocument([]byte("\xef\xbb\xbf" + `{"@odata.type":"#Chassis.v1_25_0.Chassis","@odata.etag":"W/\"7\"","n":"42.5","i":7,"b":"Enabled","z":null,"t":" x ","list":[1,null,{"@odata.id":"/a"},"/b"],
		"one":{"@odata.id":"/c"},"old":{"href":"/d"},"at":"2026-02-03T04:05:06+0100","bare":"2026-02-03T04:05:06","inf":"Inf","big":"1e300"}` + "\x00\n"))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := d.Float("n"); !ok || v != 42.5 {
		t.Error(v, ok)
	}
	for _, name := range []string{"inf", "big", "t", "z", "none", "list"} {
		if v, ok := d.Int(name); ok {
			t.Errorf("%s is the number %d", name, v)
		}
	}
	if _, ok := d.Float("b"); ok {
		t.Error("a word is a number")
	}
	if is, ok := d.Bool("b"); !is || !ok || d.True("z") || d.True("one") {
		t.Error("truth")
	}
	if d.String("t") != "x" || d.String("i") != "7" || d.String("list", "0") != "1" || d.String("list", "9") != "" || d.String("list", "-1") != "" || d.String("i", "deeper") != "" {
		t.Error("texts")
	}
	if strings.Join(d.Links("list"), " ") != "/a /b" || d.Link("one") != "/c" || d.Link("old") != "/d" || strings.Join(d.Links("one"), "") != "/c" || len(d.List("list")) != 3 {
		t.Error("links")
	}
	if d.Type() != "Chassis" || d.ETag() != `W/"7"` || d.Has("z") || !d.Has("n") {
		t.Error("what it is")
	}
	if at := d.Time("at"); !at.Equal(time.Date(2026, 2, 3, 3, 5, 6, 0, time.UTC)) || !d.Time("bare").Equal(at.Add(time.Hour)) || !d.Time("n").IsZero() {
		t.Error(at)
	}
	var into struct{ I int }
	if err := d.Decode(&into); err != nil || into.I != 7 {
		t.Error(into, err)
	}
	if _, err := redfish.ParseDocument([]byte("[" + strings.Repeat("{},", 1<<20) + "{}]")); !errors.Is(err, redfish.ErrNotJSON) {
		t.Errorf("a million values: %v", err)
	}
	if _, err := redfish.ParseDocument([]byte(strings.Repeat("[", 200) + strings.Repeat("]", 200))); !errors.Is(err, redfish.ErrNotJSON) {
		t.Error(err)
	}
}
