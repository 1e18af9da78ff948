package run

import "millwright.dev/millwright/internal/event"

func (r *run) intent() *event.Event { return nil }
