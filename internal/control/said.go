package control

import (
	"context"
	"fmt"

	"millwright.dev/millwright/internal/driver"
)

// Field is the error of a setting that is wrong.
func Field(name, format string, args ...any) error {
	return &driver.FieldError{Field: name, Err: fmt.Errorf(format, args...)}
}

// Meter is what a control can be that measures the nodes that it controls.
type Meter interface {
	// Measure reads what there is and tells it, value by value; Plug is driver.NoPlug.
	Measure(ctx context.Context, env Env, tell func(driver.Reading)) error
}
