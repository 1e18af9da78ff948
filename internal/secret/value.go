package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Mask stands wherever a secret would have been printed.
const Mask = "****"

// Value is a secret's text. Every way of printing it gives [Mask]. The zero
// Value is no secret.
type Value struct {
	// A pointer, because fmt cannot call the methods of a Value in an unexported
	// field and prints what it finds there: an address, then.
	text *string
	_    [0]func() // no comparison by ==, which takes longer the more is right
}

// Interface guards.
var (
	_ fmt.Formatter  = Value{}
	_ fmt.Stringer   = Value{}
	_ fmt.GoStringer = Value{}
	_ slog.LogValuer = Value{}
)

// NewValue wraps a text that came from elsewhere, such as a prompt.
func NewValue(text string) Value { return Value{text: &text} }

// Reveal returns the text. Use it at the last moment: where it is sent.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsZero says whether there is no text.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// Equal compares in a time that depends on neither text.
func (v Value) Equal(other Value) bool {
	a, b := sha256.Sum256([]byte(v.Reveal())), sha256.Sum256([]byte(other.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// String returns [Mask].
func (Value) String() string { return Mask }

// GoString returns [Mask].
func (Value) GoString() string { return Mask }

// Format writes [Mask], whatever the verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) }

// MarshalText returns [Mask]; JSON, YAML and XML encoders use it.
func (Value) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// MarshalJSON returns [Mask] as a JSON string.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Mask + `"`), nil }

// MarshalYAML returns [Mask].
func (Value) MarshalYAML() (any, error) { return Mask, nil }

// LogValue returns [Mask].
func (Value) LogValue() slog.Value { return slog.StringValue(Mask) }
