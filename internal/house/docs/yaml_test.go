package docs

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestRoomExamples holds that each piece of a room file in a page is one, as far
// as its schema can tell.
func TestRoomExamples(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(read(t, "docs/room.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("room.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("room.json")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml[^\n]*\n(.*?)```")
	seen := 0
	for _, page := range pages(t) {
		for _, m := range block.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "driver: relay") {
				continue // the example of docs/drivers.md, which the schema does not know
			}
			seen++
			text, err := yaml.YAMLToJSON([]byte(m[1]))
			if err != nil {
				t.Errorf("%s: %v\n%s", page, err, m[1])
				continue
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s: %v\n%s", page, err, m[1])
			}
		}
	}
	if seen < 6 {
		t.Errorf("found only %d examples of room files in the pages", seen)
	}
}
