package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
)

// UPSes gives how the room's UPSes stand.
func (c *Client) UPSes(ctx context.Context) ([]wire.UPS, error) {
	var out wire.UPSes
	err := c.get(ctx, "/v1/ups", &out)
	return out.Items, err
}

// Battery gives how it stands with what goes down on battery.
func (c *Client) Battery(ctx context.Context) (wire.Battery, error) {
	var out wire.Battery
	err := c.get(ctx, "/v1/battery", &out)
	return out, err
}

// WishBattery has stages taken down, or brought back: all, if none is named. It gives
// those that begin.
func (c *Client) WishBattery(ctx context.Context, up bool, stages []string) ([]string, error) {
	var out wire.BatteryWished
	path := map[bool]string{true: "/v1/battery/up", false: "/v1/battery/down"}[up]
	err := c.post(ctx, path, wire.BatteryWish{Stages: stages}, &out)
	return out.Stages, err
}

// TestBattery gives what would be done if the mains went now; zero is as long as the
// UPSes last.
func (c *Client) TestBattery(ctx context.Context, runtime time.Duration) (wire.Rehearsal, error) {
	var out wire.Rehearsal
	err := c.post(ctx, "/v1/battery/test", wire.BatteryTest{Runtime: runtime.Seconds()}, &out)
	return out, err
}

// Schedules gives how the schedules stand.
func (c *Client) Schedules(ctx context.Context) ([]wire.Schedule, error) {
	var out wire.Schedules
	err := c.get(ctx, "/v1/schedules", &out)
	return out.Items, err
}

// PreviewSchedules gives the next times at which a schedule is due, or all that are
// enabled.
func (c *Client) PreviewSchedules(ctx context.Context, name string, n int) ([]wire.Firing, error) {
	q := url.Values{"limit": {strconv.Itoa(n)}}
	if name != "" {
		q.Set("name", name)
	}
	var out wire.Firings
	err := c.get(ctx, "/v1/schedules/preview?"+q.Encode(), &out)
	return out.Items, err
}

// RunSchedule does now what a schedule does.
func (c *Client) RunSchedule(ctx context.Context, name string, ask wire.RunSchedule) (wire.Planned, error) {
	var out wire.Planned
	err := c.post(ctx, "/v1/schedules/"+url.PathEscape(name)+"/run", ask, &out)
	return out, err
}

// EnableSchedule has a schedule carried out from now on, or not.
func (c *Client) EnableSchedule(ctx context.Context, name string, on bool) error {
	word := map[bool]string{true: "enable", false: "disable"}[on]
	return c.post(ctx, "/v1/schedules/"+url.PathEscape(name)+"/"+word, nil, nil)
}
