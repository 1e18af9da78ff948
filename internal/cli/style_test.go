package cli

import "testing"

// What a device says must not command the terminal of the one who reads it.
func TestClean(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain text", "42 °C – warm", "42 °C – warm"},
		{"ends of lines and tabs", "a\tb\nc", "a b c"},
		{"a title and a cleared screen", "\x1b]0;x\a\x1b[2J", "?]0;x??[2J"},
		{"C1 controls", "\u009b31m", "?31m"},
		{"text turned round", "on \u202effo\u2066", "on ?ffo?"},
		{"no UTF-8", "\xff", "\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := clean(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
