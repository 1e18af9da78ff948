package folder

import (
	"errors"
	"fmt"
	"strconv"

	"millwright.dev/millwright/ockle/ini"
)

// FieldType is what a value of a configuration file may be.
type FieldType string

// The types of fields, by the names they have in Ockle's templates.
const (
	String    FieldType = "string"
	Int       FieldType = "int" // not negative
	Bool      FieldType = "bool"
	IntRange  FieldType = "intrange"  // from Low to High
	Select    FieldType = "select"    // one of what there is
	MultiList FieldType = "multilist" // some of what there is, as a list in JSON
)

// Field is one setting.
type Field struct {
	Key       string
	Type      FieldType
	Default   string
	Low, High int    // of an IntRange
	Ordered   bool   // the order of a MultiList counts
	Alias     string // another key for the same; Key goes before it
	Secret    bool   // not to be shown
}

// Check says what is wrong with a value. It does not repeat the value, which may
// be a secret.
func (f Field) Check(value string) error {
	switch f.Type {
	case Int, IntRange:
		n, err := ini.Int(value)
		switch {
		case err != nil:
			return errors.New("is not a whole number")
		case f.Type == IntRange && (n < f.Low || n > f.High):
			return fmt.Errorf("is not from %d to %d", f.Low, f.High)
		case n < 0 || n > 1<<31-1:
			return errors.New("is not a number from zero up to two thousand million")
		}
	case Bool:
		if _, err := ini.Bool(value); err != nil {
			return errors.New("is neither true nor false")
		}
	case MultiList:
		if _, err := ini.List(value); err != nil {
			return err
		}
	}
	return nil
}

// Template is what a type of PDU, controller or tester can be told.
type Template struct {
	Kind      Kind
	Type      string
	Text      string  // what it is
	Generator []Field // of the PDU, controller or tester itself
	PerServer []Field // of each outlet, control or test
	Open      bool    // any others may be set too; see Source.Types
}

// TemplateOf finds the template of a type.
func TemplateOf(kind Kind, typ string) (Template, bool) {
	for _, t := range Templates() {
		if t.Kind == kind && t.Type == typ {
			return t, true
		}
	}
	return Template{}, false
}

// Templates gives the types that came with Ockle, by kind and name.
func Templates() []Template {
	return []Template{
		{Kind: PDU, Type: "Dummy", Text: "an outlet in memory"},
		{Kind: PDU, Type: "DummyWithCPU", Text: "an outlet in memory, with the load of this computer"},
		{
			Kind: PDU, Type: "Raritan", Text: "Raritan Dominion PX by SNMP",
			Generator: []Field{
				{Key: "pdu_ip", Type: String, Default: "192.168.0.1"},
				{Key: "pdu_port", Type: Int, Default: "161"},
				{Key: "read_community", Type: String, Secret: true},
				{Key: "write_community", Type: String, Secret: true},
				{Key: "agent_name", Type: String, Default: "Ockle"},
			},
			PerServer: []Field{{Key: "socket", Type: IntRange, Default: "1", Low: 1, High: 8}},
		},
		{
			Kind: Controller, Type: "Dummy", Text: "a control in memory",
			Generator: []Field{{Key: "controlervariable", Type: String}},
			PerServer: []Field{{Key: "simulate_shutdown_fail", Type: Bool, Default: "true"}},
		},
		{Kind: Controller, Type: "DummyWithCPU", Text: "a control in memory, with the load of this computer"},
		{
			Kind: Controller, Type: "SSHController", Text: "shuts a machine down by SSH",
			PerServer: []Field{
				{Key: "host", Type: String, Default: "localhost"},
				{Key: "username", Type: String, Default: "root"},
				{Key: "password", Type: String, Secret: true},
				{Key: "key_filename", Type: String},
				{Key: "timeout", Type: Int, Default: "21"},
				{Key: "allow_agent", Type: Bool, Default: "true"},
				{Key: "look_for_keys", Type: Bool, Default: "true"},
				{Key: "compress", Type: Bool, Default: "true"},
			},
		},
		{
			Kind: Tester, Type: "Dummy", Text: "succeeds, or fails, as it is told",
			PerServer: []Field{{Key: "succeed", Type: Bool, Default: "true"}},
		},
		{
			Kind: Tester, Type: "Ping", Text: "asks a machine by ICMP",
			PerServer: []Field{{Key: "hostname", Type: String, Default: "127.0.0.1"}},
		},
	}
}

// GeneratorFields are those that every PDU, controller and tester has.
func GeneratorFields() []Field {
	return []Field{{Key: "type", Type: Select}, {Key: "comment", Type: String}}
}

// ServerFields are those of the section [server].
func ServerFields() []Field {
	return []Field{
		{Key: "outlets", Type: MultiList, Ordered: true},
		{Key: "tests", Type: MultiList, Ordered: true},
		{Key: "controls", Type: MultiList, Ordered: true},
		{Key: "dependencies", Type: MultiList},
		{Key: "comment", Type: String},
	}
}

// ConfigSection is a section of config.ini.
type ConfigSection struct {
	Name   string
	Fields []Field
}

// ConfigSections are those of config.ini.
func ConfigSections() []ConfigSection {
	number := func(key string, value int) Field {
		return Field{Key: key, Type: Int, Default: strconv.Itoa(value)}
	}
	text := func(key, value string) Field { return Field{Key: key, Type: String, Default: value} }
	return []ConfigSection{
		{"main", []Field{
			text("plugin_dir", "plugins"), text("server_dir", "servers"), text("outlet_dir", "outlets"),
			text("tester_dir", "testers"), text("controller_dir", "controllers"), text("log_file_path", "log.txt"),
		}},
		{"plugins", []Field{{Key: "pluginlist", Type: MultiList}}},
		{"servers", []Field{number("max_startup_time", 1), number("max_attempts", 3)}},
		{"plugins.SocketListener", []Field{
			{Key: "listener_port", Type: IntRange, Default: "8088", Low: 1, High: 65535},
			number("max_connections", 5), number("max_rcv_size", 1024), number("socket_timeout", 5),
		}},
		{"plugins.Logger", []Field{text("log_db", "sqlite:////~~HOME~~logger.db"), number("log_resolution", 10)}},
		{"plugins.AutoControl", []Field{
			number("wait_time", 1),
			{Key: "max_start_attempts", Alias: "max_start_attepmts", Type: Int, Default: "10"},
		}},
		{"plugins.TimerPluginExample", []Field{number("wait_time", 1)}},
	}
}
