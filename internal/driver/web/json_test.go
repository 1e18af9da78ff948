package web_test

import (
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver/web"
)

func TestReadJSON(t *testing.T) {
	nested := func(n int, core string) string {
		return strings.Repeat(`{"a":[`, n/2) + core + strings.Repeat("]}", n/2)
	}
	for _, c := range []struct{ text, fault string }{
		{nested(32, "1"), ""},
		{nested(34, "1"), "nested deeper than 32"},
		{nested(9000, "1"), "nested deeper than 32"},
		{nested(32, `"\\\"[[{{"`), ""}, // what is quoted nests nothing
		{`[1, "a]`, "no JSON"},
		{`]]]]` + nested(34, "1"), "no JSON"},
		{``, "no JSON"},
	} {
		_, err := web.ReadJSON([]byte(c.text))
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%.60s: %v, want %q", c.text, err, c.fault)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for path, well := range map[string]bool{"$.a[0].b": true, "$..a": true, "$..a..b": false, `$..["..\"..",'..']`: true, "$..[?@..a]": false} {
		if err := web.CheckPath(path); (err == nil) != well {
			t.Errorf("%s: %v", path, err)
		}
	}
}
