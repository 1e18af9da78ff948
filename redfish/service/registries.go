package service

import (
	"net/http"
	"slices"
	"strings"
)

// schemaURI is where DMTF publishes the schemas.
const schemaURI = "http://redfish.dmtf.org/schemas/v1/"

// schema is one of the schemas that documents here follow; collections have no
// version.
type schema struct{ name, version string }

// file is the name of the schema's file of CSDL, which has all versions in it.
func (s schema) file() string { return s.name + "_v1" }

// schemas lists what documents here follow.
func schemas() []schema {
	return []schema{
		{"AccountService", "v1_18_1"},
		{"Chassis", "v1_28_0"},
		{"ChassisCollection", ""},
		{"ComputerSystem", "v1_27_0"},
		{"ComputerSystemCollection", ""},
		{"EnvironmentMetrics", "v1_5_0"},
		{"Event", "v1_13_0"},
		{"EventDestination", "v1_16_0"},
		{"EventDestinationCollection", ""},
		{"EventService", "v1_12_0"},
		{"JsonSchemaFile", "v1_1_5"},
		{"JsonSchemaFileCollection", ""},
		{"LogEntry", "v1_21_0"},
		{"LogEntryCollection", ""},
		{"LogService", "v1_9_0"},
		{"LogServiceCollection", ""},
		{"Manager", "v1_24_0"},
		{"ManagerAccount", "v1_14_1"},
		{"ManagerAccountCollection", ""},
		{"ManagerCollection", ""},
		{"ManagerNetworkProtocol", "v1_12_0"},
		{"Message", "v1_2_1"},
		{"MessageRegistry", "v1_7_0"},
		{"MessageRegistryFile", "v1_1_5"},
		{"MessageRegistryFileCollection", ""},
		{"Power", "v1_7_3"},
		{"Role", "v1_3_3"},
		{"RoleCollection", ""},
		{"Sensor", "v1_12_0"},
		{"SensorCollection", ""},
		{"ServiceRoot", "v1_20_0"},
		{"Session", "v1_8_0"},
		{"SessionCollection", ""},
		{"SessionService", "v1_2_0"},
		{"Task", "v1_7_4"},
		{"TaskCollection", ""},
		{"TaskService", "v1_3_0"},
		{"Thermal", "v1_7_3"},
		{"ThermalMetrics", "v1_3_2"},
		{"ThermalSubsystem", "v1_5_0"},
		{"VirtualMedia", "v1_6_5"},
		{"VirtualMediaCollection", ""},
	}
}

func (s *Service) registryRoutes(at func(string, *resource)) {
	at("/JsonSchemas", &resource{get: (*call).schemaList, collection: true})
	at("/JsonSchemas/{}", &resource{get: (*call).oneSchema})
	at("/Registries", &resource{get: (*call).registryList, collection: true})
	at("/Registries/{}", &resource{get: (*call).oneRegistry})
	at("/Registries/{}/{}", &resource{get: (*call).registryText})
}

func (c *call) schemaList() (object, error) {
	all := schemas()
	return c.list("JsonSchemaFileCollection", "Schemas", len(all), func(i int) object { return link(join(root+"/JsonSchemas", all[i].name)) }), nil
}

func (c *call) oneSchema() (object, error) {
	all := schemas()
	i := slices.IndexFunc(all, func(s schema) bool { return s.name == c.ids[0] })
	if i < 0 {
		return nil, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	}
	s := all[i]
	file := s.name
	if s.version != "" {
		file += "." + s.version
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#JsonSchemaFile.v1_1_5.JsonSchemaFile", "Id": s.name, "Name": s.name + " schema",
		"Description": "Where the schema of " + s.name + " is published.", "Languages": []string{"en"}, "Schema": "#" + file + "." + s.name,
		"Location": []object{{"Language": "en", "PublicationUri": schemaURI + file + ".json"}},
	}, nil
}

// registry is a set of messages.
type registry struct {
	prefix, version, owner, about string
	messages                      []definition
}

func registries() []registry {
	return []registry{
		{basePrefix, baseVersion, "DMTF", "Those messages of the standard's Base registry that this service uses, in its own words.", baseMessages()},
		{machinePrefix, machineVersion, "Millwright", "What events of machines say.", machineMessages()},
	}
}

// id gives the name of a registry with its major and minor version.
func (r registry) id() string {
	return r.prefix + "." + r.version[:strings.LastIndexByte(r.version, '.')]
}

// file gives the name of the registry's file.
func (r registry) file() string { return r.prefix + "." + r.version + ".json" }

func (c *call) registryList() (object, error) {
	var paths []string
	for _, r := range registries() {
		paths = append(paths, join(root+"/Registries", r.id()))
	}
	return c.listOf("MessageRegistryFileCollection", "Message registries", paths), nil
}

func (c *call) findRegistry() (registry, error) {
	for _, r := range registries() {
		if r.id() == c.ids[0] && (len(c.ids) == 1 || r.file() == c.ids[1]) {
			return r, nil
		}
	}
	return registry{}, failed(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
}

func (c *call) oneRegistry() (object, error) {
	r, err := c.findRegistry()
	if err != nil {
		return nil, err
	}
	at := object{"Language": "en", "Uri": join(root+"/Registries", r.id(), r.file())}
	if r.owner == "DMTF" {
		at["PublicationUri"] = "https://redfish.dmtf.org/registries/" + r.file()
	}
	return object{
		"@odata.id": c.path, "@odata.type": "#MessageRegistryFile.v1_1_5.MessageRegistryFile", "Id": r.id(), "Name": r.prefix + " messages",
		"Description": r.about, "Languages": []string{"en"}, "Registry": r.id(), "Location": []object{at},
	}, nil
}

func (c *call) registryText() (object, error) {
	r, err := c.findRegistry()
	if err != nil {
		return nil, err
	}
	messages := make(object, len(r.messages))
	for _, m := range r.messages {
		n := strings.Count(m.text, "%")
		o := object{
			"Description": "When this is said: " + m.text, "Message": m.text, "MessageSeverity": string(m.severity), "Severity": string(m.severity),
			"NumberOfArgs": n, "Resolution": m.advice,
		}
		if n > 0 {
			o["ParamTypes"] = slices.Repeat([]string{"string"}, n)
		}
		messages[m.key] = o
	}
	return object{
		"@odata.type": "#MessageRegistry.v1_7_0.MessageRegistry", "Id": r.prefix + "." + r.version, "Name": r.prefix + " messages",
		"Description": r.about, "Language": "en", "OwningEntity": r.owner, "RegistryPrefix": r.prefix, "RegistryVersion": r.version, "Messages": messages,
	}, nil
}
