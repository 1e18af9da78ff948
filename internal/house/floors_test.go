package house

import (
	"flag"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// floor is one row of the plan of the house.
type floor struct {
	where string   // a package, or "folder/*" for each package in a folder
	what  string   // one sentence
	may   []string // which rows it may import; all of them lie higher up in the table
	libs  []string // which modules of others it may import
}

// The names for what is often allowed together.
var (
	libraries = []string{"hostlist", "telnet", "devspec", "powerman"}
	ground    = []string{"internal/room", "internal/store", "internal/event", "internal/secret"}
	hands     = []string{"internal/transport", "internal/driver", "internal/fleet"}
	brain     = []string{"internal/plan", "internal/state", "internal/run"}
	offline   = []string{"internal/roomfile", "internal/driver/*", "internal/driver/standard", "internal/sim", "internal/sim/vpc"}
)

// floors is the plan of the house from the ground up. A package may import what
// its row says and nothing else of ours; a row may only name rows above it, so
// data flows one way. A new package gets a row here and, with
// `go test ./internal/house -update`, in docs/architecture.md.
var floors = []floor{
	// Libraries: useful without the daemon, nothing of internal/ and nothing of others.
	{where: "hostlist", what: "compressed lists of host names: read, fold, sort, combine"},
	{where: "telnet", what: "the Telnet filter, both ends"},
	{where: "devspec", what: "PowerMan's device language and configuration language: parser, interpreter, lint, recordings", may: list("hostlist")},
	{where: "powerman", what: "PowerMan's network protocol, both ends", may: list("hostlist")},
	{where: "ockle/ini", what: "Ockle's configuration dialect, read and edited without losing a byte"},
	{where: "ockle/folder", what: "a folder of Ockle's configuration as plain values, what is broken set aside by name", may: list("ockle/ini")},
	{where: "ockle", what: "Ockle's socket protocol, both ends", may: list("ockle/ini")},
	{where: "nut", what: "the protocol of Network UPS Tools, both ends"},

	{where: "redfish/service", what: "the server end of Redfish, for one virtual BMC or a whole room"},
	{where: "ipmi/rmcp", what: "IPMI's packets and their cryptography, for both ends: RMCP, ASF, IPMI 1.5, RMCP+"},
	{where: "ipmi", what: "IPMI over LAN: one client for thousands of BMCs, sessions, requests, completion codes", may: list("ipmi/rmcp")},
	{where: "ipmi/ipmitest", what: "what tests of IPMI need in place of a BMC", may: list("ipmi")},
	{where: "ipmi/field", what: "text as IPMI's records hold it: type/length bytes, packed ASCII, BCD plus"},
	{where: "ipmi/event", what: "names and severities of sensor types, states and entities", may: list("ipmi")},
	{where: "ipmi/mc", what: "management controllers: identity, resets, self test, enables, watchdog", may: list("ipmi")},
	{where: "ipmi/channel", what: "channels: what they are, who may come in by them, cipher suites, payloads, sessions", may: list("ipmi", "ipmi/rmcp")},
	{where: "ipmi/user", what: "the users of a BMC", may: list("ipmi", "ipmi/channel")},
	{where: "ipmi/chassis", what: "power, its policy, boot device, identify light", may: list("ipmi")},
	{where: "ipmi/lan", what: "network settings, alert destinations and communities", may: list("ipmi", "ipmi/channel")},
	{where: "ipmi/pef", what: "platform event filtering and alert policies", may: list("ipmi")},
	{where: "ipmi/dcmi", what: "DCMI: power readings and limits, asset tag, identifier, temperatures", may: list("ipmi")},
	{where: "ipmi/sdr", what: "sensor data records and their repository", may: list("ipmi", "ipmi/field", "ipmi/event", "ipmi/mc")},
	{where: "ipmi/sensor", what: "values, thresholds and states of sensors", may: list("ipmi", "ipmi/event", "ipmi/sdr")},
	{where: "ipmi/spd", what: "serial presence detect: what a memory module is"},
	{where: "ipmi/fru", what: "inventory of field replaceable units", may: list("ipmi", "ipmi/field", "ipmi/spd")},
	{where: "ipmi/sel", what: "the system event log, its texts and its times", may: list("ipmi", "ipmi/event", "ipmi/sdr")},
	{where: "ipmi/pet", what: "platform event traps", may: list("ipmi", "ipmi/event", "ipmi/sel")},
	{where: "ipmi/sol", what: "serial over LAN, both ends", may: list("ipmi", "ipmi/rmcp", "ipmi/channel")},
	{where: "ipmi/oem", what: "what makers added to IPMI, found by maker and product", may: list("ipmi", "ipmi/mc", "ipmi/sdr", "ipmi/sel", "ipmi/fru", "ipmi/sensor", "ipmi/event")},
	{where: "ipmi/oem/intel", what: "Intel's Node Manager and the events of its management engine", may: list("ipmi", "ipmi/oem", "ipmi/mc", "ipmi/sel", "ipmi/event")},
	{where: "ipmi/oem/extended", what: "the store of settings that BMCs of several makers have", may: list("ipmi", "ipmi/oem")},
	{where: "ipmi/oem/*", what: "one folder for each maker", may: list("ipmi", "ipmi/oem", "ipmi/oem/intel", "ipmi/oem/extended", "ipmi/mc", "ipmi/sdr", "ipmi/sel", "ipmi/fru", "ipmi/sensor", "ipmi/event", "ipmi/dcmi", "ipmi/lan")},
	{where: "ipmi/oem/standard", what: "the list of makers", may: list("ipmi/oem", "ipmi/oem/intel", "ipmi/oem/*")},
	{where: "ipmi/host", what: "all of one machine in one value, whoever made it", may: list("ipmi", "ipmi/oem", "ipmi/oem/standard", "ipmi/mc", "ipmi/channel", "ipmi/user", "ipmi/chassis", "ipmi/lan", "ipmi/pef", "ipmi/dcmi", "ipmi/sdr", "ipmi/sensor", "ipmi/fru", "ipmi/spd", "ipmi/sel", "ipmi/pet", "ipmi/event")},
	{where: "ipmi/bmc", what: "a BMC as a server: sessions, commands, data from files or a program", may: list("ipmi", "ipmi/rmcp", "ipmi/field", "ipmi/event", "ipmi/mc", "ipmi/channel", "ipmi/user", "ipmi/chassis", "ipmi/lan", "ipmi/pef", "ipmi/dcmi", "ipmi/sdr", "ipmi/sensor", "ipmi/fru", "ipmi/sel", "ipmi/pet", "ipmi/sol")},
	{where: "redfish", what: "Redfish: a client over documents as they are"},
	{where: "redfish/service", what: "Redfish as a server: one machine, or many", may: list("redfish")},
	{where: "libvirt", what: "libvirt's remote protocol: virtual machines, their events and their consoles"},
	{where: "libvirt/libvirttest", what: "a libvirtd of a test's own, with a guest that echoes", may: list("libvirt")},

	// Ground.
	{where: "internal/durable", what: "files that are whole whatever happens"},
	{where: "internal/busy", what: "how busy this computer's processors are"},
	{where: "internal/pressed", what: "the text files that the program carries, unpacked when somebody asks for one"},
	{where: "internal/pressed/pressedtest", what: "presses those files, and holds that nothing of them is stale", may: list("internal/pressed")},
	{where: "internal/secret", what: "references to passwords and keys, values that never print themselves, masks for traces", may: list("ockle/ini"), libs: list("golang.org/x/sys")},
	{where: "internal/secret/vault", what: "the encrypted store of secrets: sealed records, its key, rotation", may: list("internal/durable", "internal/secret"), libs: list("filippo.io/age", "golang.org/x/sys")},
	{where: "internal/room", what: "the nouns and the graph: an immutable, validated snapshot; no I/O, no clock", may: list("hostlist")},
	{where: "internal/layout", what: "what needs what, in layers: coordinates, and drawings for terminals, as SVG and as DOT"},
	{where: "internal/store/internal/db", what: "statements generated by sqlc"},
	{where: "internal/store", what: "the only package that knows SQL; one SQLite file with a group-committing writer", may: list("internal/room", "internal/store/internal/db"), libs: list("modernc.org/sqlite", "github.com/pressly/goose/v3", "golang.org/x/sys")},
	{where: "internal/event", what: "the only way to say that something happened", may: list("hostlist", "internal/store")},
	{where: "internal/backup", what: "a room's state and configuration in one file that can be checked, and back", may: list("internal/durable", "internal/store"), libs: list("filippo.io/age")},
	{where: "internal/service", what: "what systemd gives a daemon and wants to hear from it: sockets, readiness, signs of life", libs: list("github.com/coreos/go-systemd/v22", "golang.org/x/sys")},
	{where: "internal/tcpwrap", what: "who may connect, by hosts.allow and hosts.deny", may: list("hostlist")},
	{where: "internal/promtext", what: "metrics in Prometheus' text format", libs: list("golang.org/x/sys")},
	{where: "internal/feed", what: "the last of a row of things, by number, for those who follow"},
	{where: "internal/series", what: "samples over time: what was measured, its roll-ups, answers for charts, export", may: list("hostlist", "internal/room", "internal/store", "internal/promtext")},
	{where: "internal/series/remotewrite", what: "sends samples on to Prometheus, or what takes samples as it does", may: list("internal/secret", "internal/promtext", "internal/series")},
	{where: "internal/freeport", what: "ports for programs that cannot choose one by themselves", libs: list("golang.org/x/sys")},
	{where: "internal/command", what: "a program run to its end or ours, with all that it starts", libs: list("golang.org/x/sys")},

	{where: "internal/auth/pki", what: "our own certificate authority: the server's certificate, kept and renewed; certificates for clients", may: list("internal/durable")},
	{where: "internal/auth", what: "who may do what: users, tokens, grants; who somebody is", may: list("hostlist", "internal/room", "internal/store", "internal/event", "internal/secret"), libs: list("golang.org/x/crypto")},
	{where: "internal/auth/oidc", what: "an issuer of identities: its ID tokens, and logging in with a browser", libs: list("github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "golang.org/x/time")},

	// Hands.
	{where: "internal/transport", what: "bytes to and from a device: TCP, telnet, TLS, SSH, serial lines, coprocesses", may: list("telnet"), libs: list("golang.org/x/crypto", "golang.org/x/sys", "golang.org/x/time")},
	{where: "internal/transport/sshtest", what: "an sshd of a test's own", may: list("internal/freeport"), libs: list("golang.org/x/crypto")},
	{where: "internal/plugin", what: "programs of the user's that add drivers, checks, controls, notifiers and reactions", may: list("internal/secret", "internal/command", "internal/transport"), libs: list("golang.org/x/time")},
	{where: "internal/driver", what: "the contract to reach hardware", may: list("devspec", "internal/room", "internal/secret", "internal/transport")},
	{where: "internal/driver/drivertest", what: "the suite that every driver passes against a simulator of its device", may: list("hostlist", "devspec", "internal/room", "internal/secret", "internal/transport", "internal/driver"), libs: list("go.uber.org/goleak")},
	{where: "internal/driver/action", what: "how drivers carry out a batch, action by action, and tell what became of it", may: list("devspec", "internal/room", "internal/secret", "internal/driver")},
	{where: "internal/driver/line", what: "what drivers of devices that talk in lines have in common", may: list("devspec", "internal/secret", "internal/transport", "internal/driver", "internal/driver/action")},
	{where: "internal/driver/web", what: "what drivers of devices that are reached by HTTP have in common", may: list("devspec", "internal/secret", "internal/transport", "internal/driver", "internal/driver/action"), libs: list("github.com/icholy/digest")},
	{where: "internal/driver/http", what: "devices that are switched by HTTP requests, as profiles say", may: list("internal/pressed", "hostlist", "devspec", "internal/room", "internal/secret", "internal/driver", "internal/driver/web"), libs: list("golang.org/x/net", "github.com/antchfx/xpath", "github.com/theory/jsonpath", "github.com/goccy/go-yaml")},
	{where: "internal/driver/snmp/profile", what: "what is known of power devices that speak SNMP, as data", may: list("internal/pressed", "internal/driver"), libs: list("github.com/goccy/go-yaml")},
	{where: "internal/driver/snmp/agent", what: "a simulated power device that speaks SNMP, of any profile", may: list("internal/driver", "internal/driver/snmp/profile"), libs: list("github.com/gosnmp/gosnmp")},
	{where: "internal/driver/snmp", what: "power devices that speak SNMP, by profiles", may: list("hostlist", "devspec", "internal/room", "internal/secret", "internal/driver", "internal/driver/snmp/profile"), libs: list("github.com/gosnmp/gosnmp")},
	{where: "internal/driver/mqtt/mqttwire", what: "as much of an MQTT client as switching plugs needs"},
	{where: "internal/driver/mqtt", what: "plugs on an MQTT broker", may: list("hostlist", "devspec", "internal/room", "internal/secret", "internal/driver", "internal/driver/mqtt/mqttwire", "internal/driver/action", "internal/driver/web")},
	{where: "internal/driver/modbus", what: "relay boards that speak Modbus", may: list("devspec", "internal/room", "internal/driver", "internal/driver/action"), libs: list("github.com/simonvetter/modbus")},
	{where: "internal/driver/ipmi", what: "service processors, by IPMI over LAN", may: list("hostlist", "devspec", "ipmi", "ipmi/rmcp", "ipmi/chassis", "ipmi/event", "ipmi/fru", "ipmi/host", "ipmi/oem", "ipmi/sensor", "ipmi/sol", "internal/room", "internal/secret", "internal/driver", "internal/driver/action")},
	{where: "internal/driver/redfish", what: "machines through their service processors, by Redfish", may: list("hostlist", "devspec", "redfish", "internal/room", "internal/secret", "internal/driver", "internal/driver/action", "internal/driver/web")},
	{where: "internal/driver/libvirt", what: "virtual machines, by libvirt's daemons", may: list("devspec", "libvirt", "libvirt/libvirttest", "internal/room", "internal/secret", "internal/transport", "internal/driver", "internal/driver/action", "internal/driver/web")},
	{where: "internal/driver/login", what: "what settings say of logging in by SSH", may: list("internal/secret", "internal/transport", "internal/driver")},
	{where: "internal/driver/plugin", what: "devices that plugins know how to drive", may: list("hostlist", "devspec", "internal/room", "internal/secret", "internal/plugin", "internal/driver", "internal/driver/action")},
	{where: "internal/driver/dummy", what: "plugs in memory, for rehearsals", may: list("devspec", "internal/room", "internal/busy", "internal/driver", "internal/driver/action")},
	{where: "internal/driver/*", what: "one folder for each driver", may: slices.Concat(libraries, list("internal/room", "internal/secret", "internal/transport", "internal/driver", "internal/command", "internal/driver/action", "internal/driver/line", "internal/driver/web")), libs: list("golang.org/x/sys")},
	{where: "internal/driver/standard", what: "the list of built-in drivers", may: list("internal/driver", "internal/driver/dummy", "internal/driver/mqtt", "internal/driver/modbus", "internal/driver/ipmi", "internal/driver/libvirt", "internal/driver/redfish", "internal/driver/plugin", "internal/driver/*", "internal/driver/http", "internal/driver/snmp")},
	{where: "internal/placeholder", what: "puts a node into settings that are written once for many"},
	{where: "internal/check", what: "the contract for checks: ok, bad or unknown, with evidence", may: list("internal/placeholder", "internal/room", "internal/secret", "internal/driver")},
	{where: "internal/check/icmp", what: "pings, by ourselves", may: list("internal/check", "internal/command"), libs: list("golang.org/x/sys")},
	{where: "internal/check/http", what: "answers to HTTP requests", may: list("internal/check", "internal/secret", "internal/driver/web"), libs: list("github.com/theory/jsonpath")},
	{where: "internal/check/tls", what: "certificates at any TLS port", may: list("internal/check", "internal/driver/web")},
	{where: "internal/check/dns", what: "answers of name servers", may: list("internal/placeholder", "internal/check"), libs: list("golang.org/x/net")},
	{where: "internal/check/ntp", what: "time servers", may: list("internal/check"), libs: list("github.com/beevik/ntp")},
	{where: "internal/check/snmp", what: "values of SNMP objects", may: list("internal/check", "internal/secret"), libs: list("github.com/gosnmp/gosnmp")},
	{where: "internal/check/sql/pgwire", what: "as much of a PostgreSQL client as a check needs"},
	{where: "internal/check/sql", what: "databases, by a ping or one query", may: list("internal/check", "internal/check/sql/pgwire", "internal/secret", "internal/driver/web"), libs: list("github.com/go-sql-driver/mysql")},
	{where: "internal/check/remote", what: "commands on nodes, by SSH", may: list("internal/check", "internal/transport", "internal/driver/login")},
	{where: "internal/check/ssh", what: "commands on nodes, judged by what they say", may: list("internal/check", "internal/check/remote", "internal/driver/login")},
	{where: "internal/check/systemd", what: "units of systemd on nodes", may: list("internal/placeholder", "internal/check", "internal/check/remote", "internal/driver/login")},
	{where: "internal/check/plugin", what: "checks that plugins provide", may: list("internal/secret", "internal/plugin", "internal/driver", "internal/check")},
	{where: "internal/check/*", what: "one folder for each kind of check", may: list("internal/placeholder", "internal/check", "internal/room", "internal/secret", "internal/transport", "internal/driver", "internal/command")},
	{where: "internal/check/standard", what: "the list of built-in kinds of check", may: list("internal/check", "internal/check/plugin", "internal/check/icmp", "internal/check/http", "internal/check/tls", "internal/check/dns", "internal/check/ssh", "internal/check/systemd", "internal/check/ntp", "internal/check/snmp", "internal/check/sql", "internal/check/*")},
	{where: "internal/control", what: "the contract for shutting nodes down in software, and starting them", may: list("internal/placeholder", "internal/room", "internal/secret", "internal/driver")},
	{where: "internal/control/http", what: "controls nodes by HTTP requests", may: list("internal/room", "internal/secret", "internal/driver", "internal/driver/action", "internal/driver/web", "internal/control"), libs: list("github.com/theory/jsonpath")},
	{where: "internal/control/plugin", what: "controls that plugins provide", may: list("internal/room", "internal/secret", "internal/plugin", "internal/driver/action", "internal/control")},
	{where: "internal/control/dummy", what: "controls that control nothing, for rehearsals", may: list("internal/room", "internal/busy", "internal/driver", "internal/control")},
	{where: "internal/control/*", what: "one folder for each kind of control", may: list("internal/room", "internal/secret", "internal/transport", "internal/command", "internal/driver", "internal/driver/action", "internal/driver/login", "internal/control")},
	{where: "internal/control/standard", what: "the list of built-in kinds of control", may: list("internal/control", "internal/control/dummy", "internal/control/http", "internal/control/plugin", "internal/control/*")},
	{where: "internal/ask", what: "the questions that the room has for its people, until they are answered", may: list("internal/room", "internal/event", "internal/driver")},
	{where: "internal/fleet", what: "one owner for each device; queues, merging, limits, reading back", may: list("hostlist", "devspec", "internal/room", "internal/secret", "internal/transport", "internal/driver"), libs: list("golang.org/x/time")},
	{where: "internal/console/journal", what: "logs of consoles: lines with their times, set aside by size, read back and played again"},
	{where: "internal/console", what: "one owner for each console: scroll-back, many who watch, one who types, a log that is rotated and replayed", may: list("internal/driver", "internal/room", "internal/transport", "internal/console/journal")},
	{where: "internal/console/foreign", what: "what conman and conserver know of consoles, read from their configuration"},
	{where: "internal/logbook", what: "tells what is new in the machines' own logs", may: list("internal/room", "internal/store", "internal/event", "internal/driver", "internal/fleet")},
	{where: "internal/rounds", what: "when checks are made, what counts of what they say", may: list("hostlist", "internal/room", "internal/event", "internal/secret", "internal/transport", "internal/driver", "internal/check")},
	{where: "internal/sim/vpc", what: "the dialogue of PowerMan's test device", may: list("hostlist")},
	{where: "internal/sim/dialogue", what: "descriptions of how a make of power strip talks"},
	{where: "internal/sim/webplug", what: "simulated devices that are switched over HTTP"},
	{where: "internal/sim", what: "a simulated room on real sockets, with power physics, boot times and faults", may: list("internal/pressed", "hostlist", "telnet", "internal/sim/vpc", "internal/sim/dialogue"), libs: list("golang.org/x/crypto")},
	{where: "internal/sim/processor", what: "simulated service processors, by IPMI and by Redfish, with consoles", may: list("ipmi", "ipmi/rmcp", "ipmi/event", "ipmi/mc", "ipmi/user", "ipmi/chassis", "ipmi/sdr", "ipmi/fru", "ipmi/sel", "ipmi/bmc", "redfish/service", "internal/sim")},

	{where: "internal/calendar", what: "when schedules are due: days, times, time zones, holidays, cron; it only reckons"},
	{where: "internal/ups", what: "how the UPSes stand, and what is due on battery, with the proof that it fits", may: list("nut", "internal/room", "internal/event", "internal/secret", "internal/transport")},
	{where: "internal/shelf", what: "the device files that come with Millwright", may: list("internal/pressed")},
	{where: "internal/discover", what: "finds out, without switching anything, which shipped specification fits a device", may: list("devspec", "internal/secret", "internal/transport", "internal/shelf")},

	// Text.
	{where: "internal/roomfile", what: "text to snapshot: room files, powerman.conf and folders of Ockle's; schema; all errors at once", may: list("hostlist", "devspec", "ockle/ini", "ockle/folder", "internal/room", "internal/secret", "internal/driver", "internal/transport", "internal/calendar", "internal/check", "internal/control"), libs: list("github.com/goccy/go-yaml")},
	{where: "internal/revision", what: "changes the configuration of a running room: files and revisions kept in step", may: slices.Concat(ground, list("internal/durable", "internal/roomfile")), libs: list("github.com/rogpeppe/go-internal", "golang.org/x/sys")},

	// Brain: not sideways, but for run, which carries out what plan worked out.
	{where: "internal/impact", what: "what falls when a node, a device or a feed goes; pure", may: list("internal/room")},
	{where: "internal/standing", what: "how each thing stands with what was asked of it; holds and maintenance", may: slices.Concat(ground, list("hostlist", "internal/feed"))},
	{where: "internal/plan", what: "states and a goal in, ordered steps out; pure", may: list("internal/room", "internal/standing")},
	{where: "internal/state", what: "what is believed of each node, noted at the way to the fleet", may: slices.Concat(ground, hands, list("hostlist", "devspec", "internal/feed"))},
	{where: "internal/run", what: "drives plans to their end", may: slices.Concat(ground, hands, list("hostlist", "devspec", "internal/plan", "internal/standing"))},

	{where: "internal/autopilot", what: "begins runs that nobody asks for at the moment: on battery, and by the calendar", may: list("hostlist", "internal/room", "internal/store", "internal/event", "internal/transport", "internal/plan", "internal/run", "internal/ups", "internal/calendar")},
	{where: "internal/soft", what: "has the controls of nodes asked, with all that they need from the room", may: slices.Concat(ground, hands, list("devspec", "internal/control", "internal/plan"))},
	{where: "internal/sampler", what: "puts what devices measure into samples, each at its own time", may: list("internal/room", "internal/driver", "internal/fleet", "internal/series")},
	{where: "internal/witness", what: "looks at machines by something else than what switches them", may: list("internal/placeholder", "internal/room", "internal/driver", "internal/fleet", "internal/check", "internal/rounds", "internal/run")},

	// Asked by the desk.
	{where: "internal/veto", what: "hooks that are asked before nodes are switched, and may refuse", may: list("hostlist", "internal/room", "internal/secret", "internal/command", "internal/transport")},

	// Desk and doors. Results are types of the fleet and of drivers, so a door sees
	// those; TestDoorsDecideNothing holds what it may do with them.
	{where: "internal/desk", what: "the one front desk: authorise, resolve, write down, carry out, answer", may: slices.Concat(ground, hands, brain, list("hostlist", "devspec", "internal/standing", "internal/impact", "internal/layout", "internal/check", "internal/control", "internal/rounds", "internal/promtext", "internal/soft", "internal/series", "internal/ups", "internal/calendar", "internal/autopilot", "internal/plugin", "internal/veto", "internal/auth", "internal/ask", "internal/revision", "internal/console", "internal/console/journal")), libs: list("golang.org/x/time")},
	{where: "internal/door/http/wire", what: "the messages of the HTTP API", may: list("hostlist", "internal/room", "internal/secret", "internal/event", "internal/auth", "internal/fleet", "internal/plan", "internal/run", "internal/state", "internal/standing", "internal/layout", "internal/rounds", "internal/series", "internal/ups", "internal/calendar", "internal/autopilot", "internal/check", "internal/plugin")},
	{where: "internal/door/http/endpoint", what: "operations of the HTTP API from reflected structs, once for all of them", libs: list("github.com/danielgtaylor/huma/v2")},
	{where: "internal/door/http", what: "the HTTP API: OpenAPI, server-sent events, metrics; on the unix socket and by TLS", may: list("internal/pressed", "internal/standing", "internal/impact", "internal/layout", "internal/rounds", "internal/series", "internal/ups", "internal/calendar", "internal/autopilot", "internal/check", "internal/plugin", "internal/promtext", "hostlist", "devspec", "internal/secret", "internal/auth", "internal/room", "internal/event", "internal/store", "internal/driver", "internal/fleet", "internal/plan", "internal/state", "internal/run", "internal/roomfile", "internal/revision", "internal/ask", "internal/console", "internal/console/journal", "internal/desk", "internal/door/http/endpoint", "internal/door/http/wire"), libs: list("golang.org/x/sys", "golang.org/x/time", "github.com/coder/websocket", "github.com/danielgtaylor/huma/v2")},
	{where: "internal/door/machine", what: "a node as a machine, for the doors that show nodes as service processors", may: list("devspec", "internal/room", "internal/driver", "internal/fleet", "internal/desk")},
	{where: "internal/door/ipmi", what: "the door that shows nodes as BMCs, by IPMI over LAN", may: list("ipmi", "ipmi/rmcp", "ipmi/bmc", "ipmi/chassis", "ipmi/channel", "ipmi/event", "ipmi/field", "ipmi/fru", "ipmi/mc", "ipmi/sdr", "ipmi/sel", "internal/secret", "internal/auth", "internal/room", "internal/event", "internal/driver", "internal/console", "internal/desk", "internal/door/machine")},
	{where: "internal/door/redfish", what: "the door for Redfish clients: each node is a system", may: list("hostlist", "redfish/service", "internal/secret", "internal/auth", "internal/room", "internal/event", "internal/driver", "internal/desk", "internal/door/machine")},
	{where: "internal/door/powerman", what: "the door for PowerMan's clients", may: list("hostlist", "devspec", "powerman", "internal/auth", "internal/room", "internal/event", "internal/driver", "internal/fleet", "internal/desk")},
	{where: "internal/door/ockle", what: "the door for Ockle's clients", may: list("devspec", "ockle", "ockle/ini", "ockle/folder", "internal/auth", "internal/room", "internal/roomfile", "internal/revision", "internal/event", "internal/driver", "internal/check", "internal/rounds", "internal/fleet", "internal/plan", "internal/standing", "internal/desk")},

	{where: "internal/vbmc", what: "guests of libvirt as machines with BMCs", may: list("libvirt", "libvirt/libvirttest", "ipmi", "ipmi/bmc", "ipmi/chassis", "ipmi/event", "ipmi/field", "ipmi/fru", "ipmi/mc", "ipmi/sdr", "ipmi/sel", "ipmi/sol")},

	// Above: wiring, and the programs.
	{where: "internal/app", what: "wiring and life cycle", may: slices.Concat(libraries, ground, hands, brain, list("internal/autopilot", "internal/standing", "internal/check", "internal/check/standard", "internal/control", "internal/control/standard", "internal/rounds", "internal/soft", "internal/witness", "internal/sampler", "internal/series", "internal/series/remotewrite", "internal/ups", "internal/calendar", "internal/plugin", "internal/driver/plugin", "internal/check/plugin", "internal/control/plugin", "nut", "internal/logbook", "internal/secret/vault", "internal/veto", "internal/ask", "internal/console", "internal/revision", "internal/tcpwrap", "internal/auth", "internal/auth/oidc", "internal/auth/pki", "internal/driver/*", "internal/roomfile", "internal/shelf", "internal/desk", "internal/door/http", "internal/door/http/wire", "internal/door/powerman", "internal/door/ockle", "ockle", "internal/door/redfish", "internal/door/ipmi")), libs: list("golang.org/x/time")},
	{where: "internal/client", what: "asks a running daemon through its API", may: list("internal/secret", "internal/room", "internal/event", "internal/door/http/wire"), libs: list("github.com/coder/websocket")},
	{where: "internal/rehearse", what: "simulated devices for a user's own room", may: slices.Concat(libraries, ground, offline, list("internal/secret/vault", "internal/shelf", "internal/control", "internal/driver", "internal/driver/http", "internal/driver/modbus", "internal/driver/mqtt", "internal/driver/ipmi", "internal/driver/libvirt", "internal/driver/redfish", "internal/driver/snmp", "internal/driver/snmp/agent", "internal/driver/snmp/profile", "internal/sim/webplug", "internal/sim/processor", "internal/transport")), libs: list("github.com/goccy/go-yaml")},
	{where: "examples/plugins/go", what: "a plugin in Go, for people to begin with"},
	{where: "examples/demo", what: "the files of the demo's room"},
	{where: "internal/demo", what: "the demo room, its simulated devices and its daemon in one", may: slices.Concat(libraries, ground, offline, list("internal/freeport", "internal/driver", "internal/app", "internal/client", "internal/door/http/wire", "internal/fleet", "internal/rehearse", "examples/demo"))},
	{where: "internal/doctor", what: "looks for what is wrong with an installation, and says what to do", may: slices.Concat(ground, list("hostlist", "internal/transport", "internal/driver", "internal/fleet", "internal/roomfile", "internal/secret/vault", "internal/app", "internal/client", "internal/door/http/wire")), libs: list("golang.org/x/sys")},
	{where: "internal/bmccli", what: "millwright bmc: service processors from a shell, without a daemon", may: list("hostlist", "internal/secret", "redfish", "ipmi", "ipmi/rmcp", "ipmi/mc", "ipmi/channel", "ipmi/user", "ipmi/chassis", "ipmi/lan", "ipmi/pef", "ipmi/dcmi", "ipmi/sdr", "ipmi/sensor", "ipmi/event", "ipmi/fru", "ipmi/spd", "ipmi/sel", "ipmi/pet", "ipmi/sol", "ipmi/oem", "ipmi/host"), libs: list("github.com/goccy/go-yaml", "github.com/spf13/cobra", "github.com/spf13/pflag")},
	{where: "internal/cli", what: "the command line of millwright", may: slices.Concat(libraries, ground, hands, brain, offline, list("internal/autopilot", "internal/ups", "internal/standing", "internal/layout", "internal/check", "internal/plugin", "internal/series", "internal/backup", "internal/bmccli", "internal/console/foreign", "internal/console/journal", "internal/service", "internal/secret/vault", "internal/app", "internal/client", "internal/door/http/wire", "internal/demo", "internal/rehearse", "internal/shelf", "internal/discover", "internal/doctor")), libs: list("github.com/goccy/go-yaml", "github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term", "golang.org/x/sys")},
	{where: "internal/applet/getopt", what: "command lines as getopt_long reads them"},
	{where: "internal/applet/prompt", what: "the prompt and the lines of powermand's helper programs"},
	{where: "internal/applet/prompt/prompttest", what: "has powermand drive a helper program in tests"},
	{where: "internal/applet/web", what: "how the helpers reach power controllers by HTTP, and the words for what fails"},
	{where: "internal/applet/httppower", what: "httppower, powermand's helper for web pages and REST", may: list("internal/applet/getopt", "internal/applet/prompt", "internal/applet/web")},
	{where: "internal/applet/vbmc", what: "vbmc and vbmcd: BMCs for guests of libvirt, by command", may: list("libvirt", "libvirt/libvirttest", "ipmi/bmc", "internal/durable", "internal/vbmc", "internal/applet/getopt")},
	{where: "internal/applet/virshbmc", what: "virshbmc: a BMC for one guest of libvirt", may: list("libvirt", "libvirt/libvirttest", "ipmi/bmc", "internal/freeport", "internal/vbmc", "internal/applet/getopt")},
	{where: "internal/applet/fakebmc", what: "fakebmc: BMCs in memory, for people's own tests", may: list("ipmi", "ipmi/rmcp", "ipmi/bmc", "ipmi/chassis", "ipmi/event", "ipmi/field", "ipmi/fru", "ipmi/mc", "ipmi/sdr", "ipmi/sel", "internal/applet/getopt")},
	{where: "internal/applet/pyghmiutil", what: "pyghmiutil: one command for BMCs, as pyghmi has it", may: list("hostlist", "ipmi", "ipmi/rmcp", "ipmi/bmc", "ipmi/channel", "ipmi/chassis", "ipmi/host", "ipmi/oem", "internal/applet/getopt")},
	{where: "internal/applet/pyghmicons", what: "pyghmicons: the serial console of a machine, as pyghmi has it", may: list("ipmi", "ipmi/bmc", "ipmi/sol", "internal/applet/getopt"), libs: list("golang.org/x/term")},
	{where: "internal/applet/redfishpower", what: "redfishpower, powermand's helper for many Redfish controllers at once", may: list("hostlist", "internal/applet/getopt", "internal/applet/prompt", "internal/applet/web"), libs: list("golang.org/x/sys")},
	{where: "internal/applet/ipmipower", what: "ipmipower, powermand's helper for many IPMI controllers at once", may: list("hostlist", "ipmi", "ipmi/chassis", "ipmi/rmcp", "internal/applet/getopt", "internal/applet/prompt"), libs: list("golang.org/x/term")},
	{where: "internal/applet/snmppower/mib", what: "names of SNMP objects, read from MIB modules"},
	{where: "internal/applet/snmppower", what: "snmppower, powermand's helper for SNMP", may: list("internal/applet/getopt", "internal/applet/prompt", "internal/applet/snmppower/mib"), libs: list("github.com/gosnmp/gosnmp")},
	{where: "internal/applet/plmpower", what: "plmpower, powermand's helper for Insteon and X10", may: list("internal/applet/getopt", "internal/applet/prompt", "internal/transport")},
	{where: "internal/applet/powermancli/genders", what: "genders files and queries", may: list("hostlist")},
	{where: "internal/applet/*", what: "one folder for each program that we stand in for", may: slices.Concat(libraries, offline, list("internal/applet/getopt", "internal/applet/powermancli/genders", "internal/app", "internal/driver", "internal/secret"))},
	{where: "cmd/millwright", what: "chooses the program by its name", may: list("internal/cli", "internal/applet/fakebmc", "internal/applet/pyghmiutil", "internal/applet/pyghmicons", "internal/applet/vbmc", "internal/applet/virshbmc", "internal/applet/*", "internal/applet/httppower", "internal/applet/ipmipower", "internal/applet/redfishpower", "internal/applet/snmppower", "internal/applet/plmpower")},

	// For people.
	{where: "bench/bmcclient", what: "the client of BMCs that bench measures: the libraries and nothing else", may: list("ipmi", "ipmi/chassis", "ipmi/rmcp", "ipmi/sdr", "ipmi/sensor", "ipmi/sol")},
	{where: "bench/soak", what: "daemons that are killed in the middle of runs, over devices that break; what they leave behind", may: list("internal/sim", "internal/client", "internal/event", "internal/door/http/wire", "internal/app", "internal/driver/*", "internal/driver/standard")},
	{where: "bench", what: "measurements beside a real powermand, and beside clients of BMCs", may: slices.Concat(libraries, list("ipmi/bmc", "ipmi/rmcp", "internal/freeport", "internal/sim", "internal/sim/vpc", "internal/client", "internal/roomfile", "internal/driver", "internal/driver/snmp/agent", "internal/driver/snmp/profile", "internal/driver/standard", "internal/app", "internal/door/http/wire", "bench/soak"))},
	{where: "packaging", what: "what packages are made of, and a test that installs and uses one"},
	{where: "internal/house", what: "the rules of the house as tests"},
	{where: "internal/house/docs", what: "the documentation that is generated, and tests that the rest is true", may: list("internal/applet/*", "internal/applet/httppower", "internal/applet/ipmipower", "internal/applet/plmpower", "internal/applet/redfishpower", "internal/applet/snmppower", "internal/applet/vbmc", "internal/applet/virshbmc", "internal/cli", "internal/door/http", "internal/roomfile", "internal/driver", "internal/driver/standard", "internal/driver/*", "internal/driver/snmp/profile", "internal/driver/http", "internal/shelf"), libs: list("github.com/spf13/cobra", "github.com/spf13/pflag")},
}

func list(names ...string) []string { return names }

// rowOf finds the row of a package: its own, or its folder's.
func rowOf(pkg string) (floor, bool) {
	for _, where := range []string{pkg, path.Dir(pkg) + "/*"} {
		for _, f := range floors {
			if f.where == where {
				return f, true
			}
		}
	}
	return floor{}, false
}

func TestEveryPackageHasAFloor(t *testing.T) {
	used := make(map[string]bool)
	for _, p := range packages(t) {
		f, ok := rowOf(p.path())
		if !ok {
			t.Errorf("package %s has no floor: give it one row, with one sentence, in the table of internal/house/floors_test.go", p.path())
		}
		used[f.where] = true
	}
	for _, f := range floors {
		if !used[f.where] {
			t.Errorf("no package is at %s any more: take its row out of internal/house/floors_test.go", f.where)
		}
	}
}

func TestFloorsRestOnFloorsBelow(t *testing.T) {
	built := make(map[string]bool)
	for _, f := range floors {
		for _, m := range f.may {
			if !built[m] {
				t.Errorf("%s may import %s, which lies no lower in the house: data flows one way; "+
					"declare the small interface that you need where you need it, and let internal/app connect the two", f.where, m)
			}
		}
		built[f.where] = true
	}
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		f, ok := rowOf(p.path())
		if !ok {
			continue // told by TestEveryPackageHasAFloor
		}
		for _, imported := range p.Imports {
			if why := refuse(f, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.path(), imported, why)
			}
		}
	}
}

// refuse says why a package on a floor may not import another, or nothing.
func refuse(f floor, imported string) string {
	own, ours := strings.CutPrefix(imported, module+"/")
	switch {
	case ours:
		row, ok := rowOf(own)
		if ok && slices.Contains(f.may, row.where) {
			return ""
		}
		return fmt.Sprintf("its floor allows %v; see internal/house/floors_test.go", f.may)
	case !strings.Contains(strings.Split(imported, "/")[0], "."):
		return "" // the standard library
	}
	for _, lib := range f.libs {
		if imported == lib || strings.HasPrefix(imported, lib+"/") {
			return ""
		}
	}
	return fmt.Sprintf("its floor allows these libraries of others: %v; see internal/house/floors_test.go", f.libs)
}

// TestTheTableBites makes sure that the table refuses what it should.
func TestTheTableBites(t *testing.T) {
	for _, tt := range []struct{ pkg, imports string }{
		{"hostlist", module + "/internal/room"},
		{"hostlist", "golang.org/x/sys/unix"},
		{"internal/room", module + "/internal/store"},
		{"internal/plan", module + "/internal/run"},
		{"internal/run", module + "/internal/state"},
		{"internal/door/powerman", module + "/internal/store"},
		{"internal/door/powerman", module + "/internal/door/http"},
		{"internal/driver/script", module + "/internal/driver/exec"},
		{"internal/fleet", module + "/internal/desk"},
	} {
		f, ok := rowOf(tt.pkg)
		if !ok {
			t.Errorf("no row for %s", tt.pkg)
		}
		if refuse(f, tt.imports) == "" {
			t.Errorf("the table lets %s import %s", tt.pkg, tt.imports)
		}
	}
}

// TestOnlyTheStoreKnowsSQL holds that nobody else reaches a database of ours. A check
// looks at those of others.
func TestOnlyTheStoreKnowsSQL(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.path(), "internal/store") || p.path() == "internal/check/sql" {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "database/") {
				t.Errorf("%s imports %s: only internal/store knows SQL; add a method there", p.path(), imported)
			}
		}
	}
}

// TestDoorsDecideNothing holds that doors only look at what comes back.
func TestDoorsDecideNothing(t *testing.T) {
	acts := map[string][]string{
		"fleet":  {"New", "Fleet", "Request", "Options"},
		"driver": {"Driver", "Settings", "Session", "Env", "Prepared"},
		"plan":   {"Build", "Policy"},
		"run":    {"New", "Submission", "Options"},
		"event":  {"New"},
	}
	for _, s := range sources(t) {
		if s.test || !strings.HasPrefix(s.pkg.path(), "internal/door/") {
			continue
		}
		for _, sel := range s.selectors() {
			if slices.Contains(acts[sel.pkg], sel.name) {
				t.Errorf("%s: a door uses %s.%s: doors translate; what acts belongs behind a method of internal/desk", s.at(sel.node), sel.pkg, sel.name)
			}
		}
	}
}

var update = flag.Bool("update", false, "write the parts of docs/ that are made from tables here")

// TestArchitectureShowsTheFloors holds that people read the table that is tested.
func TestArchitectureShowsTheFloors(t *testing.T) {
	const file, from, to = root + "/docs/architecture.md", "<!-- floors -->\n", "<!-- /floors -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), from)
	shown, after, found := strings.Cut(rest, to)
	if !found {
		t.Fatalf("%s has no place for the table: %s … %s", file, from, to)
	}
	if want := floorTable(); shown != want && *update {
		if err := os.WriteFile(file, []byte(before+from+want+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if shown != want {
		t.Error("docs/architecture.md shows another table: run go test ./internal/house -update")
	}
}

func floorTable() string {
	var b strings.Builder
	b.WriteString("\n| Package | What it is | May import |\n|---|---|---|\n")
	for _, f := range floors {
		may := make([]string, len(f.may), len(f.may)+len(f.libs))
		for i, m := range f.may {
			may[i] = strings.TrimPrefix(m, "internal/")
		}
		slices.Sort(may)
		for _, lib := range f.libs {
			may = append(may, "`"+lib+"`")
		}
		if len(may) == 0 {
			may = append(may, "standard library")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.where, f.what, strings.Join(may, ", "))
	}
	b.WriteString("\n")
	return b.String()
}
