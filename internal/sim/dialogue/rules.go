package dialogue

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ofScreen reads a line of a screen.
func (p *parser) ofScreen(head string, rest []word) error {
	switch head {
	case "say", "each":
		return p.show(head == "each", rest)
	case "ask":
		return p.ask(rest)
	case "when":
		return p.rule(rest)
	}
	return fmt.Errorf("a screen has no %q: there are say, each, ask, when", head)
}

func (p *parser) show(each bool, rest []word) error {
	if len(rest) == 0 || !rest[0].quoted {
		return errors.New("a text in quotes is missing")
	}
	text, err := parseText(rest[0].text)
	if err != nil {
		return err
	}
	s := Show{Text: text, Each: each}
	if each {
		if s.Span, rest, err = span(rest); err != nil {
			return err
		}
	}
	switch {
	case len(rest) == 1:
	case !rest[1].is("in") || len(rest) == 2:
		return errors.New("only in and names of makes may follow the text")
	default:
		for _, w := range rest[2:] {
			if err := p.known(w.text); err != nil {
				return err
			}
			s.In = append(s.In, w.text)
		}
	}
	p.screen.Show = append(p.screen.Show, s)
	return nil
}

// span takes the numbers behind the text of each, if there are any.
func span(words []word) (s Span, rest []word, err error) {
	if len(words) < 2 || words[1].is("in") {
		return s, words, nil
	}
	if len(words) < 3 {
		return s, nil, errors.New("write the first and the last outlet")
	}
	if s.From, err = number(words[1].text, 1, 1<<20); err != nil {
		return s, nil, err
	}
	s.To, err = number(words[2].text, s.From, 1<<20)
	return s, append([]word{words[0]}, words[3:]...), err
}

func eachSpan(words []word) (Span, []word, error) {
	s, rest, err := span(words[1:])
	return s, append([]word{words[0]}, rest...), err
}

// known says whether there is a make of that name.
func (p *parser) known(name string) error {
	for _, m := range p.makes {
		if m.Name == name {
			return nil
		}
	}
	return fmt.Errorf("the file has no make %q", name)
}

func (p *parser) ask(rest []word) error {
	if len(rest) != 1 || p.screen.Ask != 0 {
		return errors.New("a screen asks once: ask line, ask hidden or ask key")
	}
	switch rest[0].text {
	case "line":
		p.screen.Ask = Line
	case "hidden":
		p.screen.Ask = Hidden
	case "key":
		p.screen.Ask = Key
	default:
		return fmt.Errorf("nothing is asked by %q: there are line, hidden, key", rest[0].text)
	}
	return nil
}

// rule reads what stands behind when.
func (p *parser) rule(rest []word) error {
	if len(rest) == 0 || !rest[0].quoted {
		return errors.New("a pattern in quotes is missing")
	}
	if len(p.screen.Rules) == maxRules {
		return fmt.Errorf("a screen has more than %d rules", maxRules)
	}
	when, err := regexp.Compile(`^(?s:` + rest[0].text + `)$`)
	if err != nil {
		return err
	}
	r := Rule{When: when}
	rest = rest[1:]
	for len(rest) > 0 && !rest[0].is(":") {
		var t Test
		if t, rest, err = p.test(rest, when); err != nil {
			return err
		}
		r.Tests = append(r.Tests, t)
	}
	if len(rest) == 0 {
		return errors.New("a colon is missing, with what is to be done behind it")
	}
	for rest = rest[1:]; len(rest) > 0; {
		end := 0
		for end < len(rest) && !rest[end].is(";") {
			end++
		}
		a, err := p.action(rest[:end], when)
		if err != nil {
			return err
		}
		r.Do = append(r.Do, a)
		rest = rest[min(end+1, len(rest)):]
	}
	p.screen.Rules = append(p.screen.Rules, r)
	return nil
}

// test reads one test from the front.
func (p *parser) test(rest []word, when *regexp.Regexp) (t Test, after []word, err error) {
	if rest[0].is("not") {
		if rest = rest[1:]; len(rest) == 0 || rest[0].is("not") {
			return t, nil, errors.New("a test is missing behind not")
		}
		t, after, err = p.test(rest, when)
		t.Not = true
		return t, after, err
	}
	t.Kind = TestKind(rest[0].text)
	operand := ""
	if len(rest) > 1 {
		operand = rest[1].text
	}
	switch t.Kind {
	case TestEvery, TestBad, TestBusy:
		return t, rest[1:], nil
	case TestPlug, TestPlugs, TestMaster, TestLogin:
		t.Group, err = group(operand, when)
	case TestIs:
		if t.On = operand == "on"; !t.On && operand != "off" {
			err = errors.New("write is on or is off")
		}
	case TestIn:
		t.Make = operand
		err = p.known(operand)
	default:
		return t, nil, fmt.Errorf("there is no test %q", rest[0].text)
	}
	return t, rest[min(2, len(rest)):], err
}

// group reads $N.
func group(text string, when *regexp.Regexp) (int, error) {
	digits, ok := strings.CutPrefix(text, "$")
	if !ok {
		return 0, fmt.Errorf("%q is not of the form $1", text)
	}
	n, err := number(digits, 1, 9)
	if err == nil && n > when.NumSubexp() {
		err = fmt.Errorf("the pattern has no group $%d", n)
	}
	return n, err
}

func (p *parser) action(words []word, when *regexp.Regexp) (a Action, err error) {
	if len(words) == 0 || words[0].quoted {
		return a, errors.New("something to do is missing here")
	}
	a.Kind = ActionKind(words[0].text)
	if a.Kind == ActEach {
		if a.Span, words, err = eachSpan(words); err != nil {
			return a, err
		}
	}
	operands := map[ActionKind]int{
		ActSay: 1, ActEach: 1, ActPicked: 1, ActOn: 0, ActOff: 0, ActReboot: 1, ActReset: 0,
		ActWait: 1, ActSettle: 0, ActKeep: 2, ActEnter: 0, ActGoto: 1, ActLogout: 0,
	}
	n, known := operands[a.Kind]
	switch {
	case !known:
		return a, fmt.Errorf("%q cannot be done", words[0].text)
	case len(words) != n+1:
		return a, fmt.Errorf("%s wants %d words behind it", a.Kind, n)
	}
	switch a.Kind {
	case ActSay, ActEach, ActPicked:
		a.Text, err = parseText(words[1].text)
	case ActReboot, ActWait:
		a.For, err = duration(words[1].text)
	case ActKeep:
		a.Target = words[1].text
		a.Group, err = group(words[2].text, when)
	case ActGoto:
		a.Target = words[1].text
		p.goals = append(p.goals, goal{a.Target, p.line})
	default: // needs nothing more
	}
	return a, err
}

// parseText takes a text apart at its places, {word}.
func parseText(text string) (Text, error) {
	var t Text
	for {
		before, rest, found := strings.Cut(text, "{")
		if before != "" {
			t = append(t, Piece{Plain: before})
		}
		if !found {
			return t, nil
		}
		place, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("a { has no }")
		}
		p, err := parsePlace(place)
		if err != nil {
			return nil, err
		}
		t, text = append(t, p), after
	}
}

func parsePlace(place string) (p Piece, err error) {
	name, width, wide := strings.Cut(place, ":")
	if wide {
		if p.Width, err = number(width, -maxWidth, maxWidth); err != nil {
			return p, err
		}
	}
	words := strings.Fields(name)
	switch {
	case len(words) == 3 && words[0] == "state":
		p.On, p.Off = strings.ReplaceAll(words[1], "~", " "), strings.ReplaceAll(words[2], "~", " ")
	case len(words) != 1 || words[0] == "state":
		return p, fmt.Errorf("{%s} is not a word, or {state ON OFF}", place)
	}
	p.Word = words[0]
	return p, nil
}
