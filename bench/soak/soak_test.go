package soak_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"millwright.dev/millwright/bench/soak"
	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
)

// isDaemon makes this test program the daemon that is killed.
const isDaemon = "MILLWRIGHT_SOAK_DAEMON"

func TestMain(m *testing.M) {
	if os.Getenv(isDaemon) == "" {
		os.Exit(m.Run())
	}
	err := app.Run(context.Background(), app.Options{
		Config: os.Args[1], State: os.Args[2], Drivers: standard.Drivers(script.Options{NoDelays: true}), NoDelays: true,
		Doors: app.Doors{Socket: os.Args[3], PowerMan: []string{}}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A few deaths; `go run ./bench -only soak` dies hundreds of times.
func TestSoak(t *testing.T) {
	dir, err := os.MkdirTemp("", "soak") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	report, err := soak.Run(t.Context(), soak.Options{
		Kills: 10, Dir: dir, Seed: 7, Tell: t.Logf,
		Daemon: func(config, state, socket string) *exec.Cmd {
			cmd := exec.Command(os.Args[0], config, state, socket)
			cmd.Env = append(os.Environ(), isDaemon+"=1")
			cmd.Stderr = log
			return cmd
		},
	})
	t.Logf("%+v", report)
	if err != nil {
		said, _ := os.ReadFile(dir + "/log")
		t.Fatalf("%v\n%s", err, said[max(0, len(said)-8000):])
	}
	if report.Resumed == 0 || report.Runs == 0 {
		t.Error("no run was cut off")
	}
}
