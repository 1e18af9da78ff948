package roomfile

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"sort"
)

// SchemaID is where the schema is published; room files name it in their first
// line so that editors can help: "# yaml-language-server: $schema=…".
const SchemaID = "https://millwright.dev/room.schema.json"

// object is a JSON object; encoding/json writes its keys sorted, so that the
// schema has stable bytes.
type object = map[string]any

// Schema gives the JSON Schema (2020-12) of a room file: the format itself and
// the settings of each driver, check and control, all from the tags that the decoding follows. It
// cannot know what only the whole room shows: names that are not there, plugs
// taken twice, loops.
func Schema(o Options) ([]byte, error) {
	root := schemaOf(reflect.TypeFor[document](), true)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaID
	root["title"] = "Millwright room file"
	defs := object{}
	device := schemaOf(reflect.TypeFor[devicePart](), false)
	var drivers, checks, controls []choosable
	for _, d := range o.Drivers {
		drivers = append(drivers, choosable{d.Name, d.Summary, reflect.TypeOf(d.New()).Elem()})
	}
	for _, k := range o.Checks {
		checks = append(checks, choosable{k.Name, k.Summary, reflect.TypeOf(k.New()).Elem()})
	}
	for _, k := range o.Controls {
		controls = append(controls, choosable{k.Name, k.Summary, reflect.TypeOf(k.New()).Elem()})
	}
	choose(device, "driver", "settings-", defs, drivers)
	defs["device"] = device
	defs["check"] = choose(schemaOf(reflect.TypeFor[checkPart](), true), "kind", "check-", defs, checks)
	defs["control"] = choose(schemaOf(reflect.TypeFor[controlPart](), true), "kind", "control-", defs, controls)
	defs["node"] = schemaOf(reflect.TypeFor[nodePart](), true)
	root["$defs"] = defs
	for key, def := range map[string]string{"devices": "device", "nodes": "node", "checks": "check", "controls": "control"} {
		section := root["properties"].(object)[key].(object)
		section["additionalProperties"] = object{"$ref": "#/$defs/" + def}
	}
	text, err := json.MarshalIndent(root, "", "  ")
	return append(text, '\n'), err
}

// choosable is a driver, or a kind of check or control, with the type of its settings.
type choosable struct {
	name, summary string
	settings      reflect.Type
}

// choose lets an entry's key choose what its settings are.
func choose(entry object, key, prefix string, defs object, of []choosable) object {
	var names, rules []any
	of = slices.Clone(of)
	sort.Slice(of, func(i, j int) bool { return of[i].name < of[j].name })
	for _, c := range of {
		names = append(names, object{"const": c.name, "description": c.summary})
		settings := schemaOf(c.settings, true)
		settings["title"], settings["description"] = c.name, c.summary
		defs[prefix+c.name] = settings
		then := object{"properties": object{"settings": object{"$ref": "#/$defs/" + prefix + c.name}}}
		if settings["required"] != nil {
			then["required"] = []any{"settings"}
		}
		rules = append(rules, object{
			"if":   object{"type": "object", "required": []any{key}, "properties": object{key: object{"const": c.name}}},
			"then": then,
		})
	}
	if names != nil {
		properties := entry["properties"].(object)
		properties[key] = object{"oneOf": names, "description": properties[key].(object)["description"]}
		entry["allOf"] = rules
	}
	return entry
}

const durationPattern = `^(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$`

// schemaOf gives the schema of what decode takes for a type. With required
// unset, no field is required: an entry that changes one member of a range
// gives only what differs.
func schemaOf(t reflect.Type, required bool) object {
	switch t {
	case durationType:
		return object{"anyOf": []any{object{"type": "string", "pattern": durationPattern}, object{"const": 0}}}
	case reflect.TypeFor[timeOrNever]():
		return object{"anyOf": []any{object{"type": "string", "pattern": durationPattern}, object{"const": 0}, object{"const": never}}}
	case reflect.TypeFor[reference]():
		return object{"type": "string", "pattern": `^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|secret:[A-Za-z0-9][A-Za-z0-9._/-]*)?$`}
	case textsType:
		return object{"anyOf": []any{textSchema(), object{"type": "array", "items": textSchema()}}}
	case anythingType:
		return object{"type": []any{"object", "null"}}
	}
	if t.Kind() == reflect.Pointer {
		return object{"anyOf": []any{schemaOf(t.Elem(), required), object{"type": "null"}}}
	}
	if reflect.PointerTo(t).Implements(textType) {
		return object{"type": []any{"string", "number", "boolean"}}
	}
	if reflect.PointerTo(t).Implements(jsonType) {
		return object{"type": []any{"object", "null"}}
	}
	return kindSchema(t, required)
}

// textSchema is a text; numbers may stand for one, because they are names too.
func textSchema() object { return object{"type": []any{"string", "number"}} }

func kindSchema(t reflect.Type, required bool) object {
	switch t.Kind() {
	case reflect.Bool:
		return object{"enum": []any{true, false, "yes", "no"}}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s := object{"type": "integer"}
		if t.Bits() < 64 {
			s["minimum"], s["maximum"] = -(int64(1) << (t.Bits() - 1)), int64(1)<<(t.Bits()-1)-1
		}
		return s
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s := object{"type": "integer", "minimum": 0}
		if t.Bits() < 64 {
			s["maximum"] = uint64(math.MaxUint64) >> (64 - t.Bits())
		}
		return s
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), required)}
	case reflect.Map:
		return object{"type": []any{"object", "null"}, "additionalProperties": schemaOf(t.Elem(), required)}
	case reflect.Struct:
		return structSchema(t, required)
	default:
		return textSchema()
	}
}

func structSchema(t reflect.Type, required bool) object {
	properties := object{}
	var must []any
	for _, a := range attributes(t) {
		p := schemaOf(t.FieldByIndex(a.index).Type, required)
		if a.enum != nil {
			p = object{"enum": anys(a.enum)}
		}
		if a.doc != "" {
			p["description"] = a.doc
		}
		if a.def != "" {
			p["default"] = a.def
		}
		properties[a.name] = p
		if a.required && required {
			must = append(must, a.name)
		}
	}
	s := object{"type": []any{"object", "null"}, "properties": properties, "additionalProperties": false}
	if must != nil {
		s["required"], s["type"] = must, "object"
	}
	return s
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
