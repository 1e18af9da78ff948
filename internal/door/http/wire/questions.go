package wire

import "time"

// Question is one that a device has for people.
type Question struct {
	ID     string    `json:"id" doc:"Its name." example:"q3"`
	Device string    `json:"device,omitempty" doc:"The device that asks." example:"valves"`
	Node   string    `json:"node,omitempty" doc:"The node that a run asks about."`
	Text   string    `json:"text" doc:"What is asked." example:"Please switch on v1 of valves. Rack 7."`
	Asked  time.Time `json:"asked" doc:"Since when it is open."`
}

// Questions lists open questions.
type Questions struct {
	Items []Question `json:"items" doc:"The oldest first." nullable:"false"`
}

// Answer answers a question.
type Answer struct {
	Yes  bool   `json:"yes" doc:"Whether it was done."`
	Said string `json:"said,omitempty" doc:"What there is to add." maxLength:"1000" example:"the cage is locked"`
}
