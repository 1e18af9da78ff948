package httpdoor

import (
	"context"
	"net/http"
	"time"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
)

type upsesOutput struct{ Body wire.UPSes }

type batteryOutput struct{ Body wire.Battery }

type batteryWishInput struct{ Body wire.BatteryWish }

type batteryWishOutput struct{ Body wire.BatteryWished }

type batteryTestInput struct{ Body wire.BatteryTest }

type batteryTestOutput struct{ Body wire.Rehearsal }

type schedulesOutput struct{ Body wire.Schedules }

type previewInput struct {
	Name  string `query:"name" doc:"Only this schedule, enabled or not. Without it, all that are enabled." maxLength:"512"`
	Limit int    `query:"limit" doc:"How many times." minimum:"1" maximum:"1000" default:"10"`
}

type firingsOutput struct{ Body wire.Firings }

type scheduleInput struct {
	Name string `path:"name" doc:"The schedule's name." maxLength:"512" example:"night"`
}

type runScheduleInput struct {
	Name string `path:"name" doc:"The schedule's name." maxLength:"512" example:"night"`
	Body wire.RunSchedule
}

func (d *Door) registerBattery() {
	register(d, route{
		method: http.MethodGet, path: "/v1/ups", id: "list-ups", tag: tagSupply,
		summary: "List UPSes", doc: "How the room's uninterruptible power supplies stand, as last seen.",
	}, func(ctx context.Context, _ *struct{}) (*upsesOutput, error) {
		list, err := d.opts.Desk.UPSes(actorOf(ctx))
		out := wire.UPSes{Items: make([]wire.UPS, len(list))}
		for i, s := range list {
			out.Items[i] = wire.UPSOf(s)
		}
		return &upsesOutput{out}, err
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/battery", id: "get-battery", tag: tagSupply,
		summary: "Show what goes down on battery", doc: "The stages, how each stands, and on battery the proof that it is down in time.",
	}, func(ctx context.Context, _ *struct{}) (*batteryOutput, error) {
		s, err := d.opts.Desk.Battery(actorOf(ctx))
		return &batteryOutput{wire.BatteryOf(s)}, err
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/battery/down", id: "battery-down", tag: tagSupply, status: http.StatusAccepted, errors: []int{404, 409},
		summary: "Take stages down by hand",
		doc:     "As if they were due on battery: one after the other, each as a run. They come back by themselves if a UPS is on battery now, and else when that is asked for.",
	}, d.wishBattery(false))
	register(d, route{
		method: http.MethodPost, path: "/v1/battery/up", id: "battery-up", tag: tagSupply, status: http.StatusAccepted, errors: []int{404, 409},
		summary: "Bring stages back by hand", doc: "In the reverse order, what they took down and nothing else. Refused while a UPS is on battery.",
	}, d.wishBattery(true))
	register(d, route{
		method: http.MethodPost, path: "/v1/battery/test", id: "test-battery", tag: tagSupply, errors: []int{409},
		summary: "Show what would be done on battery", doc: "When each stage would begin and be down if all mains went now, and whether that fits. Nothing is touched.",
	}, func(ctx context.Context, in *batteryTestInput) (*batteryTestOutput, error) {
		r, err := d.opts.Desk.RehearseBattery(actorOf(ctx), time.Duration(in.Body.Runtime*float64(time.Second)))
		return &batteryTestOutput{wire.RehearsalOf(r)}, err
	})
}

func (d *Door) wishBattery(up bool) func(context.Context, *batteryWishInput) (*batteryWishOutput, error) {
	return func(ctx context.Context, in *batteryWishInput) (*batteryWishOutput, error) {
		stages, err := d.opts.Desk.WishBattery(ctx, actorOf(ctx), up, in.Body.Stages)
		return &batteryWishOutput{wire.BatteryWished{Stages: append([]string{}, stages...)}}, err
	}
}

func (d *Door) registerSchedules() {
	register(d, route{
		method: http.MethodGet, path: "/v1/schedules", id: "list-schedules", tag: tagSupply,
		summary: "List schedules", doc: "What is brought up and down by the calendar, and when next.",
	}, func(ctx context.Context, _ *struct{}) (*schedulesOutput, error) {
		list, err := d.opts.Desk.Schedules(actorOf(ctx))
		out := wire.Schedules{Items: make([]wire.Schedule, len(list))}
		for i, e := range list {
			out.Items[i] = wire.ScheduleOf(e)
		}
		return &schedulesOutput{out}, err
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/schedules/preview", id: "preview-schedules", tag: tagSupply, errors: []int{404},
		summary: "Show when schedules are due", doc: "The next times, with what is special about them: holidays, and days on which the clocks change.",
	}, func(ctx context.Context, in *previewInput) (*firingsOutput, error) {
		list, err := d.opts.Desk.PreviewSchedules(actorOf(ctx), in.Name, in.Limit)
		out := wire.Firings{Items: make([]wire.Firing, len(list))}
		for i, f := range list {
			out.Items[i] = wire.Firing{Schedule: f.Schedule.Schedule.Name, Do: f.Schedule.Schedule.Do, At: f.At, Note: f.Note}
		}
		return &firingsOutput{out}, err
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/schedules/{name}/run", id: "run-schedule", tag: tagSupply, status: http.StatusAccepted, errors: []int{404, 409},
		summary: "Do now what a schedule does", doc: "As a run of whoever asks. When the schedule is due does not change.",
	}, func(ctx context.Context, in *runScheduleInput) (*planOutput, error) {
		id, p, err := d.opts.Desk.RunSchedule(ctx, actorOf(ctx), in.Name, desk.Consent(in.Body.Consent))
		if err != nil {
			return nil, err
		}
		return &planOutput{d.planned(ctx, id, p)}, nil
	})
	for _, way := range []struct {
		word, doc string
		on        bool
	}{
		{"enable", "From now on. What was due before is not made up for.", true},
		{"disable", "Until it is enabled again, also over a restart, whatever the room's file says.", false},
	} {
		register(d, route{
			method: http.MethodPost, path: "/v1/schedules/{name}/" + way.word, id: way.word + "-schedule", tag: tagSupply, errors: []int{404},
			summary: map[bool]string{true: "Have a schedule carried out", false: "Have a schedule left out"}[way.on], doc: way.doc,
		}, func(ctx context.Context, in *scheduleInput) (*nothingOutput, error) {
			return &nothingOutput{}, d.opts.Desk.EnableSchedule(ctx, actorOf(ctx), in.Name, way.on)
		})
	}
}
