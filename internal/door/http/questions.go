package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/door/http/wire"
)

type questionsOutput struct{ Body wire.Questions }

type answerInput struct {
	ID   string `path:"id" doc:"The question's name." maxLength:"40" example:"q3"`
	Body wire.Answer
}

func (d *Door) registerQuestions() {
	register(d, route{
		method: http.MethodGet, path: "/v1/questions", id: "list-questions", tag: tagOperations,
		summary: "List open questions", doc: "What devices ask of people: those of the driver manual ask to be switched.",
	}, d.questions)
	register(d, route{
		method: http.MethodPost, path: "/v1/questions/{id}/answer", id: "answer-question", tag: tagOperations, errors: []int{404},
		summary: "Answer a question", doc: "The first answer counts. What asked the question goes on at once.",
	}, func(ctx context.Context, in *answerInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.Answer(actorOf(ctx), in.ID, in.Body.Yes, in.Body.Said)
	})
}

func (d *Door) questions(ctx context.Context, _ *struct{}) (*questionsOutput, error) {
	list, err := d.opts.Desk.Questions(actorOf(ctx))
	out := wire.Questions{Items: make([]wire.Question, len(list))}
	for i, q := range list {
		out.Items[i] = wire.Question{ID: q.ID, Device: q.Device, Node: q.Node, Text: q.Text, Asked: q.Asked}
	}
	return &questionsOutput{out}, err
}
