package service

import (
	"errors"
	"slices"
	"strings"
)

// wish says which events somebody wants. Of each list, empty is all.
type wish struct {
	prefixes, messages, types, resources, origins, severities []string
	below                                                     bool // origins stand for what is below them too
}

// wants says whether an event is wished for.
func (w *wish) wants(h happened) bool {
	has := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	kind := "ServiceRoot"
	if h.Machine != "" {
		kind = "ComputerSystem"
	}
	return has(w.prefixes, machinePrefix) && has(w.types, string(h.Type)) && has(w.resources, kind) &&
		has(w.severities, string(h.Severity)) && (len(w.messages) == 0 || slices.ContainsFunc(w.messages, h.named)) &&
		(len(w.origins) == 0 || slices.ContainsFunc(w.origins, func(o string) bool { return originates(h.origin, o, w.below) }))
}

// named says whether a message id, with or without its registry's version, means the
// event's message.
func (h happened) named(id string) bool {
	return id == h.id || id == machinePrefix+"."+h.Key
}

func originates(origin, from string, below bool) bool {
	from = strings.TrimSuffix(from, "/")
	return strings.TrimSuffix(origin, "/") == from || below && strings.HasPrefix(origin, from+"/")
}

// expression is a $filter of the stream of events, such as
//
//	(EventType eq 'Alert' or EventType eq 'StatusChange') and OriginResource eq '/redfish/v1/Systems/1'
//
// (DSP0266, section "Event stream filtering"). And binds closer than or.
type expression func(happened) bool

var errFilter = errors.New("the filter is not written as it has to be")

// maxTerms bounds a filter.
const maxTerms = 64

// parseFilter reads a filter; empty is all.
func parseFilter(text string) (expression, error) {
	if strings.TrimSpace(text) == "" {
		return func(happened) bool { return true }, nil
	}
	words, err := cutFilter(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{words: words, below: subordinate(words)}
	e, err := p.or(0)
	if err != nil || len(p.words) > 0 {
		return nil, errFilter
	}
	return e, nil
}

// cutFilter cuts a filter into words, quoted texts and parentheses.
func cutFilter(text string) ([]string, error) {
	var words []string
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ':
			i++
			continue
		case c == '(' || c == ')':
			words = append(words, text[i:i+1])
			i++
		case c == '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return nil, errFilter
			}
			words = append(words, text[i:i+end+2])
			i += end + 2
		default:
			end := strings.IndexAny(text[i:], " ()'")
			if end < 0 {
				end = len(text) - i
			}
			words = append(words, text[i:i+end])
			i += end
		}
		if len(words) > 4*maxTerms {
			return nil, errFilter
		}
	}
	return words, nil
}

// subordinate says whether a filter asks for what is below its origins as well.
func subordinate(words []string) bool {
	i := slices.Index(words, "SubordinateResources")
	return i >= 0 && i+2 < len(words) && words[i+2] == "true"
}

type filterParser struct {
	words []string
	below bool
}

func (p *filterParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

func (p *filterParser) or(depth int) (expression, error) {
	return p.joined("or", func() (expression, error) {
		return p.joined("and", func() (expression, error) { return p.term(depth) })
	})
}

// joined reads expressions with a word between them.
func (p *filterParser) joined(word string, one func() (expression, error)) (expression, error) {
	first, err := one()
	if err != nil {
		return nil, err
	}
	all := []expression{first}
	for len(p.words) > 0 && p.words[0] == word {
		p.next()
		another, err := one()
		if err != nil {
			return nil, err
		}
		all = append(all, another)
	}
	return func(h happened) bool {
		for _, e := range all {
			if e(h) == (word == "or") {
				return word == "or"
			}
		}
		return word == "and"
	}, nil
}

func (p *filterParser) term(depth int) (expression, error) {
	name := p.next()
	if name == "(" {
		if depth > 8 {
			return nil, errFilter
		}
		e, err := p.or(depth + 1)
		if err != nil || p.next() != ")" {
			return nil, errFilter
		}
		return e, nil
	}
	verb, value := p.next(), p.next()
	if verb != "eq" || value == "" {
		return nil, errFilter
	}
	text := strings.Trim(value, "'")
	var w wish
	switch name {
	case "EventFormatType":
		return func(happened) bool { return text == "Event" }, nil
	case "SubordinateResources":
		return func(happened) bool { return true }, nil
	case "EventType":
		w.types = []string{text}
	case "MessageId":
		w.messages = []string{text}
	case "RegistryPrefix":
		w.prefixes = []string{text}
	case "ResourceType":
		w.resources = []string{text}
	case "OriginResource":
		w.origins, w.below = []string{text}, p.below
	default:
		return nil, errFilter
	}
	return w.wants, nil
}
