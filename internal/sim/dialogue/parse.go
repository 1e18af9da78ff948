package dialogue

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of what is read.
const (
	maxText    = 256 << 10 // bytes of a file
	maxMakes   = 64
	maxScreens = 256
	maxRules   = 256 // of one screen
	maxWidth   = 200
)

// Error is a mistake in a description.
type Error struct {
	File string
	Line int
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }

// Names gives the names of the makes in a file without reading the rest, for lists.
func Names(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "make "); ok {
			if words, err := split(strings.TrimRight(rest, "\r\n")); err == nil && len(words) == 1 {
				names = append(names, words[0].text)
			}
		}
	}
	return names
}

// Parse reads a file. An error is an [*Error], for the first mistake.
func Parse(file, text string) ([]*Make, error) {
	p := &parser{file: file, screens: make(map[string]*Screen)}
	if len(text) > maxText {
		return nil, p.errorf("it is longer than %d bytes", maxText)
	}
	for line := range strings.Lines(text) {
		p.line++
		words, err := split(strings.TrimRight(line, "\r\n"))
		if err == nil && len(words) > 0 {
			err = p.take(words)
		}
		if err != nil {
			return nil, p.errorf("%w", err)
		}
	}
	if err := p.finish(); err != nil {
		return nil, p.errorf("%w", err)
	}
	return p.makes, nil
}

type parser struct {
	file    string
	line    int
	makes   []*Make
	screens map[string]*Screen
	screen  *Screen // that is being read; nil before the first
	goals   []goal
}

// goal is a screen that some line names.
type goal struct {
	name string
	line int
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{File: p.file, Line: p.line, Msg: fmt.Errorf(format, args...).Error()}
}

// word is a piece of a line.
type word struct {
	text   string
	quoted bool
}

func (w word) is(text string) bool { return !w.quoted && w.text == text }

// split takes a line apart at blanks, with texts in quotes as one word. A comment ends it.
func split(line string) ([]word, error) {
	var words []word
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == '#':
			return words, nil
		case line[0] == '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, errors.New("a text has no closing quote, or a bad escape")
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, err
			}
			words = append(words, word{text, true})
			line = line[len(quoted):]
		default:
			end := strings.IndexAny(line, " \t\"")
			if end < 0 {
				end = len(line)
			}
			words = append(words, word{text: line[:end]})
			line = line[end:]
		}
	}
}

// take reads one line.
func (p *parser) take(words []word) error {
	head, rest := words[0], words[1:]
	switch {
	case head.quoted:
		return errors.New("a line begins with a word, not with a text")
	case head.text == "make":
		return p.newMake(rest)
	case head.text == "screen":
		return p.newScreen(rest)
	case p.screen != nil:
		return p.ofScreen(head.text, rest)
	case len(p.makes) > 0:
		return p.ofMake(p.makes[len(p.makes)-1], head.text, rest)
	}
	return errors.New(`a file begins with: make "NAME"`)
}

func (p *parser) newMake(rest []word) error {
	switch {
	case p.screen != nil:
		return errors.New("makes stand in front of the screens")
	case len(rest) != 1 || rest[0].text == "":
		return errors.New(`write: make "NAME"`)
	case slices.ContainsFunc(p.makes, func(m *Make) bool { return m.Name == rest[0].text }):
		return fmt.Errorf("there are two makes %q", rest[0].text)
	case len(p.makes) == maxMakes:
		return fmt.Errorf("there are more than %d makes", maxMakes)
	}
	p.makes = append(p.makes, &Make{Name: rest[0].text, Words: make(map[string]string), screens: p.screens})
	return nil
}

func (p *parser) newScreen(rest []word) error {
	switch {
	case len(p.makes) == 0:
		return errors.New("a make stands in front of the screens")
	case len(rest) != 1 || rest[0].text == "":
		return errors.New("write: screen NAME")
	case p.screens[rest[0].text] != nil:
		return fmt.Errorf("there are two screens %q", rest[0].text)
	case len(p.screens) == maxScreens:
		return fmt.Errorf("there are more than %d screens", maxScreens)
	}
	if err := p.ended(); err != nil {
		return err
	}
	p.screen = &Screen{Name: rest[0].text}
	p.screens[p.screen.Name] = p.screen
	return nil
}

// ended checks the screen that was read last. One that asks nothing would go round
// for ever.
func (p *parser) ended() error {
	if p.screen != nil && p.screen.Ask == 0 {
		return fmt.Errorf("screen %s asks nothing", p.screen.Name)
	}
	return nil
}

func (p *parser) finish() error {
	if err := p.ended(); err != nil {
		return err
	}
	if len(p.makes) == 0 {
		return errors.New("there is no make in it")
	}
	for _, m := range p.makes {
		if m.Start == "" {
			return fmt.Errorf("make %s has no start", m.Name)
		}
		if m.Inside == "" {
			m.Inside = m.Start
		}
	}
	for _, g := range p.goals {
		if p.screens[g.name] == nil {
			p.line = g.line
			return fmt.Errorf("there is no screen %q", g.name)
		}
	}
	return nil
}
