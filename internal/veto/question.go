package veto

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
)

// Question is what hooks are asked.
type Question struct {
	Request string // the id of the request, as its events have it
	Actor   string // who asks for it, or ""
	Door    string
	Remote  string
	Op      room.Op
	Order   string // "up" or "down" if it is an order that does Op to Nodes step by step
	Reason  string // why it is wanted, if the asker says
	// Confirmed says that the asker has been told what is to be confirmed, and wants
	// it all the same.
	Confirmed bool

	Room  *room.Room
	Nodes []room.NodeID // each once
}

// asked is a question on the wire, for one hook.
type asked struct {
	Version   int      `json:"version"` // 1
	Hook      string   `json:"hook"`
	Request   string   `json:"request"`
	Actor     string   `json:"actor"`
	Door      string   `json:"door"`
	Remote    string   `json:"remote"`
	Op        string   `json:"op"`
	Order     string   `json:"order"`
	Reason    string   `json:"reason"`
	Confirmed bool     `json:"confirmed"`
	Count     int      `json:"count"`
	Nodes     []string `json:"nodes"`
	Hostlist  string   `json:"hostlist"` // Nodes once more, folded: "n[1-40]"
}

// text gives the question as one line of JSON.
func (q *Question) text(hook string, nodes []string) ([]byte, error) {
	line, err := json.Marshal(asked{
		Version: 1, Hook: hook, Request: q.Request, Actor: q.Actor, Door: q.Door, Remote: q.Remote, Op: q.Op.String(), Order: q.Order,
		Reason: q.Reason, Confirmed: q.Confirmed, Count: len(nodes), Nodes: nodes, Hostlist: hostlist.Fold(nodes),
	})
	return append(line, '\n'), err
}

// Decision is a hook's answer in a word.
type Decision string

// The decisions.
const (
	Allow   Decision = "allow"
	Refuse  Decision = "refuse"
	Confirm Decision = "confirm" // allowed if the asker confirms
)

// Bounds of an answer, in bytes.
const (
	maxAnswer = 1 << 20
	maxReason = 1 << 10
)

// answer is what a hook says.
type answer struct {
	Decision Decision          `json:"decision"`
	Reason   string            `json:"reason"`
	Refuse   map[string]string `json:"refuse"` // why, by node
}

// parseAnswer reads an answer, strictly: one that is not understood to the last
// letter must not count as a yes. The texts in it are cleaned and bounded.
func parseAnswer(text []byte) (answer, error) {
	if len(text) > maxAnswer {
		return answer{}, fmt.Errorf("its answer is longer than %d KiB", maxAnswer>>10)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return answer{}, errors.New("it answered nothing")
	}
	var a answer
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return answer{}, fmt.Errorf("its answer is not the JSON that is expected: %s", clean(err.Error()))
	}
	if len(bytes.TrimSpace(text[d.InputOffset():])) > 0 {
		return answer{}, errors.New("there is more behind its answer")
	}
	switch a.Decision {
	case Allow, "":
		if len(a.Refuse) > 0 {
			a.Decision = Refuse
		}
	case Refuse, Confirm:
	default:
		return answer{}, fmt.Errorf("it decided %q, which is none of allow, refuse, confirm", clean(string(a.Decision)))
	}
	if a.Decision == "" {
		return answer{}, errors.New("its answer has no decision")
	}
	if len(a.Refuse) > 0 {
		a.Decision = Refuse // what is refused for a node is not there to be confirmed
	}
	a.Reason = clean(a.Reason)
	reasons := make(map[string]string, len(a.Refuse))
	for node, why := range a.Refuse {
		reasons[clean(node)] = clean(why)
	}
	a.Refuse = reasons
	return a, nil
}

// clean bounds a text from elsewhere and makes it one line that shows what it is.
func clean(s string) string {
	if len(s) > maxReason {
		s = s[:maxReason] + "…"
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	return strings.Join(strings.Fields(s), " ")
}
