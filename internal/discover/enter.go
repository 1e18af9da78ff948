package discover

import (
	"fmt"
)

// The keys that make a silent device speak.
const (
	keyEnter  = "Enter"
	keyCtrlC  = "Ctrl-C"
	enter     = "\r\n"
	ctrlC     = "\x03"
	escape    = "\x1b"
	questions = 8 // that are answered before it is no log-in
)

// enter goes from the greeting to the first prompt, and gives what is said there.
func (t *talk) enter() (string, error) {
	text, err := t.greeting()
	if err != nil {
		return "", err
	}
	named, passed := 0, 0
	for range questions {
		switch {
		case busy(text):
			return "", fmt.Errorf("%w: it says %q", ErrBusy, t.clean(text))
		case matches(`(?i)(user ?name|login name|login|user)\s*:\s*$`, text) != nil:
			if named++; named > 1 {
				return "", fmt.Errorf("%w: it says %q", ErrLogin, t.clean(text))
			}
			if t.o.User == "" {
				return "", fmt.Errorf("%w: it says %q", ErrAsked, t.clean(text))
			}
			t.asked = true
			text, err = t.say(t.o.User + enter)
		case matches(`(?i)password\s*[:>]\s*$`, text) != nil:
			if passed++; passed > 1 {
				return "", fmt.Errorf("%w: it says %q", ErrLogin, t.clean(text))
			}
			if t.o.Password.IsZero() {
				return "", fmt.Errorf("%w: it says %q", ErrAsked, t.clean(text))
			}
			t.asked = true
			text, err = t.say(t.o.Password.Reveal() + enter)
		default:
			return text, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%w: it asks on and on, last %q", ErrUnknown, t.clean(text))
}

// greeting hears the first words, and wakes a device that has none.
func (t *talk) greeting() (string, error) {
	text, err := t.hear()
	for _, key := range []struct{ name, text string }{{keyEnter, enter}, {keyCtrlC, ctrlC}} {
		if err != nil || blank(text) == "" {
			if err != nil {
				return "", err
			}
			t.woken = key.name
			text, err = t.say(key.text)
			continue
		}
		break
	}
	switch {
	case err != nil:
		return "", err
	case blank(text) == "":
		return "", fmt.Errorf("%w: it says nothing, not even to Enter and Ctrl-C", ErrUnknown)
	case t.woken != "":
		t.f.note(t.o, "it is silent until %s", t.woken)
	}
	return text, nil
}
