package docs

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/snmp/profile"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/shelf"
)

// TestDevicesPage holds the page of devices to what there is: every driver, device
// file and profile stands in its tables, and nothing else does.
func TestDevicesPage(t *testing.T) {
	text := read(t, "docs/devices.md")
	var drivers []string
	for _, d := range standard.Drivers(script.Options{}) {
		drivers = append(drivers, d.Name)
	}
	_, byMake, _ := strings.Cut(text, "## By make")
	byMake, _, found := strings.Cut(byMake, "## Coming from")
	if !found {
		t.Fatal("docs/devices.md has no part by make")
	}
	styles := enumOf(t, "mqtt", "Style")
	have := slices.Concat(drivers, shelf.Names(), httpdriver.Profiles(), profile.Names(), styles)
	shown := make(map[string]bool)
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(byMake, -1) {
		shown[m[1]] = true
		if known := slices.Contains(have, m[1]) || strings.HasPrefix(m[1], "generic") || slices.Contains([]string{"ipmipower", "redfishpower"}, m[1]); !known {
			t.Errorf("docs/devices.md names %q, which is neither a driver nor a file nor a profile", m[1])
		}
	}
	for _, name := range have {
		if name != "exec" && name != "topics" && name != "auto" && !shown[name] {
			t.Errorf("docs/devices.md does not list %q by make", name)
		}
	}
	for _, name := range drivers {
		if !strings.Contains(text, "| `"+name+"` |") {
			t.Errorf("docs/devices.md does not say with what the driver %q was tried", name)
		}
	}
}

// enumOf gives the values that a setting of a driver can have.
func enumOf(t *testing.T, name, field string) []string {
	t.Helper()
	for _, d := range standard.Drivers(script.Options{}) {
		if d.Name == name {
			f, _ := reflect.TypeOf(d.New()).Elem().FieldByName(field)
			return strings.Split(f.Tag.Get("enum"), ",")
		}
	}
	t.Fatalf("there is no driver %s", name)
	return nil
}
