package desk

import (
	"context"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/room"
)

// Files gives the number of the revision that was accepted last, and its files by their
// names in the room's folder, for doors that know the room by its files; see [Desk.Room].
// Who is shown them needs [Desk.NeedConfigure]. The files are for reading only.
func (d *Desk) Files(ctx context.Context, known int64) (revision int64, files map[string][]byte, err error) {
	if d.config == nil {
		return 0, nil, &room.Error{Code: room.CodeRefused, Op: "read the configuration", Said: "this daemon keeps no revisions"}
	}
	list, err := d.config.List(ctx, 0, 1)
	if err != nil || len(list) == 0 || list[0].Number == known {
		return known, nil, err
	}
	rev, err := d.config.Show(ctx, list[0].Number)
	if err != nil {
		return 0, nil, err
	}
	return rev.Number, rev.Files, nil
}

// NeedConfigure refuses who may not see and change the room's files.
func (d *Desk) NeedConfigure(by Actor, op string) error {
	return d.needConfiguration(by, auth.Configure, op)
}
