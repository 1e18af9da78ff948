package redfish_test

import (
	"strings"
	"testing"

	"millwright.dev/millwright/redfish"
)

func TestVendors(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*fake, map[string]string)
		is    redfish.Vendor
		want  string
	}{
		"nobody's": {func(*fake, map[string]string) {}, redfish.Generic, `PATCH /Systems/1 {"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Cd"}}`},
		"Dell, by its manager": {func(f *fake, docs map[string]string) {
			f.put("/Managers/bmc", strings.Replace(docs["/Managers/bmc"], `"Id"`, `"Oem":{"Dell":{}},"Id"`, 1))
			f.put("/Managers/bmc/Attributes", `{"Attributes":{"ServerBoot.1.BootOnce":"Disabled"}}`)
		}, redfish.Dell, `PATCH /Managers/bmc/Attributes {"Attributes":{"ServerBoot.1.BootOnce":"Enabled","ServerBoot.1.FirstBootDevice":"VCD-DVD"}}`},
		"HPE, by the machine": {func(f *fake, docs map[string]string) {
			f.put("/Systems/1", strings.Replace(docs["/Systems/1"], `"Id"`, `"Oem":{"Hpe":{}},"Id"`, 1))
			f.put("/cd", `{"Oem":{"Hpe":{"BootOnNextServerReset":false}}}`)
		}, redfish.HPE, `PATCH /cd {"Oem":{"Hpe":{"BootOnNextServerReset":true}}}`},
		"HPE without that": {func(f *fake, docs map[string]string) {
			f.put("/Systems/1", strings.Replace(docs["/Systems/1"], `"Id"`, `"Links2":1,"Oem":{"Hp":{}},"Id"`, 1))
		}, redfish.HPE, `PATCH /Systems/1 {"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Cd"}}`},
		"Lenovo, by its name": {func(f *fake, docs map[string]string) {
			f.put("/Systems/1", strings.Replace(docs["/Systems/1"], `"Acme"`, `"Lenovo"`, 1))
		}, redfish.Lenovo, `PATCH /Systems/1 {"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Cd"}}`},
	} {
		docs := machine()
		f := newFake(t, false, docs)
		c.spoil(f, docs)
		_, s := f.system(t)
		if v, err := s.Vendor(t.Context()); err != nil || v != c.is {
			t.Errorf("%s: it is of %q, %v", name, v, err)
		}
		f.asked(true)
		err := s.BootMedia(t.Context(), redfish.Media{Path: "/redfish/v1/cd", Kinds: []string{"CD"}})
		if got := strings.Join(f.asked(false), "; "); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}
