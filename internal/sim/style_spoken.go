package sim

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/sim/dialogue"
)

// spoken is a make that plays a description: one of the folder dialogues, or one of the
// user's own.
type spoken struct {
	name string
	file string         // of the archive, until it is read
	make *dialogue.Make // nil until then
}

// spokenStyles lists the described makes. Only their names are read: the list is
// wanted by every help text, the rest by a room that has one.
func spokenStyles() []Style {
	var all []Style
	for _, file := range files.Names() {
		text, err := files.ReadFile(file)
		if err != nil || !strings.HasPrefix(file, "dialogues/") {
			continue
		}
		for _, name := range dialogue.Names(string(text)) {
			all = append(all, &spoken{name: name, file: file})
		}
	}
	return all
}

// Described gives the makes of a description of one's own, for [Config].Styles; the
// form is that of package dialogue. The file's name is for errors.
func Described(file, text string) ([]Style, error) {
	makes, err := dialogue.Parse(file, text)
	if err != nil {
		return nil, err
	}
	var all []Style
	for _, m := range makes {
		all = append(all, &spoken{name: m.Name, make: m})
	}
	return all, nil
}

// AnyNames says whether the outlets of a make may have any names; others count them
// from 1.
func AnyNames(style string) bool {
	return style == "vpc" || slices.ContainsFunc(spokenStyles(), func(s Style) bool { return s.Name() == style })
}

// read gives the make with its description.
func (s *spoken) read() (*spoken, error) {
	if s.make != nil {
		return s, nil
	}
	text, err := files.ReadFile(s.file)
	if err != nil {
		return nil, err
	}
	makes, err := dialogue.Parse(s.file, string(text))
	if err != nil {
		return nil, err
	}
	for _, m := range makes {
		if m.Name == s.name {
			return &spoken{name: s.name, make: m}, nil
		}
	}
	return nil, fmt.Errorf("%s has no make %q", s.file, s.name)
}

func (s *spoken) Name() string { return s.name }

func (s *spoken) Serve(t *Terminal) error {
	m := s.make
	if m.Telnet && !t.secured {
		t.Telnet()
	}
	if m.Echo {
		t.Keys()
		t.special += m.Keys
	}
	t.idle = m.Idle
	if m.Dies && t.number%2 == 1 {
		return errLeft
	}
	p := &player{Terminal: t, make: m, words: make(map[string]string, len(m.Words)+4), name: s.name}
	for k, v := range m.Words {
		p.words[k] = v
	}
	at := m.Start
	if t.secured || t.unit.open {
		at = m.Inside
		t.entered = true
		if !t.secured {
			t.CountLogin()
		}
	} else if m.Start == m.Inside {
		t.entered = true
		t.CountLogin()
	}
	err := p.play(m.Screen(at))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Print(m.IdleText)
		err = nil
	}
	return left(err)
}

// player is one conversation of a described make.
type player struct {
	*Terminal
	make   *dialogue.Make
	name   string
	words  map[string]string
	chosen []int // outlets
	wrong  int   // passwords
}

// play goes from screen to screen.
func (p *player) play(s *dialogue.Screen) error {
	for {
		for _, show := range s.Show {
			if len(show.In) > 0 && !slices.Contains(show.In, p.name) {
				continue
			}
			if !show.Each {
				p.say(show.Text, p.first())
				continue
			}
			p.each(show.Text, show.Span)
		}
		text, err := p.answer(s.Ask)
		if err != nil {
			return err
		}
		if s, err = p.follow(s, text); err != nil {
			return err
		}
	}
}

func (p *player) answer(how dialogue.Ask) (string, error) {
	switch how {
	case dialogue.Hidden:
		return p.Secret()
	case dialogue.Key:
		return p.Key()
	case dialogue.Line:
	}
	return p.Line()
}

// first is the outlet that texts are about, -1 if none was chosen.
func (p *player) first() int {
	if len(p.chosen) == 0 {
		return -1
	}
	return p.chosen[0]
}

// say adds a text, filled in for outlet i.
func (p *player) say(t dialogue.Text, i int) {
	for _, piece := range t {
		if piece.Word == "" {
			p.Print(piece.Plain)
			continue
		}
		value := p.value(piece, i)
		if piece.Width != 0 {
			value = fmt.Sprintf("%*s", piece.Width, value)
		}
		p.Print(value)
	}
}

// each says a text for each outlet of a span.
func (p *player) each(t dialogue.Text, s dialogue.Span) {
	from, to := s.Of(p.Unit().Len())
	for i := from; i < to; i++ {
		p.say(t, i)
	}
}

func (p *player) value(piece dialogue.Piece, i int) string {
	u := p.Unit()
	switch piece.Word {
	case "unit":
		return u.Name()
	case "count":
		return strconv.Itoa(u.Len())
	case "next":
		return strconv.Itoa(u.Len() + 1)
	case "plug":
		if i >= 0 {
			return u.OutletName(i)
		}
	case "state":
		switch {
		case i < 0:
		case u.Bad(i):
			return "ERROR"
		case u.Says(i):
			return piece.On
		default:
			return piece.Off
		}
	}
	return p.words[piece.Word]
}

// follow finds the rule for an answer and carries it out; it gives the next screen.
func (p *player) follow(s *dialogue.Screen, text string) (*dialogue.Screen, error) {
	for i := range s.Rules {
		r := &s.Rules[i]
		m := r.When.FindStringSubmatch(text)
		if m == nil || !p.holds(r, m) {
			continue
		}
		for _, a := range r.Do {
			next, err := p.do(a, m)
			if err != nil {
				return nil, err
			}
			if next != nil {
				return next, p.enough()
			}
		}
		return s, p.enough()
	}
	return s, nil
}

// enough ends the session of somebody who guesses.
func (p *player) enough() error {
	if p.wrong >= attempts {
		return errLeft
	}
	return nil
}

// holds says whether all tests of a rule do. What they choose stays chosen only
// then.
func (p *player) holds(r *dialogue.Rule, m []string) bool {
	before := p.chosen
	for _, t := range r.Tests {
		if p.test(t, m) == t.Not {
			p.chosen = before
			return false
		}
	}
	return true
}

func (p *player) test(t dialogue.Test, m []string) bool {
	u := p.Unit()
	switch t.Kind {
	case dialogue.TestPlug:
		i, ok := u.Find(strings.TrimSpace(m[t.Group]))
		if ok {
			p.chosen = []int{i}
		}
		return ok
	case dialogue.TestPlugs:
		return p.choose(m[t.Group])
	case dialogue.TestEvery:
		return p.choose("all")
	case dialogue.TestMaster:
		return m[t.Group] == strconv.Itoa(u.Len()+1) && p.choose("all")
	case dialogue.TestLogin:
		name := p.words["user"]
		if p.make.User == "" { // it asks for no name, whatever the room says
			name = u.login.User
		}
		ok := p.Accepts(Login{name, m[t.Group]}, Login{p.make.User, p.make.Password})
		if p.entered = p.entered || ok; !ok {
			p.wrong++
		}
		return ok
	case dialogue.TestIs:
		return p.first() >= 0 && u.Says(p.first()) == t.On
	case dialogue.TestBad:
		return slices.ContainsFunc(p.chosen, u.Bad)
	case dialogue.TestBusy:
		_, busy := u.shows(Busy)
		return busy
	case dialogue.TestIn:
		return t.Make == p.name
	}
	return false
}

// choose reads a list of outlets: "all", "3", "1-3,5".
func (p *player) choose(list string) bool {
	u := p.Unit()
	if list == "all" {
		p.chosen = make([]int, u.Len())
		for i := range p.chosen {
			p.chosen[i] = i
		}
		return true
	}
	var chosen []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		a, ok := u.Find(from)
		b := a
		if ok && ranged {
			b, ok = u.Find(to)
		}
		if !ok || b < a || len(chosen) > u.Len() {
			return false
		}
		for ; a <= b; a++ {
			chosen = append(chosen, a)
		}
	}
	p.chosen = chosen
	return true
}

// do carries out one action; it gives the screen to go to, if that is what it is.
func (p *player) do(a dialogue.Action, m []string) (*dialogue.Screen, error) {
	u := p.Unit()
	switch a.Kind {
	case dialogue.ActSay:
		p.say(a.Text, p.first())
	case dialogue.ActEach:
		p.each(a.Text, a.Span)
	case dialogue.ActPicked:
		for _, i := range p.chosen {
			p.say(a.Text, i)
		}
	case dialogue.ActOn, dialogue.ActOff:
		p.turn(a.Kind == dialogue.ActOn)
	case dialogue.ActReboot:
		p.turn(false)
		if err := p.Pause(a.For); err != nil {
			return nil, err
		}
		p.turn(true)
	case dialogue.ActReset:
		for _, i := range p.chosen {
			u.Reset(i)
		}
	case dialogue.ActWait:
		if err := p.Flush(); err != nil {
			return nil, err
		}
		return nil, p.Pause(a.For)
	case dialogue.ActSettle:
		return nil, p.Settle()
	case dialogue.ActKeep:
		p.words[a.Target] = m[a.Group]
	case dialogue.ActEnter:
		p.entered = true
		p.CountLogin()
	case dialogue.ActGoto:
		return p.make.Screen(a.Target), nil
	case dialogue.ActLogout:
		p.entered = false // it frees its place
		return nil, errLeft
	}
	return nil, nil
}

// turn switches what is chosen. Those with a fault stay as they are: a description
// says by the test bad what is answered then.
func (p *player) turn(on bool) {
	for _, i := range p.chosen {
		_ = p.Unit().Switch(i, on)
	}
}

var _ Style = (*spoken)(nil)
