package httpdriver_test

import (
	"testing"

	"millwright.dev/millwright/internal/pressed/pressedtest"
)

func TestPressed(t *testing.T) { pressedtest.Same(t, "profiles/*.yaml") }
