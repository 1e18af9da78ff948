package httpdoor

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/revision"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/store"
)

type revisionsInput struct {
	Limit  int   `query:"limit" doc:"At most so many." minimum:"1" maximum:"10000" default:"20"`
	Before int64 `query:"before" doc:"Only those below this one: the number of the last on the page before." minimum:"0"`
}

type revisionsOutput struct{ Body wire.Revisions }

type revisionInput struct {
	Number int64 `path:"number" doc:"The revision's number." minimum:"1" example:"12"`
}

type revisionOutput struct{ Body wire.RevisionFiles }

type differenceInput struct {
	From int64 `path:"number" doc:"The revision's number; 0 for what is on the disk." minimum:"0" example:"12"`
	To   int64 `query:"to" doc:"The other one; 0 for what is on the disk." minimum:"0" default:"0"`
}

type differenceOutput struct{ Body wire.Difference }

type changeInput struct{ Body wire.ChangeConfiguration }

type rollBackInput struct {
	Number int64 `path:"number" doc:"The revision to go back to." minimum:"1" example:"12"`
	Body   wire.RollBack
}

type changedOutput struct{ Body wire.Changed }

func (d *Door) registerRevisions() {
	register(d, route{
		method: http.MethodGet, path: "/v1/revisions", id: "list-revisions", tag: tagConfiguration,
		summary: "List the configurations that were accepted", doc: "The newest first, without their files.",
	}, d.listRevisions)
	register(d, route{
		method: http.MethodGet, path: "/v1/revisions/{number}", id: "get-revision", tag: tagConfiguration, errors: []int{404},
		summary: "Show one configuration", doc: "With its files, as they were when it was accepted. Secrets are no part of them, only references.",
	}, d.getRevision)
	register(d, route{
		method: http.MethodGet, path: "/v1/revisions/{number}/diff", id: "diff-revisions", tag: tagConfiguration, errors: []int{404},
		summary: "Compare two configurations", doc: "Two revisions, or one and what is on the disk now.",
	}, d.diffRevisions)
	register(d, route{
		method: http.MethodPost, path: "/v1/revisions", id: "change-configuration", tag: tagConfiguration, errors: []int{404, 409},
		summary: "Change the configuration",
		doc: "The change names the revision that it was made from. If the files on the disk are no longer that revision, the answer is 409 with what has changed there, and nothing is done. " +
			"Else the files are read and checked as a whole (what is wrong comes back with places), kept as a new revision, written, and used.",
	}, d.changeConfiguration)
	register(d, route{
		method: http.MethodPost, path: "/v1/revisions/{number}/rollback", id: "roll-back", tag: tagConfiguration, errors: []int{404, 409},
		summary: "Go back to an older configuration", doc: "The files become what they were in that revision, as a new one.",
	}, d.rollBack)
}

func (d *Door) listRevisions(ctx context.Context, in *revisionsInput) (*revisionsOutput, error) {
	list, err := d.opts.Desk.Revisions(ctx, actorOf(ctx), in.Before, in.Limit)
	out := wire.Revisions{Items: make([]wire.Revision, len(list))}
	for i := range list {
		out.Items[i] = revisionOf(&list[i])
	}
	return &revisionsOutput{out}, err
}

func revisionOf(r *store.Revision) wire.Revision {
	return wire.Revision{Number: r.Number, Time: r.Time, Author: r.Author, Note: r.Note, Origin: r.Origin}
}

func (d *Door) getRevision(ctx context.Context, in *revisionInput) (*revisionOutput, error) {
	r, err := d.opts.Desk.Revision(ctx, actorOf(ctx), in.Number)
	if err != nil {
		return nil, err
	}
	out := wire.RevisionFiles{Revision: revisionOf(r), Parent: r.Parent, Files: []wire.File{}}
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		out.Files = append(out.Files, wire.File{Name: name, Text: string(r.Files[name])})
	}
	return &revisionOutput{out}, nil
}

func (d *Door) diffRevisions(ctx context.Context, in *differenceInput) (*differenceOutput, error) {
	diff, err := d.opts.Desk.CompareRevisions(ctx, actorOf(ctx), in.From, in.To)
	return &differenceOutput{wire.Difference{Diff: string(diff)}}, err
}

func (d *Door) changeConfiguration(ctx context.Context, in *changeInput) (*changedOutput, error) {
	c := revision.Change{
		Base: in.Body.Base, Note: in.Body.Note, Overwrite: in.Body.Overwrite, DryRun: in.Body.DryRun,
		Files: make(map[string][]byte), Edits: make(map[string][]roomfile.Edit),
	}
	for _, f := range in.Body.Files {
		c.Files[f.Name] = []byte(f.Text)
	}
	for _, name := range in.Body.Remove {
		c.Files[name] = nil
	}
	for _, e := range in.Body.Edits {
		c.Edits[e.File] = append(c.Edits[e.File], roomfile.Edit{Path: e.Path, Value: e.Value})
	}
	return changedOf(d.opts.Desk.ChangeConfiguration(ctx, actorOf(ctx), c))
}

func (d *Door) rollBack(ctx context.Context, in *rollBackInput) (*changedOutput, error) {
	return changedOf(d.opts.Desk.RollBack(ctx, actorOf(ctx), in.Number, revision.Change{
		Base: in.Body.Base, Note: in.Body.Note, Overwrite: in.Body.Overwrite, DryRun: in.Body.DryRun,
	}))
}

func changedOf(done revision.Done, err error) (*changedOutput, error) {
	if err != nil {
		return nil, err
	}
	out := wire.Changed{Revision: done.Revision, Diff: string(done.Diff)}
	for _, w := range done.Warnings {
		out.Warnings = append(out.Warnings, w.Error())
	}
	return &changedOutput{out}, nil
}

// explain adds to a problem what only a change of the configuration can run into.
func explain(p *wire.Problem, err error) {
	var conflict *revision.Conflict
	if errors.As(err, &conflict) {
		p.Status, p.Diff, p.Latest = http.StatusConflict, string(conflict.Diff), conflict.Latest
	}
	var wrong roomfile.Problems
	if errors.As(err, &wrong) {
		for _, w := range wrong {
			where := w.File
			if w.Line > 0 {
				where += ":" + strconv.Itoa(w.Line)
			}
			p.Errors = append(p.Errors, wire.Fault{Where: where, Message: w.Msg})
		}
	}
}
