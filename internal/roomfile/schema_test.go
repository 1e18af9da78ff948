package roomfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"millwright.dev/millwright/internal/roomfile"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := roomfile.Schema(roomfile.Options{Drivers: drivers()})
	if err != nil {
		t.Fatal(err)
	}
	again, _ := roomfile.Schema(roomfile.Options{Drivers: drivers()})
	if !bytes.Equal(text, again) {
		t.Error("the schema's bytes are not stable")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(roomfile.SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(roomfile.SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatalf("not YAML: %v", err)
	}
	return schema.Validate(doc)
}

// Whatever the form of a document decides must be decided alike by the schema,
// which editors use, and by the loader.
func TestSchemaAgreesWithLoader(t *testing.T) {
	schema := compileSchema(t)
	dev := func(settings string) string {
		return head + "devices: {p: {driver: script, settings: {spec: free, address: x, " + settings + "}}}\nnodes: {a: }\n"
	}
	for _, tt := range []struct {
		text string
		good bool
	}{
		{full, true},
		{"nodes: {a: }\n", true},
		{"room: 7\nnodes: {a: {groups: 7}}\n", true},
		{"room: true\nnodes: {a: }\n", false},
		{"room: [a]\nnodes: {a: }\n", false},
		{"nods: {a: }\n", false},
		{"vetoes: {v: {exec: [x, y], nodes: a, ops: off, timeout: 3s, on-failure: allow}}\nnodes: {a: }\n", true},
		{"vetoes: {v: {exec: x, on-failure: maybe}}\nnodes: {a: }\n", false},
		{"vetoes: {v: {exec: x, on-timeout: allow}}\nnodes: {a: }\n", false},
		{"secrets: {file: x, identity: i, recipients: [a, b]}\nnodes: {a: }\n", true},
		{"credentials: {a: {password: \"secret:a/b\", key: \"secret:\"}}\nnodes: {a: }\n", false},
		{"credentials: {a: {password: \"secret:a/b\"}}\nnodes: {a: }\n", true},
		{"http: {listen: \"127.0.0.1:8443\", names: [a, 10.0.0.1], client-name: email}\nnodes: {a: }\n", true},
		{"http: {oidc: {issuer: \"https://id.example\", client-id: x, groups: {a: b}}}\nnodes: {a: }\n", true},
		{"http: {client-name: serial}\nnodes: {a: }\n", false},
		{"http: {oidc: {client-secret: hunter2}}\nnodes: {a: }\n", false},
		{"http: {port: 8443}\nnodes: {a: }\n", false},
		{"nodes: {a: {settle: 3}}\n", false},
		{"nodes: {a: {settle: 3s}}\n", true},
		{"nodes: {a: {settle: 0}}\n", true},
		{"nodes: {a: {settle: 1m30s}}\n", true},
		{"nodes: {a: {settle: -3s}}\n", false},
		{"nodes: {a: {settle: never}}\n", false},
		{"nodes: {a: {sett: 3s}}\n", false},
		{"nodes: {a: {needs: {b: c}}}\n", false},
		{"nodes: {a: []}\n", false},
		{"nodes: [a]\n", false},
		{"settings: {verify: never}\nnodes: {a: }\n", true},
		{"settings: {verify: sometimes}\nnodes: {a: }\n", false},
		{"settings: {audit-reads: maybe}\nnodes: {a: }\n", false},
		{"settings: {audit-reads: true}\nnodes: {a: }\n", true},
		{"credentials: {a: {user: u, password: secret}}\nnodes: {a: }\n", false},
		{"credentials: {a: {user: u, password: \"file:/x\"}}\nnodes: {a: }\n", true},
		{"feeds: {a: {amps: 16}}\nnodes: {a: }\n", true},
		{"feeds: {a: {amps: lots}}\nnodes: {a: }\n", false},
		{"powerman: {listen: \"[::1]:10101\", tcpwrappers: yes}\nnodes: {a: }\n", true},
		{"powerman: {plug-log-level: loud}\nnodes: {a: }\n", false},
		{"groups: {g: [a]}\naliases: {x: a}\nnodes: {a: }\n", true},
		{"groups: {g: {a: b}}\nnodes: {a: }\n", false},
		{"devices: {p: {driver: other}}\nnodes: {a: }\n", false},
		{"devices: {p: {driver: script}}\nnodes: {a: }\n", false},
		{dev("wait: 5s"), true},
		{dev("wait: 5"), false},
		{dev("retries: 255"), true},
		{dev("retries: 256"), false},
		{dev("retries: -1"), false},
		{dev("retries: \"7\""), false},
		{dev("offset: -1"), true},
		{dev("offset: 1.5"), false},
		{dev("factor: 1.5"), true},
		{dev("quiet: no"), true},
		{dev("quiet: 1"), false},
		{dev("style: old"), true},
		{dev("style: odd"), false},
		{dev("prompts: [a, 1]"), true},
		{dev("prompts: a"), false},
		{dev("names: {a: b}"), true},
		{dev("names: {a: [b]}"), false},
		{dev("nested: {depth: 1}"), true},
		{dev("nested: {deep: 1}"), false},
		{dev("optional: {depth: x}"), false},
		{dev("optional: "), true},
		{dev("adress: x"), false},
	} {
		_, err := load(t, "room.yaml", "room.yaml", tt.text)
		if (err == nil) != tt.good {
			t.Errorf("loader on\n%s: %v", tt.text, err)
		}
		if err := validate(t, schema, []byte(tt.text)); (err == nil) != tt.good {
			t.Errorf("schema on\n%s: %v", tt.text, err)
		}
	}
}

func TestExamplesLoadAndAreValid(t *testing.T) {
	schema := compileSchema(t)
	for _, name := range []string{"small", "ab-power", "powerman/powerman.conf"} {
		res, err := roomfile.Load(t.Context(), filepath.Join("../../examples", name), options(nil))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(res.Warnings) > 0 {
			t.Errorf("%s: %v", name, res.Warnings)
		}
		for file, text := range res.Files {
			if filepath.Ext(file) == ".yaml" {
				if err := validate(t, schema, text); err != nil {
					t.Errorf("%s: %v", file, err)
				}
			}
		}
	}
	if _, err := os.Stat("../../examples/powerman"); err != nil {
		t.Error(err)
	}
}
