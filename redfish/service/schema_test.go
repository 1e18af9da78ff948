package service_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The table is what the DMTF schemas say of the properties that are shown, in short:
// for each type its properties with their kinds. A "!" marks what the schema
// requires, a "?" what may be null. Kinds: text, int, number, bool, time, uri, uuid,
// link, [kind] for arrays, (a|b) for enumerations, and {Name} for objects with a row
// of their own. Every resource also has @odata.id, @odata.type, Id and Name, and may
// have @odata.etag, Description and notes (names with an @ inside).
const resetTypes = "(On|ForceOff|GracefulShutdown|GracefulRestart|ForceRestart|Nmi|ForceOn|PushPowerButton|PowerCycle|Suspend|Pause|Resume|FullPowerCycle)"

var (
	healths = "(OK|Warning|Critical)"
	power   = "(On|Off|PoweringOn|PoweringOff|Paused)"
	leds    = "(Unknown|Lit|Blinking|Off)"
)

func table() map[string]string {
	return map[string]string{
		"Status": "State(Enabled|Disabled|StandbyOffline|StandbySpare|InTest|Starting|Absent|UnavailableOffline|Deferring|Quiesced|Updating|Qualified|Degraded)? Health" + healths + "? HealthRollup" + healths + "?",

		"ServiceRoot.v1_20_0": "Links!{RootLinks} RedfishVersion:text UUID:uuid? Vendor:text? Product:text? Systems:link Chassis:link Managers:link SessionService:link " +
			"AccountService:link EventService:link Tasks:link Registries:link JsonSchemas:link ProtocolFeaturesSupported{Features}",
		"RootLinks": "Sessions!:link",
		"Features":  "ExpandQuery{Expand} SelectQuery:bool FilterQuery:bool ExcerptQuery:bool TopSkipQuery:bool OnlyMemberQuery:bool DeepOperations{Deep}",
		"Expand":    "ExpandAll:bool Levels:bool Links:bool NoLinks:bool MaxLevels:int",
		"Deep":      "DeepPATCH:bool DeepPOST:bool MaxLevels:int",

		"ComputerSystem.v1_27_0": "SystemType(Physical|Virtual|OS|PhysicallyPartitioned|VirtuallyPartitioned|Composed|DPU) PowerState" + power + "? Status{Status} Manufacturer:text? Model:text? " +
			"SerialNumber:text? PartNumber:text? AssetTag:text? UUID:uuid? HostName:text? BiosVersion:text? IndicatorLED" + leds + "? LocationIndicatorActive:bool? LogServices:link " +
			"SerialConsole{HostConsole} Boot{Boot} Links{SystemLinks} Actions{SystemActions}",
		"SystemLinks":   "Chassis:[link] ManagedBy:[link]",
		"SystemActions": "#ComputerSystem.Reset{Action}",
		"Action":        "target:uri title:text ResetType@Redfish.AllowableValues:[" + resetTypes + "]",
		"Boot": "BootSourceOverrideEnabled(Disabled|Once|Continuous)? BootSourceOverrideTarget(None|Pxe|Floppy|Cd|Usb|Hdd|BiosSetup|Utilities|Diags|UefiShell|UefiTarget|SDCard|UefiHttp|RemoteDrive|UefiBootNext|Recovery)? " +
			"BootSourceOverrideMode(Legacy|UEFI)?",
		"HostConsole":                    "MaxConcurrentSessions:int SSH{ConsoleWay} IPMI{ConsoleWay} Telnet{ConsoleWay} WebSocket{ConsoleSocket}",
		"ConsoleWay":                     "ServiceEnabled:bool Port:int? SharedWithManagerCLI:bool? ConsoleEntryCommand:text? HotKeySequenceDisplay:text?",
		"ConsoleSocket":                  "ServiceEnabled:bool Interactive:bool ConsoleURI:text?",
		"Chassis.v1_28_0":                "ChassisType!(Rack|Blade|Enclosure|StandAlone|RackMount|Card|Module|Zone|Other) Status{Status} Manufacturer:text? Model:text? SerialNumber:text? PartNumber:text? AssetTag:text? PowerState" + power + "? IndicatorLED" + leds + "? LocationIndicatorActive:bool? Links{ChassisLinks} Sensors:link Power:link Thermal:link ThermalSubsystem:link EnvironmentMetrics:link",
		"ChassisLinks":                   "ComputerSystems:[link] ManagedBy:[link]",
		"Manager.v1_24_0":                "ManagerType(ManagementController|EnclosureManager|BMC|RackManager|AuxiliaryController|Service|FabricManager) Status{Status} DateTime:time? DateTimeLocalOffset:text? ServiceEntryPointUUID:uuid? FirmwareVersion:text? Model:text? NetworkProtocol:link VirtualMedia:link Links{ManagerLinks} Actions{ManagerActions}",
		"ManagerActions":                 "#Manager.Reset{Action}",
		"ManagerLinks":                   "ManagerForServers:[link] ManagerForChassis:[link]",
		"ManagerNetworkProtocol.v1_12_0": "Status{Status} HTTP{Protocol} HTTPS{Protocol} SSH{Protocol} IPMI{Protocol} Telnet{Protocol} HostName:text? FQDN:text?",
		"Protocol":                       "ProtocolEnabled:bool? Port:int?",
		"VirtualMedia.v1_6_5": "MediaTypes:[(CD|Floppy|USBStick|DVD)] Image:text? ImageName:text? Inserted:bool? WriteProtected:bool? ConnectedVia(NotConnected|URI|Applet|Oem)? UserName:text? Password:text? TransferMethod(Stream|Upload)? " +
			"Actions{MediaActions}",
		"MediaActions": "#VirtualMedia.InsertMedia{Action} #VirtualMedia.EjectMedia{Action}",

		"LogService.v1_9_0": "ServiceEnabled:bool? Status{Status} LogEntryType(Event|SEL|Multiple|OEM|CXL)? OverWritePolicy(Unknown|WrapsWhenFull|NeverOverWrites) DateTime:time? DateTimeLocalOffset:text? Entries:link Actions{LogActions}",
		"LogActions":        "#LogService.ClearLog{Action}",
		"LogEntry.v1_21_0":  "EntryType!(Event|SEL|Oem|CXL) Message:text? Severity" + healths + "? Created:time EventTimestamp:time",

		"Sensor.v1_12_0":            "Reading:number? ReadingType(Temperature|Humidity|Power|EnergykWh|Voltage|Current|Frequency|Rotational|Percent)? ReadingUnits:text? PhysicalContext:text? ReadingTime:time? Status{Status} Thresholds{Thresholds}",
		"Thresholds":                "LowerCritical{Threshold} LowerCaution{Threshold} UpperCaution{Threshold} UpperCritical{Threshold}",
		"Threshold":                 "Reading:number?",
		"Power.v1_7_3":              "PowerControl:[{PowerControl}] Voltages:[{Voltage}]",
		"PowerControl":              "@odata.id!:uri MemberId!:text Name:text? Status{Status} PowerConsumedWatts:number? PhysicalContext:text?",
		"Voltage":                   "@odata.id!:uri MemberId!:text Name:text? Status{Status} ReadingVolts:number? PhysicalContext:text? " + thresholds("number"),
		"Thermal.v1_7_3":            "Temperatures:[{Temperature}] Fans:[{Fan}]",
		"Temperature":               "@odata.id!:uri MemberId!:text Name:text? Status{Status} ReadingCelsius:number? PhysicalContext:text? " + thresholds("number"),
		"Fan":                       "@odata.id!:uri MemberId!:text Name:text? Status{Status} Reading:int? ReadingUnits(RPM|Percent)? PhysicalContext:text? " + thresholds("int"),
		"ThermalSubsystem.v1_5_0":   "Status{Status} ThermalMetrics:link",
		"ThermalMetrics.v1_3_2":     "TemperatureReadingsCelsius:[{TemperatureReading}]",
		"TemperatureReading":        "Reading:number? DataSourceUri:uri? DeviceName:text? PhysicalContext:text?",
		"EnvironmentMetrics.v1_5_0": "PowerWatts{Excerpt}? TemperatureCelsius{Excerpt}? HumidityPercent{Excerpt}? EnergykWh{Excerpt}?",
		"Excerpt":                   "Reading:number? DataSourceUri:uri?",

		"SessionService.v1_2_0":  "ServiceEnabled:bool? Status{Status} SessionTimeout:int Sessions:link",
		"Session.v1_8_0":         "UserName:text? Password:text? SessionType:text? Roles:[text] CreatedTime:time ClientOriginIPAddress:text? Context:text?",
		"AccountService.v1_18_1": "ServiceEnabled:bool? Status{Status} HTTPBasicAuth(Enabled|Unadvertised|Disabled) Accounts:link Roles:link",
		"ManagerAccount.v1_14_1": "AccountTypes!:[(Redfish|SNMP|OEM|HostConsole|ManagerConsole|IPMI|KVMIP|VirtualMedia|WebUI|ControlPanel)] UserName:text Password:text? RoleId:text Enabled:bool Locked:bool Links{AccountLinks}",
		"AccountLinks":           "Role:link",
		"Role.v1_3_3":            "RoleId:text? IsPredefined:bool AssignedPrivileges:[(Login|ConfigureManager|ConfigureUsers|ConfigureSelf|ConfigureComponents|NoAuth)] OemPrivileges:[text]",

		"EventService.v1_12_0": "ServiceEnabled:bool? Status{Status} DeliveryRetryAttempts:int DeliveryRetryIntervalSeconds:int EventFormatTypes:[(Event|MetricReport)] RegistryPrefixes:[text] ResourceTypes:[text] " +
			"Severities:[" + healths + "] SubordinateResourcesSupported:bool ServerSentEventUri:uri Subscriptions:link SSEFilterPropertiesSupported{SSEFilter} Actions{EventActions}",
		"SSEFilter":    "EventFormatType:bool EventType:bool MessageId:bool MetricReportDefinition:bool OriginResource:bool RegistryPrefix:bool ResourceType:bool SubordinateResources:bool",
		"EventActions": "#EventService.SubmitTestEvent{Action}",
		"EventDestination.v1_16_0": "Destination:text Protocol!(Redfish|Kafka|SNMPv1|SNMPv2c|SNMPv3|SMTP|SyslogTLS|SyslogTCP|SyslogUDP|SyslogRELP|OEM) SubscriptionType!(RedfishEvent|SSE|SNMPTrap|SNMPInform|Syslog|OEM) Context:text? EventFormatType(Event|MetricReport) " +
			"HttpHeaders:[{None}] RegistryPrefixes:[text] ResourceTypes:[text] MessageIds:[text] Severities:[" + healths + "] SubordinateResources:bool OriginResources:[link] EventTypes:[text] DeliveryRetryPolicy(TerminateAfterRetries|SuspendRetries|RetryForever|RetryForeverWithBackoff) VerifyCertificate:bool Status{Status} Actions{DestinationActions}",
		"DestinationActions": "#EventDestination.ResumeSubscription{Action}",
		"None":               "",
		"Event.v1_13_0":      "Events!:[{EventRecord}] Context:text",
		"EventRecord":        "EventType(StatusChange|ResourceUpdated|ResourceAdded|ResourceRemoved|Alert|MetricReport|Other) MessageId!:text MemberId!:text EventId:text EventTimestamp:time Message:text MessageArgs:[text] MessageSeverity" + healths + " Severity:text OriginOfCondition:link",

		"TaskService.v1_3_0": "ServiceEnabled:bool? Status{Status} DateTime:time? CompletedTaskOverWritePolicy(Manual|Oldest) LifeCycleEventOnTaskStateChange:bool TaskAutoDeleteTimeoutMinutes:int Tasks:link",
		"Task.v1_7_4":        "TaskState(New|Starting|Running|Suspended|Interrupted|Pending|Stopping|Completed|Killed|Exception|Service|Cancelling|Cancelled) TaskStatus" + healths + " StartTime:time EndTime:time TaskMonitor:uri PercentComplete:int HidePayload:bool Messages:[{Message}]",
		"Message":            "@odata.type:text MessageId!:text Message:text MessageArgs:[text] MessageSeverity" + healths + " Resolution:text RelatedProperties:[text]",

		"JsonSchemaFile.v1_1_5":      "Languages!:[text] Schema!:text Location!:[{Location}]",
		"MessageRegistryFile.v1_1_5": "Languages!:[text] Registry!:text Location!:[{Location}]",
		"Location":                   "Language:text Uri:uri PublicationUri:text",
		"MessageRegistry.v1_7_0":     "Language!:text Messages!:any OwningEntity!:text RegistryPrefix!:text RegistryVersion!:text",
	}
}

func thresholds(kind string) string {
	return "LowerThresholdCritical:" + kind + "? LowerThresholdNonCritical:" + kind + "? UpperThresholdNonCritical:" + kind + "? UpperThresholdCritical:" + kind + "?"
}

// checker holds documents to the table.
type checker struct {
	table  map[string]string
	row    *regexp.Regexp
	paths  map[string]bool // that are linked
	faults []string
}

func newChecker() *checker {
	return &checker{table: table(), row: regexp.MustCompile(`^([^!:({?]+)(!?)(?::(\S+?)|(\([^)]*\)|\{[^}]*\}))(\??)$`), paths: make(map[string]bool)}
}

func (c *checker) fault(where, format string, args ...any) {
	c.faults = append(c.faults, where+": "+fmt.Sprintf(format, args...))
}

// document checks a whole document by its @odata.type.
func (c *checker) document(where string, o map[string]any) {
	kind, _ := o["@odata.type"].(string)
	if name, version, ok := strings.Cut(strings.TrimPrefix(kind, "#"), "."); ok && strings.HasSuffix(name, "Collection") && version == name {
		c.object(where, o, "Name!:text Description:text Members!:[any]")
		members, _ := o["Members"].([]any)
		for i, m := range members {
			if one, _ := m.(map[string]any); len(one) > 1 {
				c.document(fmt.Sprintf("%s member %d", where, i), one)
			}
		}
		if n, _ := o["Members@odata.count"].(float64); int(n) < len(members) {
			c.fault(where, "Members@odata.count is %v with %d members", n, len(members))
		}
		return
	}
	parts := strings.Split(strings.TrimPrefix(kind, "#"), ".")
	if len(parts) != 3 || parts[0] != parts[2] || c.table[parts[0]+"."+parts[1]] == "" {
		c.fault(where, "the type is %q", kind)
		return
	}
	c.object(where, o, c.table[parts[0]+"."+parts[1]]+" Id!:text Name!:text Description:text")
}

// object checks an object by a row.
func (c *checker) object(where string, o map[string]any, row string) {
	known := make(map[string]bool)
	for rule := range strings.FieldsSeq(row) {
		m := c.row.FindStringSubmatch(rule)
		if m == nil {
			c.fault(where, "the table has %q", rule)
			continue
		}
		known[m[1]] = true
		v, has := o[m[1]]
		switch kind := m[3] + m[4]; {
		case !has && m[2] != "":
			c.fault(where, "%s is missing", m[1])
		case has && v != nil:
			c.value(where+" "+m[1], v, kind)
		case has && m[5] == "":
			c.fault(where, "%s is null", m[1])
		}
	}
	for name := range o {
		if !known[name] && !strings.Contains(name, "@") {
			c.fault(where, "the schema has no %s", name)
		}
	}
	if len(o) > 0 && o["@odata.id"] != nil {
		c.link(where, o)
	}
}

// link notes where a link leads.
func (c *checker) link(where string, o map[string]any) {
	path, is := o["@odata.id"].(string)
	if !is || !strings.HasPrefix(path, "/redfish/v1/") {
		c.fault(where, "a link to %v", o["@odata.id"])
	}
	path, _, _ = strings.Cut(path, "#")
	c.paths[path] = true
}

// value checks a value that is not null.
func (c *checker) value(where string, v any, kind string) {
	text, isText := v.(string)
	object, isObject := v.(map[string]any)
	number, isNumber := v.(float64)
	ok := false
	switch {
	case kind == "any":
		if isObject && object["@odata.id"] != nil {
			c.link(where, object)
		}
		ok = true
	case kind == "text":
		ok = isText
	case kind == "uri":
		_, err := url.Parse(text)
		ok = isText && err == nil && strings.HasPrefix(text, "/redfish/v1/")
	case kind == "uuid":
		ok = isText && regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`).MatchString(text)
	case kind == "time":
		_, err := time.Parse(time.RFC3339, text)
		ok = isText && err == nil
	case kind == "int":
		ok = isNumber && number == float64(int64(number))
	case kind == "number":
		ok = isNumber
	case kind == "bool":
		_, ok = v.(bool)
	case kind == "link":
		if ok = isObject && len(object) == 1; ok {
			c.link(where, object)
		}
	case kind[0] == '[':
		list, isList := v.([]any)
		ok = isList
		for i, one := range list {
			c.value(fmt.Sprintf("%s[%d]", where, i), one, kind[1:len(kind)-1])
		}
	case kind[0] == '(':
		ok = isText && slices.Contains(strings.Split(strings.Trim(kind, "()"), "|"), text)
	case kind[0] == '{':
		if ok = isObject; ok {
			c.object(where, object, c.table[strings.Trim(kind, "{}")])
		}
	}
	if !ok {
		c.fault(where, "%v is no %s", v, kind)
	}
}

// walk reads everything that can be reached, and checks it. It gives the types that it
// has seen.
func walk(t *testing.T, s *stand, user string) map[string]bool {
	t.Helper()
	c := newChecker()
	seen, types := make(map[string]bool), make(map[string]bool)
	for next := []string{root + "/"}; len(next) > 0; {
		for _, path := range next {
			seen[path] = true
			r := s.ask(ask{path: path, user: user})
			if r.status != 200 {
				t.Errorf("%s: %d %s", path, r.status, r.text)
				continue
			}
			if id, has := r.body["@odata.id"]; has && id != path {
				t.Errorf("%s says that it is %v", path, id)
			}
			kind, _ := r.body["@odata.type"].(string)
			types[kind] = true
			c.document(path, r.body)
			for _, location := range r.locations() {
				c.paths[location] = true
			}
			if link := r.header.Get("Link"); !strings.Contains(link, "rel=describedby") {
				t.Errorf("%s: Link is %q", path, link)
			} else {
				c.paths[strings.Trim(strings.Split(link, ";")[0], "<>")] = true
			}
		}
		next = nil
		for path := range c.paths {
			if !seen[path] && !seen[path+"/"] {
				next = append(next, path)
			}
		}
	}
	if slices.Sort(c.faults); len(c.faults) > 0 {
		t.Errorf("%d faults:\n%s", len(c.faults), strings.Join(c.faults[:min(len(c.faults), 40)], "\n"))
	}
	return types
}

// locations gives the addresses of files that a document names.
func (r reply) locations() (out []string) {
	list, _ := r.body["Location"].([]any)
	for _, one := range list {
		if uri, is := at(one, "Uri").(string); is {
			out = append(out, uri)
		}
	}
	return out
}

// TestEveryDocument follows every link from the root, and holds every document to its
// schema.
func TestEveryDocument(t *testing.T) {
	s := newStand(t, nil)
	s.ask(ask{path: sessions, body: `{"UserName":"root","Password":"secret","Context":"walk"}`, user: "-"})
	s.ask(ask{path: cd + "/Actions/VirtualMedia.InsertMedia", body: `{"Image":"http://x.example/boot.iso"}`})
	if r := s.ask(ask{path: root + "/EventService/Subscriptions", body: `{"Destination":"https://192.0.2.1/","Protocol":"Redfish","Context":"x","OriginResources":[{"@odata.id":"` + m1 + `"}],"EventTypes":["Alert"]}`}); r.status != 201 {
		t.Fatal(r.status, r.text)
	}
	types := walk(t, s, "root")
	for kind := range table() {
		name, _, versioned := strings.Cut(kind, ".")
		if versioned && !types["#"+kind+"."+name] && name != "Event" && name != "Task" {
			t.Errorf("no %s was seen", kind)
		}
	}
	walk(t, s, "ro")
}

// TestTheTableBites makes sure that the table refuses what it should.
func TestTheTableBites(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{"@odata.id": root + "/AccountService/Roles/x", "@odata.type": "#Role.v1_3_3.Role", "Id": "x", "Name": "x", "AssignedPrivileges": []any{"Login"}}
	}
	for name, spoil := range map[string]func(map[string]any){
		"":                      func(map[string]any) {},
		"an unknown property":   func(o map[string]any) { o["Colour"] = "red" },
		"a missing one":         func(o map[string]any) { delete(o, "Name") },
		"another type":          func(o map[string]any) { o["IsPredefined"] = "yes" },
		"a value not in a list": func(o map[string]any) { o["AssignedPrivileges"] = []any{"All"} },
		"another version":       func(o map[string]any) { o["@odata.type"] = "#Role.v9_0_0.Role" },
		"null":                  func(o map[string]any) { o["IsPredefined"] = nil },
	} {
		c, o := newChecker(), good()
		spoil(o)
		c.document("x", o)
		if (len(c.faults) > 0) != (name != "") {
			t.Errorf("%q: %v", name, c.faults)
		}
	}
}
