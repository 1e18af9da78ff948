package service

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// root is the path of the service root, without the slash that it may end with.
const root = "/redfish/v1"

// allRoutes is the list of all resources; each group stands in the file of its name.
func (s *Service) allRoutes() *place {
	tree := &place{named: make(map[string]*place)}
	at := func(path string, r *resource) { tree.at(root + path).resource = r }
	tree.at("/redfish").resource = &resource{get: (*call).versions, open: true}
	tree.at(root).resource = &resource{get: (*call).serviceRoot, open: true}
	at("/odata", &resource{get: (*call).odata, open: true})
	at("/$metadata", &resource{raw: (*call).metadata, open: true})
	s.sessionRoutes(at)
	s.accountRoutes(at)
	s.systemRoutes(at)
	s.chassisRoutes(at)
	s.managerRoutes(at)
	s.logRoutes(at)
	s.eventRoutes(at)
	s.taskRoutes(at)
	s.registryRoutes(at)
	return tree
}

func (c *call) versions() (object, error) { return object{"v1": root + "/"}, nil }

// serviceRoot is the document from which clients find all others (ServiceRoot).
func (c *call) serviceRoot() (object, error) {
	o := object{
		"@odata.id": root + "/", "@odata.type": "#ServiceRoot.v1_20_0.ServiceRoot",
		"Id": "RootService", "Name": c.opts.Name, "RedfishVersion": "1.20.0", "UUID": c.opts.UUID,
		"Systems": link(root + "/Systems"), "Chassis": link(root + "/Chassis"), "Managers": link(root + "/Managers"),
		"SessionService": link(root + "/SessionService"), "AccountService": link(root + "/AccountService"),
		"EventService": link(root + "/EventService"), "Tasks": link(root + "/TaskService"),
		"Registries": link(root + "/Registries"), "JsonSchemas": link(root + "/JsonSchemas"),
		"Links": object{"Sessions": link(root + "/SessionService/Sessions")},
		"ProtocolFeaturesSupported": object{
			"ExpandQuery":     object{"ExpandAll": true, "Levels": true, "Links": true, "NoLinks": true, "MaxLevels": maxLevels},
			"SelectQuery":     true,
			"FilterQuery":     false,
			"ExcerptQuery":    false,
			"TopSkipQuery":    true,
			"OnlyMemberQuery": true,
			"DeepOperations":  object{"DeepPATCH": false, "DeepPOST": false},
		},
	}
	put(o, "Vendor", c.opts.Vendor)
	put(o, "Product", c.opts.Product)
	return o, nil
}

// put sets a property that has a value.
func put(o object, name, value string) {
	if value != "" {
		o[name] = value
	}
}

// orNull gives null for a value that there is not.
func orNull(value string) any {
	if value == "" {
		return nil
	}
	return value
}

// odata is the OData service document (DSP0266, section "OData service document").
func (c *call) odata() (object, error) {
	var list []object
	entry := func(name, path string) {
		list = append(list, object{"name": name, "kind": "Singleton", "url": path})
	}
	entry("Service", root+"/")
	for _, name := range []string{"Systems", "Chassis", "Managers", "SessionService", "AccountService", "EventService", "Registries", "JsonSchemas"} {
		entry(name, root+"/"+name)
	}
	entry("Tasks", root+"/TaskService")
	entry("Sessions", root+"/SessionService/Sessions")
	return object{"@odata.context": root + "/$metadata", "value": list}, nil
}

// metadata is the OData metadata document (DSP0266, section "OData metadata").
func (c *call) metadata() error {
	if err := c.wants("application/xml"); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(xml.Header + `<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">` + "\n")
	for _, s := range schemas() {
		b.WriteString(`  <edmx:Reference Uri="` + schemaURI + s.file() + `.xml">` + "\n")
		b.WriteString(`    <edmx:Include Namespace="` + s.name + `"/>` + "\n")
		if s.version != "" {
			b.WriteString(`    <edmx:Include Namespace="` + s.name + "." + s.version + `"/>` + "\n")
		}
		b.WriteString("  </edmx:Reference>\n")
	}
	b.WriteString("  <edmx:DataServices>\n" +
		`    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">` + "\n" +
		`      <EntityContainer Name="Service" Extends="ServiceRoot.v1_20_0.ServiceContainer"/>` + "\n" +
		"    </Schema>\n  </edmx:DataServices>\n</edmx:Edmx>\n")
	c.w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	c.patience(answerFor)
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write([]byte(b.String())) // a client that is gone needs no answer
	}
	return nil
}
