package check

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/placeholder"
)

// Want is what a value should be: part of the settings of the kinds that read one. All
// that is given must be so.
type Want struct {
	Is   string   `yaml:"is" doc:"what the value must be, letter by letter, blanks around it left out; numbers are compared as numbers"`
	Like string   `yaml:"like" doc:"regular expression (RE2) that must match somewhere in the value; ^ and $ tie it to its ends"`
	Min  *float64 `yaml:"min" doc:"the value must be a number that is not less"`
	Max  *float64 `yaml:"max" doc:"the value must be a number that is not more"`
}

// maxPattern bounds a regular expression in settings, in bytes.
const maxPattern = 2 << 10

// Empty says that nothing is asked for.
func (w *Want) Empty() bool { return w.Is == "" && w.Like == "" && w.Min == nil && w.Max == nil }

// Judge compares values with what is wanted. It is safe for many goroutines.
type Judge struct {
	want Want
	like *regexp.Regexp // nil if there is none, or it differs from node to node
}

// Judge looks at the settings. Its error names the field.
func (w Want) Judge() (*Judge, error) {
	if w.Min != nil && w.Max != nil && *w.Min > *w.Max {
		return nil, Field("min", "it is more than max")
	}
	like, err := Pattern(Example(), "like", w.Like)
	if err != nil {
		return nil, err
	}
	if placeholder.In(w.Like) {
		like = nil
	}
	return &Judge{want: w, like: like}, nil
}

// Pattern compiles a regular expression of the settings, with the node's names in it;
// nil if it is empty. The error names the field.
func Pattern(env *Env, field, text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxPattern {
		return nil, Field(field, "at most %d bytes", maxPattern)
	}
	re, err := regexp.Compile(env.fillPattern(text))
	if err != nil {
		return nil, Field(field, "%w", err)
	}
	return re, nil
}

// Look says what is wrong with a value; nil if nothing is.
func (j *Judge) Look(env *Env, found string) error {
	shown := env.Line(found, 60)
	found = strings.TrimSpace(found)
	if is := strings.TrimSpace(env.Fill(j.want.Is)); j.want.Is != "" && !same(found, is) {
		return fmt.Errorf("%q and not %q", shown, env.Line(is, 60))
	}
	if j.want.Like != "" {
		like := j.like
		if like == nil {
			var err error
			if like, err = Pattern(env, "like", j.want.Like); err != nil {
				return err
			}
		}
		if !like.MatchString(found) {
			return fmt.Errorf("%q, which is not like %s", shown, env.Line(like.String(), 60))
		}
	}
	return j.limits(found, shown)
}

// limits compares with min and max.
func (j *Judge) limits(found, shown string) error {
	if j.want.Min == nil && j.want.Max == nil {
		return nil
	}
	n, err := strconv.ParseFloat(found, 64)
	if err != nil || n != n {
		return fmt.Errorf("%q, which is no number", shown)
	}
	return Within(n, j.want.Min, j.want.Max)
}

// Within says what is wrong with a number that has limits; nil if nothing is.
func Within(n float64, low, high *float64) error {
	switch {
	case n != n: // not a number
		return errors.New("no number")
	case low != nil && n < *low:
		return fmt.Errorf("%s, less than %s", Number(n), Number(*low))
	case high != nil && n > *high:
		return fmt.Errorf("%s, more than %s", Number(n), Number(*high))
	}
	return nil
}

// Number writes a number as people do.
func Number(n float64) string { return strconv.FormatFloat(n, 'g', 6, 64) }

// same compares two values, as numbers if they are.
func same(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y
}
