// Package vbmc is the programs vbmc and vbmcd: BMCs for guests of libvirt, one for each,
// which are added, started and stopped by command, as VirtualBMC's users know it.
//
// vbmcd is the daemon; it keeps its folder, ~/.vbmc, as VirtualBMC does: a folder for
// each guest, with a file config in it. vbmc asks it over a socket in that folder,
// vbmcd.sock, which nobody else can open; VirtualBMC has a port of TCP there, which
// everybody on the machine can reach. What is different beside: addresses are of the
// loopback unless another is named, daemons stay in the foreground and are not started
// by vbmc, and SASL is not spoken. Serial over LAN, event log and inventory are more
// than VirtualBMC has. What a BMC does is in package internal/vbmc.
//
// Start at [Run] and [RunDaemon]:
//
//	vbmc.go    the command
//	request.go what it asks of the daemon, and how
//	daemon.go  the daemon
//	config.go  the file of one guest
//	table.go   what is shown
package vbmc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/applet/getopt"
)

const usage = `Usage: vbmc [--config-dir DIR] COMMAND
  vbmc add DOMAIN [OPTION...]     give a guest a BMC, which is not started yet
    --username NAME               who may log in, at most 16 bytes; admin
    --password WORD               at most 20 bytes; "password"
    --password-file FILE          the first line of a file instead
    --port PORT                   of UDP; 623
    --address ADDRESS             where to listen; 127.0.0.1
    --libvirt-uri URI             where the guest is; qemu:///system
  vbmc delete DOMAIN...           take BMCs away; the guests stay as they are
  vbmc start DOMAIN...
  vbmc stop DOMAIN...
  vbmc list [-f table|json]
  vbmc show DOMAIN [-f table|json]
The daemon vbmcd has to run.
`

// options are what the command line says.
type options struct {
	dir, format string
	config      config
}

func table() []getopt.Option {
	return []getopt.Option{
		{Long: "config-dir", Arg: true},
		{Long: "username", Arg: true},
		{Long: "password", Arg: true},
		{Long: "password-file", Arg: true},
		{Long: "port", Arg: true},
		{Long: "address", Arg: true},
		{Long: "libvirt-uri", Arg: true},
		{Short: 'f', Long: "format", Arg: true},
		{Short: 'h', Long: "help"},
	}
}

var errHelp = errors.New("help")

func (o *options) set(opt getopt.Option, value string) (err error) {
	switch opt.Long {
	case "config-dir":
		o.dir = value
	case "username":
		o.config.Username = value
	case "password":
		o.config.Password = strings.Clone(value)
		getopt.Wipe(value)
	case "password-file":
		o.config.Password, err = firstLine(value)
	case "port":
		o.config.Port, err = strconv.Atoi(value)
	case "address":
		o.config.Address = value
	case "libvirt-uri":
		o.config.URI = value
	case "format":
		if o.format = value; value != "table" && value != "json" {
			err = errors.New("the formats are table and json")
		}
	case "help":
		err = errHelp
	}
	return err
}

// maxFile bounds the files that are read, in bytes.
const maxFile = 64 << 10

func firstLine(path string) (string, error) {
	b, err := readFile(path)
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// readFile reads a file that is not too long.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is too long", path)
	}
	return b, err
}

// folder is where all is kept unless something else is said.
func folder() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w: name a folder by --config-dir", err)
	}
	return filepath.Join(home, ".vbmc"), nil
}

// parse reads a command line.
func parse(args []string) (o options, words []string, err error) {
	o = options{format: "table", config: config{Username: "admin", Password: "password", Port: 623, Address: "127.0.0.1", URI: "qemu:///system"}}
	words, err = getopt.Parse(args, table(), o.set)
	if err == nil && o.dir == "" {
		o.dir, err = folder()
	}
	return o, words, err
}

// askLimit is how long an answer may take.
const askLimit = 30 * time.Second

// Run is the program vbmc; args come without its name. It returns the exit code: 0 if all
// was done, else 1.
func Run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	o, words, err := parse(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	var q request
	if err == nil {
		q, err = o.request(words)
	}
	if err != nil {
		fmt.Fprintf(stderr, "vbmc: %v\n%s", err, usage)
		return 1
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	a, err := ask(ctx, o.dir, q)
	if err != nil {
		fmt.Fprintf(stderr, "vbmc: %v\n", err)
		return 1
	}
	if a.Head != nil {
		show(stdout, o.format, a)
	}
	for _, text := range a.Warnings {
		fmt.Fprintf(stderr, "vbmc: %s\n", text)
	}
	for _, text := range a.Errors {
		fmt.Fprintf(stderr, "vbmc: %s\n", text)
	}
	if len(a.Errors) > 0 {
		return 1
	}
	return 0
}

// request makes the request of the words of a command line.
func (o *options) request(words []string) (request, error) {
	if len(words) == 0 {
		return request{}, errors.New("say what to do")
	}
	q := request{Command: words[0], Domains: words[1:]}
	switch n := len(q.Domains); q.Command {
	case "add":
		if n != 1 {
			return q, errors.New("add takes one domain")
		}
		q.Config = o.config
		q.Config.Domain = q.Domains[0]
		return q, q.Config.check()
	case "show":
		if n != 1 {
			return q, errors.New("show takes one domain")
		}
	case "delete", "start", "stop":
		if n == 0 {
			return q, fmt.Errorf("%s which domain?", q.Command)
		}
	case "list":
		if n != 0 {
			return q, errors.New("list takes no domain")
		}
	default:
		return q, fmt.Errorf("there is no command %q", q.Command)
	}
	return q, nil
}
