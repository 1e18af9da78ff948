package wire

import (
	"encoding/json"
	"time"

	"millwright.dev/millwright/internal/plugin"
)

// Plugin is how a program of the user's own stands.
type Plugin struct {
	Name     string        `json:"name" doc:"What the room calls it." example:"weather"`
	State    plugin.State  `json:"state" doc:"What it does." enum:"starting,running,waiting,given up,stopping,stopped,disabled"`
	Reason   string        `json:"reason,omitempty" doc:"Why it waits to be started again, or was given up."`
	Since    time.Time     `json:"since" doc:"When the state came about."`
	Next     time.Time     `json:"next,omitzero" doc:"When one that waits is started again."`
	Pid      int           `json:"pid,omitempty" doc:"Of its process."`
	Restarts int           `json:"restarts" doc:"How often it was started since it was first."`
	Title    string        `json:"title,omitempty" doc:"What it calls itself."`
	Version  string        `json:"version,omitempty" doc:"Its own version."`
	Provides []PluginThing `json:"provides" doc:"What it adds, as far as it runs or has run." nullable:"false"`

	Settings json.RawMessage `json:"settings" doc:"The JSON Schema of what it as a whole wants to have set."`

	LostEvents int `json:"lost_events,omitempty" doc:"Events that it was too slow for."`
	TurnedAway int `json:"turned_away,omitempty" doc:"Requests of its that were too many."`
}

// PluginThing is something that a plugin adds.
type PluginThing struct {
	Kind     plugin.Kind     `json:"kind" doc:"What it is." enum:"driver,check,control,notifier,reaction"`
	Name     string          `json:"name" doc:"Its name: provides in the room." example:"dry"`
	Summary  string          `json:"summary,omitempty" doc:"What it does."`
	Can      []string        `json:"can,omitempty" doc:"What it is able to do."`
	Measures bool            `json:"measures,omitempty" doc:"It can be asked to measure."`
	Settings json.RawMessage `json:"settings" doc:"The JSON Schema of what it wants to have set."`
}

// PluginOf puts a status into words.
func PluginOf(s plugin.Status) Plugin {
	out := Plugin{
		Name: s.Name, State: s.State, Reason: s.Reason, Since: s.Since, Next: s.Next, Pid: s.Pid, Restarts: s.Restarts,
		Title: s.Title, Version: s.Version, Provides: make([]PluginThing, len(s.Provides)), Settings: schemaOf(s.Settings), LostEvents: s.LostEvents, TurnedAway: s.TurnedAway,
	}
	for i, t := range s.Provides {
		out.Provides[i] = PluginThing{Kind: t.Kind, Name: t.Name, Summary: t.Summary, Can: t.Can, Measures: t.Measures, Settings: schemaOf(t.Settings)}
	}
	return out
}

func schemaOf(s plugin.Schema) json.RawMessage {
	text, err := s.MarshalJSON()
	if err != nil {
		return json.RawMessage("{}")
	}
	return text
}

// Plugins are the room's plugins.
type Plugins struct {
	Items []Plugin `json:"items" doc:"By name." nullable:"false"`
}

// PluginLine is a line that a plugin has said.
type PluginLine struct {
	At   time.Time `json:"at" doc:"When."`
	Text string    `json:"text" doc:"What."`
}

// PluginLog is what a plugin has said.
type PluginLog struct {
	Items []PluginLine `json:"items" doc:"The last lines, the oldest first." nullable:"false"`
}
