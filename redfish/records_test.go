package redfish_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/redfish"
)

func TestLogs(t *testing.T) {
	docs := machine()
	docs["/Managers/bmc/LogServices/Sel"] = `{"@odata.id":"/redfish/v1/Managers/bmc/LogServices/Sel","Id":"Sel","Entries":{"@odata.id":"/redfish/v1/Managers/bmc/LogServices/Sel/Entries"},
		"Actions":{"#LogService.ClearLog":{"target":"/redfish/v1/Managers/bmc/LogServices/Sel/Actions/LogService.ClearLog"}}}`
	docs["/Managers/bmc/LogServices/Sel/Entries"] = `{"Severity":"Critical","Members":[
		{"@odata.id":"/2","Id":"2","Created":"2026-03-01T12:00:00+01:00","Severity":"Warning","Message":"hot","SensorName":"CPU","EntryCode":"Assert"},
		{"@odata.id":"/1","Id":"1","Created":"2026-03-01T10:00:00","Severity":"OK","MessageId":"X.1","MessageArgs":["a"]},
		{"@odata.id":"/3","Id":"3","Created":"1970-01-01T00:00:12Z","Severity":null,"Message":"unset"}]}`
	docs["/Systems/1/LogServices/Log"] = `{"@odata.id":"/redfish/v1/Systems/1/LogServices/Log","Id":"Log","Entries":{"@odata.id":"/redfish/v1/Systems/1/LogServices/Log/Entries"}}`
	docs["/Systems/1/LogServices/Log/Entries"] = `{"Members":[{"@odata.id":"/9","Id":"9","Created":"2026-03-01T10:30:00Z","Severity":"Critical","Message":"bang"}]}`
	collection(docs, "/Managers/bmc/LogServices")
	collection(docs, "/Systems/1/LogServices")
	f := newFake(t, false, docs)
	c, s := f.system(t)
	clock := time.Now().Add(-time.Hour) // an hour behind
	f.put("/Managers/bmc", fmt.Sprintf(`{"@odata.id":"/redfish/v1/Managers/bmc","DateTime":%q,"LogServices":{"@odata.id":"/redfish/v1/Managers/bmc/LogServices"}}`, clock.Format(time.RFC3339)))
	list, err := s.Entries(t.Context())
	var got []string
	for _, e := range list {
		at := "-"
		if !e.At.IsZero() {
			at = e.At.Round(time.Minute).UTC().Format("15:04")
		}
		got = append(got, fmt.Sprint(e.Log, e.ID, " ", at, " ", e.Severity, " ", e.Text, " ", e.Corrected))
	}
	if want := "Sel3 - Unknown unset false; Sel1 11:00 OK X.1 a true; Log9 11:30 Critical bang true; Sel2 12:00 Warning hot true"; err != nil || strings.Join(got, "; ") != want {
		t.Errorf("%q, %v", got, err)
	}
	logs, err := s.Logs(t.Context())
	if err != nil || len(logs) != 2 {
		t.Fatalf("%v, %v", logs, err)
	}
	n := 0
	f.handle("POST /Managers/bmc/LogServices/Sel/Actions/LogService.ClearLog", func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			refuse(w, 412, "Base.1.0.PreconditionFailed", "There is more.")
		}
	})
	if err := c.ClearLog(t.Context(), logs[1]); err != nil || n != 2 {
		t.Errorf("clearing: %v after %d", err, n)
	}
	if err := c.ClearLog(t.Context(), logs[0]); !errors.Is(err, redfish.Unsupported) {
		t.Errorf("clearing what cannot be: %v", err)
	}
	if list, err := s.LogEntries(t.Context(), logs[0]); err != nil || len(list) != 1 {
		t.Errorf("one log: %v, %v", list, err)
	}
}

func TestInventory(t *testing.T) {
	docs := machine()
	docs["/Systems/1/Processors/1"] = `{"@odata.id":"/p1","Name":"CPU 1","Model":"X","TotalCores":"16","Socket":"A"}`
	docs["/Systems/1/Processors/2"] = `{"@odata.id":"/p2","Status":{"State":"Absent"}}`
	docs["/Systems/1/Memory/1"] = `{"@odata.id":"/d1","Name":"DIMM","CapacityMiB":16384,"SerialNumber":7,"DeviceLocator":"A1"}`
	docs["/Systems/1/Storage/1"] = `{"@odata.id":"/st","Name":"RAID","StorageControllers":[{"Name":"C","FirmwareVersion":"1"}],"Drives":[{"@odata.id":"/redfish/v1/d/1"}],"Volumes":{"@odata.id":"/redfish/v1/Systems/1/Storage/1/Volumes"}}`
	docs["/Systems/1/Storage/1/Volumes/1"] = `{"@odata.id":"/v","Name":"V","RAIDType":"RAID1","CapacityBytes":"1000","Links":{"Drives":[{"@odata.id":"/redfish/v1/d/1"}]}}`
	docs["/d/1"] = `{"@odata.id":"/redfish/v1/d/1","Name":"Disk 1","CapacityBytes":2000,"MediaType":"SSD","FailurePredicted":true,"PhysicalLocation":{"PartLocation":{"ServiceLabel":"Bay 3"}}}`
	docs["/Chassis/1/Power"] = `{"PowerSupplies":[{"Name":"PSU","SerialNumber":"P1","PowerCapacityWatts":800}]}`
	for _, p := range []string{"/Systems/1/Processors", "/Systems/1/Memory", "/Systems/1/Storage", "/Systems/1/Storage/1/Volumes"} {
		collection(docs, p)
	}
	_, s := newFake(t, false, docs).system(t)
	parts, err := s.Inventory(t.Context())
	var got []string
	for _, p := range parts {
		got = append(got, p.Kind+" "+p.Name+" "+p.Serial+" "+p.Slot+" "+fmt.Sprint(len(p.Details)))
	}
	if want := "System System S1  3; Processor CPU 1  A 2; Memory DIMM 7 A1 2; Chassis Box   0; PowerSupply PSU P1  1; Drive Disk 1  Bay 3 2"; err != nil || strings.Join(got, "; ") != want {
		t.Errorf("%q, %v", got, err)
	}
	st, err := s.Storage(t.Context())
	if err != nil || len(st) != 1 || len(st[0].Controllers) != 1 || st[0].Drives[0].Bytes != 2000 || !st[0].Drives[0].Predicted || st[0].Volumes[0].RAID != "RAID1" || st[0].Volumes[0].Bytes != 1000 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestFirmware(t *testing.T) {
	docs := machine()
	docs["/UpdateService"] = `{"FirmwareInventory":{"@odata.id":"/redfish/v1/UpdateService/FirmwareInventory"}}`
	docs["/UpdateService/FirmwareInventory/1"] = `{"@odata.id":"/1","Id":"Installed-1","Name":"BIOS","Version":"2.1","ReleaseDate":"2026-01-01","Status":{"State":"Enabled"},"Updateable":true}`
	docs["/UpdateService/FirmwareInventory/2"] = `{"@odata.id":"/2","Id":"Previous-1","Name":"BIOS","Version":"2.0"}`
	docs["/UpdateService/FirmwareInventory/3"] = `{"@odata.id":"/3","Id":"BMC","Version":"1","Status":{"State":"Updating"}}`
	collection(docs, "/UpdateService/FirmwareInventory")
	c := newFake(t, false, docs).dial(t, nil)
	list, err := c.Firmware(t.Context())
	var got []string
	for _, x := range list {
		got = append(got, fmt.Sprint(x.Name, " ", x.Version, " ", x.State, " ", x.Updatable))
	}
	if strings.Join(got, "; ") != "BIOS 2.1 active true; BIOS 2.0 backup false; BMC 1 pending false" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNetwork(t *testing.T) {
	docs := machine()
	docs["/Managers/bmc/EthernetInterfaces/eth0"] = `{"@odata.id":"/redfish/v1/Managers/bmc/EthernetInterfaces/eth0","Id":"eth0","IPv4Addresses":[{"Address":"192.0.2.7","SubnetMask":"255.255.255.0"}]}`
	docs["/Managers/bmc/EthernetInterfaces/eth1"] = `{"@odata.id":"/redfish/v1/Managers/bmc/EthernetInterfaces/eth1","Id":"eth1","MACAddress":"aa:bb","HostName":"bmc1","DHCPv4":{"DHCPEnabled":true},"VLAN":{"VLANEnable":true,"VLANId":7},
		"IPv4Addresses":[{"Address":"127.0.0.1","SubnetMask":"255.0.0.0","Gateway":"127.0.0.254","AddressOrigin":"DHCP"},{"Address":"0.0.0.0"}],"IPv6Addresses":[{"Address":"fe80::1","PrefixLength":64},{"Address":"x"}]}`
	docs["/Managers/bmc/EthernetInterfaces/ToHost"] = `{"@odata.id":"/redfish/v1/Managers/bmc/EthernetInterfaces/ToHost","Id":"ToHost","IPv4Addresses":[{"Address":"169.254.95.118"}]}`
	collection(docs, "/Managers/bmc/EthernetInterfaces")
	f := newFake(t, false, docs)
	_, s := f.system(t)
	managers, err := s.Managers(t.Context())
	if err != nil || len(managers) != 1 {
		t.Fatal(managers, err)
	}
	m := managers[0]
	if list, err := m.Networks(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	n, err := m.Network(t.Context())
	if err != nil || n.ID != "eth1" || !n.Ours || !n.DHCP || n.VLAN != 7 || n.Gateway.String() != "127.0.0.254" || fmt.Sprint(n.Addresses) != "[127.0.0.1/8 fe80::1/64]" || n.HostName != "bmc1" {
		t.Errorf("%+v, %v", n, err)
	}
	f.asked(true)
	if err := errors.Join(m.SetDHCP(t.Context(), n), m.SetHostName(t.Context(), n, "bmc2"), m.SetStatic(t.Context(), n, netip.MustParsePrefix("192.0.2.9/24"), netip.MustParseAddr("192.0.2.1"))); err != nil {
		t.Error(err)
	}
	const at = "PATCH /Managers/bmc/EthernetInterfaces/eth1 "
	want := []string{
		at + `{"DHCPv4":{"DHCPEnabled":true}}`, at + `{"HostName":"bmc2"}`,
		at + `{"DHCPv4":{"DHCPEnabled":false},"IPv4StaticAddresses":[{"Address":"192.0.2.9","Gateway":"192.0.2.1","SubnetMask":"255.255.255.0"}]}`,
	}
	if got := f.asked(false); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	f.handle("PATCH /Managers/bmc/EthernetInterfaces/eth1", func(w http.ResponseWriter, r *http.Request) { // of before DHCPv4 was
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "DHCPv4") {
			refuse(w, 400, "Base.1.0.PropertyUnknown", "DHCPv4?")
		}
	})
	if err := m.SetStatic(t.Context(), n, netip.MustParsePrefix("192.0.2.9/24"), netip.Addr{}); err != nil || !strings.Contains(f.asked(false)[1], `"AddressOrigin":"Static"`) {
		t.Error(err)
	}
	if err := m.SetStatic(t.Context(), n, netip.MustParsePrefix("2001:db8::1/64"), netip.Addr{}); err == nil {
		t.Error("an address of IPv6 was set")
	}
}

func TestUsers(t *testing.T) {
	docs := machine()
	docs["/AccountService"] = `{"Accounts":{"@odata.id":"/redfish/v1/AccountService/Accounts"},"Roles":{"@odata.id":"/redfish/v1/AccountService/Roles"}}`
	for i, name := range []string{"", "admin", "", ""} {
		docs[fmt.Sprintf("/AccountService/Accounts/%d", i+1)] = fmt.Sprintf(`{"@odata.id":"/redfish/v1/AccountService/Accounts/%d","Id":"%d","UserName":%q,"RoleId":"Administrator","Enabled":%t}`, i+1, i+1, name, name != "")
	}
	docs["/AccountService/Roles/a"] = `{"@odata.id":"/a","Id":"a","RoleId":"Administrator"}`
	docs["/AccountService/Roles/b"] = `{"@odata.id":"/b","Id":"ReadOnly"}`
	collection(docs, "/AccountService/Accounts")
	collection(docs, "/AccountService/Roles")
	f := newFake(t, false, docs) // its collection takes no POST, and its slots no DELETE
	c := f.dial(t, nil)
	if roles, err := c.Roles(t.Context()); err != nil || strings.Join(roles, " ") != "Administrator ReadOnly" {
		t.Errorf("%q, %v", roles, err)
	}
	u, err := c.AddUser(t.Context(), "joe", "long-enough", "Operator")
	if err != nil || u.ID != "3" || u.Role != "Operator" || !u.Enabled {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, err := c.AddUser(t.Context(), "joe", "x", "Operator"); !errors.Is(err, redfish.Conflict) {
		t.Errorf("twice: %v", err)
	}
	if err := errors.Join(c.SetPassword(t.Context(), u, "other"), c.SetRole(t.Context(), u, "ReadOnly"), c.EnableUser(t.Context(), u, false)); err != nil {
		t.Error(err)
	}
	d := f.doc(t, "/AccountService/Accounts/3")
	if d.String("Password") != "other" || d.String("RoleId") != "ReadOnly" || d.True("Enabled") {
		t.Errorf("%v", d)
	}
	if err := c.DeleteUser(t.Context(), u); err != nil {
		t.Error(err)
	}
	d = f.doc(t, "/AccountService/Accounts/3")
	if d.String("UserName") != "" || d.String("Password") == "other" || len(d.String("Password")) < 16 {
		t.Errorf("a user that was deleted: %v", d)
	}
	if users, err := c.Users(t.Context()); err != nil || len(users) != 1 || users[0].Name != "admin" {
		t.Errorf("%+v, %v", users, err)
	}
	f.handle("POST /AccountService/Accounts", func(w http.ResponseWriter, r *http.Request) {
		f.put("/AccountService/Accounts/9", `{"@odata.id":"/redfish/v1/AccountService/Accounts/9","Id":"9","UserName":"ann"}`)
		f.put("/AccountService/Accounts", `{"Members":[{"@odata.id":"/redfish/v1/AccountService/Accounts/9"}]}`)
		w.WriteHeader(http.StatusCreated)
	})
	if u, err := c.AddUser(t.Context(), "ann", "long-enough", "Operator"); err != nil || u.ID != "9" {
		t.Errorf("%+v, %v", u, err)
	}
	f.handle("DELETE /AccountService/Accounts/9", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if u, _ := c.User(t.Context(), "ann"); c.DeleteUser(t.Context(), u) != nil || !strings.HasPrefix(strings.Join(f.asked(false), " "), "POST") {
		t.Error("not deleted")
	}
}

func TestBIOS(t *testing.T) {
	docs := machine()
	docs["/Systems/1/Bios"] = `{"@odata.id":"/redfish/v1/Systems/1/Bios","AttributeRegistry":"BiosRegistry.v1_0_0","@Redfish.Settings":{"SettingsObject":{"@odata.id":"/redfish/v1/Systems/1/Bios/Settings"}},
		"Attributes":{"Boot0":"Disk","Turbo":"Enabled","Watts":200,"Quiet":true,"TurboLimit":3,"Note":"x"},"Actions":{"#Bios.ResetBios":{"target":"/redfish/v1/Systems/1/Bios/Actions/Bios.ResetBios"}}}`
	docs["/Systems/1/Bios/Settings"] = `{"Attributes":{"Turbo":"Disabled"}}`
	docs["/Registries"] = `{"Members":[{"@odata.id":"/redfish/v1/Registries/Base"},{"@odata.id":"/redfish/v1/Registries/BiosRegistry.v1_0_0"}]}`
	docs["/Registries/Base"] = `{"Id":"Base","Registry":"Base.1.0"}`
	docs["/Registries/BiosRegistry.v1_0_0"] = `{"Id":"BiosRegistry.v1_0_0","Registry":"BiosRegistry.v1_0_0","Location":[{"Language":"en","Uri":"/redfish/v1/Registries/file.json"}]}`
	docs["/Registries/file.json"] = `{"RegistryEntries":{"Attributes":[
		{"AttributeName":"Turbo","DisplayName":"Turbo mode","Type":"Enumeration","DefaultValue":"Enabled","HelpText":"Runs faster.","Value":[{"ValueName":"Enabled","ValueDisplayName":"On"},{"ValueName":"Disabled","ValueDisplayName":"Off"},{"ValueName":"DisabledHard","ValueDisplayName":"Off for good"}]},
		{"AttributeName":"Watts","Type":"Integer","DefaultValue":150},{"AttributeName":"TurboLimit","Type":"Integer"},{"AttributeName":"Quiet","Type":"Boolean","ReadOnly":false}],
		"Dependencies":[{"Dependency":{"MapFrom":[{"MapFromAttribute":"Turbo","MapFromProperty":"CurrentValue","MapFromCondition":"EQU","MapFromValue":"Disabled"},
			{"MapFromAttribute":"Watts","MapFromProperty":"CurrentValue","MapFromCondition":"GEQ","MapFromValue":100,"MapTerms":"AND"}],"MapToAttribute":"TurboLimit","MapToProperty":"ReadOnly","MapToValue":true}},
			{"Dependency":{"MapFrom":[{"MapFromAttribute":"Watts","MapFromProperty":"CurrentValue","MapFromCondition":"LSS","MapFromValue":100}],"MapToAttribute":"Note","MapToProperty":"Hidden","MapToValue":true}}]}}`
	f := newFake(t, false, docs)
	f.strict = true
	_, s := f.system(t)
	b, err := s.BIOS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	turbo := b.Find("turbo MODE")
	if len(b.Attributes) != 6 || len(turbo) != 1 || turbo[0].Value != "Enabled" || turbo[0].Pending != "Disabled" || turbo[0].Default != "Enabled" || len(turbo[0].Choices) != 3 || turbo[0].Help == "" {
		t.Errorf("%+v", turbo)
	}
	if l := b.Find("TurboL*"); len(l) != 1 || !l[0].ReadOnly || len(b.Find("turbo*")) != 2 || b.Find("note")[0].Hidden {
		t.Errorf("%+v", l)
	}
	for _, bad := range []redfish.Change{{"TurboLimit", "4"}, {"Turbo", "Sideways"}, {"Turbo", "Dis*"}, {"Watts", "many"}, {"Quiet", "perhaps"}, {"Nothing", "1"}} {
		if err := b.Set(t.Context(), bad, redfish.Change{Name: "Note", Value: "y"}); err == nil {
			t.Errorf("%+v was set", bad)
		}
	}
	f.asked(true)
	err = b.Set(t.Context(), redfish.Change{Name: "Turbo mode", Value: "off for*"}, redfish.Change{Name: "watts", Value: "250"}, redfish.Change{Name: "Quiet", Value: "no"}, redfish.Change{Name: "Note", Value: "1"})
	if got := strings.Join(f.asked(false), "; "); err != nil || got != `PATCH /Systems/1/Bios/Settings {"Attributes":{"Note":"1","Quiet":false,"Turbo":"DisabledHard","Watts":250}}` {
		t.Errorf("%s, %v", got, err)
	}
	if err := errors.Join(b.Discard(t.Context()), b.Reset(t.Context())); err != nil || f.doc(t, "/Systems/1/Bios/Settings").String("Attributes", "Turbo") != "Enabled" {
		t.Error(err)
	}
}

func TestManager(t *testing.T) {
	f := newFake(t, false, machine())
	c, s := f.system(t)
	list, err := c.Managers(t.Context())
	if err != nil || len(list) != 1 || list[0].Firmware != "3.2" || list[0].Time.Year() != 2020 {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := list[0].SetTime(t.Context(), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)); err != nil || f.doc(t, "/Managers/bmc").String("DateTime") != "2026-05-01T00:00:00Z" {
		t.Error(err)
	}
	f.asked(true)
	if err := list[0].Reset(t.Context()); err != nil || !strings.Contains(f.asked(false)[0], `{"ResetType":"ForceRestart"}`) {
		t.Error(err)
	}
	l, err := s.Location(t.Context())
	if err != nil || l.Rack != "r7" || l.Unit != 12 || l.Height != 2 {
		t.Errorf("%+v, %v", l, err)
	}
	l.Unit, l.Room = 3, "basement"
	if err := errors.Join(s.SetLocation(t.Context(), l), s.SetAssetTag(t.Context(), "A7")); err != nil {
		t.Error(err)
	}
	if again, err := s.Location(t.Context()); err != nil || again.Unit != 3 || again.Room != "basement" || again.Rack != "r7" {
		t.Errorf("%+v, %v", again, err)
	}
	f.put("/LicenseService", `{"Licenses":{"@odata.id":"/redfish/v1/LicenseService/Licenses"}}`)
	f.put("/LicenseService/Licenses", `{"Members":[{"@odata.id":"/l","EntitlementId":"E1","ExpirationDate":"2030-01-01T00:00:00Z"}]}`)
	if list, err := c.Licenses(t.Context()); err != nil || len(list) != 1 || list[0].Name != "E1" || list[0].Until.Year() != 2030 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestMedia(t *testing.T) {
	for name, actions := range map[string]bool{"by action": true, "by PATCH": false} {
		docs := machine()
		text := `{"@odata.id":"/redfish/v1/Managers/bmc/VirtualMedia/cd","Id":"cd","MediaTypes":["CD","DVD"],"Image":null,"Inserted":false`
		if actions {
			text += `,"Actions":{"#VirtualMedia.InsertMedia":{"target":"/redfish/v1/vm/insert"},"#VirtualMedia.EjectMedia":{"target":"/redfish/v1/vm/eject"}}`
		}
		docs["/Managers/bmc/VirtualMedia/cd"] = text + "}"
		collection(docs, "/Managers/bmc/VirtualMedia")
		f := newFake(t, false, docs)
		c, s := f.system(t)
		f.handle("POST /vm/insert", func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "WriteProtected") {
				refuse(w, 400, "Base.1.0.ActionParameterUnknown", "What?")
				return
			}
			f.put("/Managers/bmc/VirtualMedia/cd", strings.Replace(text, `null,"Inserted":false`, `"http://x/y.iso","Inserted":true`, 1)+"}")
		})
		m, err := s.MediaFor(t.Context(), "dvd")
		if err != nil || m.ID != "cd" {
			t.Fatal(m, err)
		}
		if err := c.Eject(t.Context(), m); err != nil || len(f.asked(false)) > 0 {
			t.Errorf("%s: ejecting nothing: %v", name, err)
		}
		if err := c.Insert(t.Context(), m, "http://x/y.iso", "", ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if m, err = s.MediaFor(t.Context(), "cd"); err != nil || !m.Inserted || m.Image != "http://x/y.iso" {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		f.handle("POST /vm/eject", func(http.ResponseWriter, *http.Request) {
			f.put("/Managers/bmc/VirtualMedia/cd", text+"}")
		})
		err = c.Eject(t.Context(), m)
		if m, _ = s.MediaFor(t.Context(), "cd"); err != nil || m.Inserted {
			t.Errorf("%s: ejected: %+v, %v", name, m, err)
		}
	}
}
