package httpdriver_test

import (
	"strings"
	"testing"

	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/driver/web"
)

// TestWrongSettings: what is wrong is said before anything is reached, and which
// setting it is.
func TestWrongSettings(t *testing.T) {
	define := func(path string) *httpdriver.Definition {
		return &httpdriver.Definition{On: &httpdriver.Request{Path: path}}
	}
	const at = "http://box"
	for want, s := range map[string]httpdriver.Settings{
		"address: the address begins with http":      {Address: "telnet://box", Profile: "dli"},
		"address: an address has no user":            {Address: "http://admin:secret@box", Profile: "dli"},
		"address: an address ends with its path":     {Address: "http://box/?a=b", Profile: "dli"},
		"address: the host is missing":               {Address: "http://", Profile: "dli"},
		"profile: name the make":                     {Address: at},
		"profile: there is no profile \"dlj\"":       {Address: at, Profile: "dlj"},
		"profile: give profile or define":            {Address: at, Profile: "dli", Define: define("/")},
		"tls: a pin is sha256:":                      {Address: at, Profile: "dli", TLS: web.TLS{Pins: []string{"abc"}}},
		"tls: insecure trusts anybody":               {Address: at, Profile: "dli", TLS: web.TLS{Insecure: true, CA: "ca.pem"}},
		"tls: min: \"1.4\"":                          {Address: at, Profile: "dli", TLS: web.TLS{Min: "1.4"}},
		"plugs: plug \"1\" is there twice":           {Address: at, Profile: "dli", Plugs: []string{"1", "[1-2]"}},
		"define: define: neither on, off nor status": {Address: at, Define: &httpdriver.Definition{}},
		"define: on: neither {plug}, {index}":        {Address: at, Define: define("/on")},
		"define: on: there is no {plog}":             {Address: at, Define: define("/on/{plog}")},
		"define: on: {number} is the plug's place":   {Address: at, Define: define("/on/{number}")},
		"define: on: {plug index} is no place": {Address: at, Define: &httpdriver.Definition{On: &httpdriver.Request{
			Path: "/", JSON: `{"a":"{plug index}"}`,
		}}},
		"define: on: path: \"/on {plug}\" has a blank": {Address: at, Define: define("/on {plug}")},
		"is no header that can be set": {Address: at, Define: &httpdriver.Definition{On: &httpdriver.Request{
			Path: "/{plug}", Headers: map[string]string{"Host": "x"},
		}}},
		"only one of form": {Address: at, Define: &httpdriver.Definition{On: &httpdriver.Request{
			Path: "/{plug}", JSON: "{}", Text: "x",
		}}},
		"only one of json": {Address: at, Define: &httpdriver.Definition{Status: &httpdriver.Read{Find: httpdriver.Find{JSON: "$.a", Regex: "a"}}}},
		"at most one ..":   {Address: at, Define: &httpdriver.Definition{Status: &httpdriver.Read{Find: httpdriver.Find{JSON: "$..a..b"}}}},
		"is no JSON path":  {Address: at, Define: &httpdriver.Definition{Status: &httpdriver.Read{Find: httpdriver.Find{JSON: "a b"}}}},
		"is no XPath":      {Address: at, Define: &httpdriver.Definition{Status: &httpdriver.Read{Find: httpdriver.Find{XPath: "//["}}}},
		"missing closing )": {Address: at, Define: &httpdriver.Definition{Status: &httpdriver.Read{
			Find: httpdriver.Find{Regex: "("},
		}}},
		"\"user\" is no name": {Address: at, Define: &httpdriver.Definition{On: &httpdriver.Request{
			Path: "/{plug}", Take: map[string]httpdriver.Find{"user": {}},
		}}},
		"is no quantity": {Address: at, Define: &httpdriver.Definition{
			On: &httpdriver.Request{Path: "/{plug}"}, Measure: []httpdriver.Measure{{Values: []httpdriver.Value{{Quantity: "mood"}}}},
		}},
	} {
		_, err := s.Traits(nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestProfilesAreWell: each can be used as it is, and asks for what it needs.
func TestProfilesAreWell(t *testing.T) {
	for _, name := range httpdriver.Profiles() {
		s := &httpdriver.Settings{Address: "https://box", Profile: name}
		traits, err := s.Traits(nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		optional := name == "tasmota" || strings.HasPrefix(name, "shelly")
		if len(traits.Plugs) == 0 || (len(traits.Login) == 0) != optional {
			t.Errorf("%s: %+v", name, traits)
		}
	}
}
