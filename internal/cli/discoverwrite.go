package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/roomfile"
)

// deviceSetting is what a room file says of a device that was found.
type deviceSetting struct{ name, credential, spec, address string }

// yaml gives it as a piece of a room file, with the evidence as comments.
func (d deviceSetting) yaml(evidence []string) string {
	var b strings.Builder
	for _, line := range evidence {
		fmt.Fprintf(&b, "# %s\n", clean(line))
	}
	fmt.Fprintf(&b, "devices:\n  %s:\n    driver: script\n", strconv.Quote(d.name))
	if d.credential != "" {
		fmt.Fprintf(&b, "    credential: %s\n", strconv.Quote(d.credential))
	} else {
		b.WriteString("    # credential: the room's name for the login\n")
	}
	fmt.Fprintf(&b, "    settings:\n      spec: %s\n      address: %s\n", strconv.Quote(d.spec), strconv.Quote(d.address))
	return b.String()
}

// writeInto changes a room file; all else in it stays as it is. A file that would be
// no room any more is left alone.
func (d deviceSetting) writeInto(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	at := func(keys ...string) []string { return append([]string{"devices", d.name}, keys...) }
	edits := []roomfile.Edit{{Path: at("driver"), Value: "script"}}
	if d.credential != "" {
		edits = append(edits, roomfile.Edit{Path: at("credential"), Value: d.credential})
	}
	edits = append(edits,
		roomfile.Edit{Path: at("settings", "spec"), Value: d.spec},
		roomfile.Edit{Path: at("settings", "address"), Value: d.address})
	text, err := roomfile.Change(old, edits...)
	if err != nil {
		return err
	}
	if err := noWorse(ctx, path, old, text); err != nil {
		return err
	}
	err = writeWhole(path, true, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm())
}

// noWorse says whether a room would have problems with another text of one file that
// it has not now: one that has no nodes yet is no good room in either case.
func noWorse(ctx context.Context, path string, old, text []byte) error {
	before, err := problemsOf(ctx, path, old)
	if err != nil {
		return err
	}
	after, err := problemsOf(ctx, path, text)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(before))
	for _, p := range before {
		known[p.Msg] = true
	}
	after = slices.DeleteFunc(after, func(p *roomfile.Problem) bool { return known[p.Msg] })
	if len(after) == 0 {
		return nil
	}
	var b bytes.Buffer
	_ = after.Render(&b, false)
	return fmt.Errorf("it would be no good room any more, and is left as it is:\n%s", strings.TrimSpace(b.String()))
}

// problemsOf are those of a room in which one file has this text.
func problemsOf(ctx context.Context, path string, text []byte) (roomfile.Problems, error) {
	o := app.ReadOptions(drivers(), false)
	o.Open = func(name string) ([]byte, error) {
		if name == path {
			return text, nil
		}
		return os.ReadFile(name)
	}
	_, err := roomfile.Load(ctx, path, o)
	var problems roomfile.Problems
	if errors.As(err, &problems) {
		return problems, nil
	}
	return nil, err
}
