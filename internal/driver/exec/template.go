package exec

import (
	"errors"
	"fmt"
	"strings"
)

// template is a command with places for names. It is split into arguments before
// names are put in, so that no name can make two arguments of one.
type template struct {
	program string
	args    [][]part // behind the program
	single  bool     // {plug} is in it
	ranged  bool     // {plugs} is in it
}

// part is a piece of an argument: text, or the name of a place.
type part struct{ text, place string }

// The places there are.
const (
	placePlug   = "plug"
	placePlugs  = "plugs"
	placeDevice = "device"
)

// parseTemplate reads a command as a user writes it.
func parseTemplate(command string) (*template, error) {
	words, err := split(command)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("there is no program in it")
	}
	t := &template{program: words[0]}
	for i, w := range words {
		parts, err := places(w)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			if i == 0 && p.place != "" {
				return nil, fmt.Errorf("the program itself cannot be {%s}", p.place)
			}
			t.single = t.single || p.place == placePlug
			t.ranged = t.ranged || p.place == placePlugs
		}
		if i > 0 {
			t.args = append(t.args, parts)
		}
	}
	if t.single && t.ranged {
		return nil, errors.New("{plug} and {plugs} cannot both be in it: is it to be run for each plug or once for all?")
	}
	return t, nil
}

// split cuts at blanks outside quotes. A quote of either sort lasts to the next of
// the same sort; nothing is special within.
func split(s string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	started := false
	for _, c := range s {
		switch {
		case c == 0:
			return nil, errors.New("an argument cannot have a NUL byte")
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, started = c, true
		case quote == 0 && strings.ContainsRune(" \t\r\n", c):
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteRune(c)
			started = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}

// places finds {name} in an argument. A brace that cannot be a place is text; a
// word that is none of the places is more likely a slip than a wish.
func places(s string) (parts []part, err error) {
	var text strings.Builder
	for s != "" {
		before, rest, found := strings.Cut(s, "{")
		text.WriteString(before)
		if !found {
			break
		}
		if after, double := strings.CutPrefix(rest, "{"); double {
			inner, tail, closed := strings.Cut(after, "}}")
			text.WriteString("{{" + inner)
			if closed {
				text.WriteString("}}")
			}
			s = tail
			continue
		}
		name, tail, closed := strings.Cut(rest, "}")
		switch {
		case closed && (name == placePlug || name == placePlugs || name == placeDevice):
			parts = append(parts, part{text: text.String()}, part{place: name})
			text.Reset()
			s = tail
		case closed && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-_") == "":
			return nil, fmt.Errorf("{%s} is none of {plug}, {plugs} and {device}", name)
		default:
			text.WriteByte('{')
			s = rest
		}
	}
	return append(parts, part{text: text.String()}), nil
}

// fill puts names in their places and gives the arguments, program first.
func (t *template) fill(names map[string]string) []string {
	argv := []string{t.program}
	for _, parts := range t.args {
		var arg strings.Builder
		for _, p := range parts {
			if p.place == "" {
				arg.WriteString(p.text)
			} else {
				arg.WriteString(names[p.place])
			}
		}
		argv = append(argv, arg.String())
	}
	return argv
}
