package roomfile

import "time"

// The types of this file are the room file's format: from their tags come the
// decoding, the schema and the reference in the docs.

// document is a whole file. It is never filled as such, because the order and
// the places of the entries matter; the loader takes it section by section.
type document struct {
	Room           string                    `yaml:"room" doc:"The room's name, for people."`
	Include        texts                     `yaml:"include" doc:"More files of this room: room files, or a powerman.conf, which is used as it is. Patterns such as racks/*.yaml are allowed; relative names start at this file's folder."`
	Settings       settingsPart              `yaml:"settings" doc:"Choices for the whole room."`
	Specifications texts                     `yaml:"specifications" doc:"Files in PowerMan's device language, for the devices that refer to them. Patterns are allowed."`
	Credentials    map[string]credentialPart `yaml:"credentials" doc:"What devices log in with, by name."`
	Feeds          map[string]feedPart       `yaml:"feeds" doc:"The circuits that devices hang on, by name."`
	Devices        map[string]devicePart     `yaml:"devices" doc:"What switches, by name or range of names."`
	Nodes          map[string]nodePart       `yaml:"nodes" doc:"What is switched, by name or range of names. A single name below a range that holds it changes that one; an entry for nodes of an included powerman.conf adds to them."`
	Groups         map[string]texts          `yaml:"groups" doc:"Lists of nodes, used as @name. Host lists, aliases and @groups; a minus in front leaves out."`
	Aliases        map[string]texts          `yaml:"aliases" doc:"Further names for nodes, used like a node's own."`
	Secrets        secretsPart               `yaml:"secrets" doc:"Where the encrypted store of secrets is, which secret:NAME leads to. Nothing needs to be said for the usual one, in the daemon's state folder."`
	Controls       map[string]controlPart    `yaml:"controls" doc:"Ways to shut nodes down in software before their power is cut, and to start them, by name."`
	Checks         map[string]checkPart      `yaml:"checks" doc:"Tests of nodes, by name."`
	Order          orderPart                 `yaml:"order" doc:"How nodes are brought up and down, unless a node says otherwise."`
	Samples        samplesPart               `yaml:"samples" doc:"What is kept of what devices and checks measure, and for how long."`
	UPS            map[string]upsPart        `yaml:"ups" doc:"Uninterruptible power supplies that are watched through the daemons of NUT, by name."`
	Battery        batteryPart               `yaml:"battery" doc:"What goes down, and when, while the room runs on batteries."`
	Schedules      map[string]schedulePart   `yaml:"schedules" doc:"What is brought up and down by the calendar, by name."`
	Calendars      map[string]calendarPart   `yaml:"calendars" doc:"Holidays that schedules can name."`
	Vetoes         map[string]vetoPart       `yaml:"vetoes" doc:"Hooks that are asked before nodes are switched and may refuse, by name."`
	Plugins        map[string]pluginPart     `yaml:"plugins" doc:"Programs of your own that add devices, checks, controls, notices and reactions, by name."`
	PowerMan       powermanPart              `yaml:"powerman" doc:"The door for PowerMan's clients."`
	Consoles       consolesPart              `yaml:"consoles" doc:"What is kept of the nodes' consoles, unless a node says otherwise."`
	HTTP           httpPart                  `yaml:"http" doc:"The public API over the network. Unless listen says where, nothing listens and only the unix socket is there."`
	Redfish        redfishPart               `yaml:"redfish" doc:"The door for Redfish clients, which see each node as a system. Unless listen says where, nothing listens."`
	Ockle          ocklePart                 `yaml:"ockle" doc:"The door for Ockle's clients. Unless listen says where, or the config.ini of a folder of Ockle's has SocketListener among its plugins, nothing listens."`
	IPMI           ipmiPart                  `yaml:"ipmi" doc:"The door that shows nodes as BMCs, for whatever speaks IPMI over LAN. Only the nodes that are named here are."`
}

type settingsPart struct {
	Verify     timeOrNever   `yaml:"verify" doc:"How long an outcome is read back before it counts as failed; never turns that off. What comes from PowerMan's clients is never read back." default:"30s"`
	Rest       time.Duration `yaml:"rest" doc:"Time without power in the middle of a cycle of a node with several cords." default:"5s"`
	KeepEvents uint32        `yaml:"keep-events" doc:"Days that events are kept; 0 keeps them for ever." default:"400"`
	AuditReads bool          `yaml:"audit-reads" doc:"Whether requests that change nothing leave events too." default:"no"`
}

type credentialPart struct {
	User       string    `yaml:"user" doc:"The name to log in with."`
	Password   reference `yaml:"password" doc:"Where the password is: env:NAME, file:PATH or secret:NAME."`
	Key        reference `yaml:"key" doc:"Where the private key is: env:NAME, file:PATH or secret:NAME."`
	Passphrase reference `yaml:"passphrase" doc:"Where the passphrase of the key is: env:NAME, file:PATH or secret:NAME."`
	Kg         reference `yaml:"kg" doc:"Where the key Kg of BMCs is, which IPMI 2.0 can want besides the password: env:NAME, file:PATH or secret:NAME."`
}

type secretsPart struct {
	File       string `yaml:"file" doc:"The store's file. Relative names, here and below, start at the room's folder." default:"secrets.vault in the state folder"`
	Key        string `yaml:"key" doc:"The file of its key." default:"secrets.key beside the store"`
	Identity   string `yaml:"identity" doc:"A file with an age identity, as age-keygen makes it, that locks the store instead of a key file."`
	Recipients texts  `yaml:"recipients" doc:"More age recipients (age1…) whose identities can open the store."`
}

type vetoPart struct {
	Exec      texts         `yaml:"exec" doc:"The program to run, and its arguments: no shell reads them. A relative path starts at the room's folder, a plain name is looked for in the daemon's PATH."`
	HTTP      string        `yaml:"http" doc:"Instead of a program, the address that is asked by POST: https://… or http://…"`
	Bearer    reference     `yaml:"bearer" doc:"Where the token is that an http hook is shown: env:NAME, file:PATH or secret:NAME."`
	CA        string        `yaml:"ca" doc:"A file with the certificate authorities of an https hook, instead of the system's."`
	Pin       texts         `yaml:"pin" doc:"The https hook's certificate, sha256:HEX, instead of an authority or beside one."`
	Insecure  bool          `yaml:"insecure" doc:"Believe whoever answers as the https hook." default:"no"`
	Ops       texts         `yaml:"ops" doc:"What it is asked about: on, off, cycle, reset, beacon-on, beacon-off. off includes the orders of down, on those of up." default:"off, cycle, reset"`
	Nodes     texts         `yaml:"nodes" doc:"The nodes it is asked about: nodes, aliases, @groups. All, if nothing is said."`
	Timeout   time.Duration `yaml:"timeout" doc:"How long it may take to answer, at most 5m." default:"10s"`
	OnFailure string        `yaml:"on-failure" doc:"What counts when no valid answer comes in time: refuse (fail closed) or allow (fail open)." enum:"refuse,allow" default:"refuse"`
}

type feedPart struct {
	Amps float64 `yaml:"amps" doc:"The breaker's rating in amperes."`
	From string  `yaml:"from" doc:"The feed that feeds this one."`

	Volts   float64 `yaml:"volts" doc:"The voltage of the circuit." default:"230"`
	Reserve float64 `yaml:"reserve" doc:"The part of the rating that plans leave unused: 0.2 leaves a fifth." default:"0.2"`
}

type devicePart struct {
	Driver     string        `yaml:"driver" doc:"The code that talks to this make of device." required:"true"`
	Credential string        `yaml:"credential" doc:"One of the credentials."`
	Settings   anything      `yaml:"settings" doc:"The driver's own settings. In a range of devices, a range of as many members inside a text is walked along: telnet://10.0.0.[1-3]:23."`
	Feed       string        `yaml:"feed" doc:"The feed that the device hangs on."`
	Stagger    time.Duration `yaml:"stagger" doc:"Least time between two switch-ons, against inrush current." default:"0s"`
	AtOnce     uint16        `yaml:"at-once" doc:"Most plugs switched by one command; 0 is no limit." default:"0"`
	Verify     timeOrNever   `yaml:"verify" doc:"As the room's setting, for this device."`
	Poll       time.Duration `yaml:"poll" doc:"How often the device is read unasked; 0s is never." default:"0s"`
}

// anything is what only a driver can read.
type anything struct{}

type nodePart struct {
	Cords  texts  `yaml:"cords" doc:"The plugs that the node hangs on, device:plug. A text gives one cord for each node of the range, walking the devices and for each its plugs: pdu[1-5]:[1-8]. A list gives each node several cords: [\"pdu-a:[1-40]\", \"pdu-b:[1-40]\"]. Without a plug it is the device's next free one, or the one named as the node."`
	BMC    string `yaml:"bmc" doc:"The plug of the node's service processor, device:plug, written as one text of cords is. What happens inside the machine goes by it: soft-off, reset, boot device, console, event log. A node without cords is switched by it as well."`
	Needs  texts  `yaml:"needs" doc:"What must be up before this: nodes, aliases, @groups."`
	Groups texts  `yaml:"groups" doc:"The groups that the node belongs to."`

	Wants     texts        `yaml:"wants" doc:"What comes up before this if it can, and keeps it from nothing if it cannot: nodes, aliases, @groups."`
	NeedsAny  texts        `yaml:"needs-any" doc:"Nodes of which one must be up before this."`
	NeedsSome []choicePart `yaml:"needs-some" doc:"Nodes of which some must be up before this: [{least: 2, of: ceph[1-3]}]."`
	Priority  int16        `yaml:"priority" doc:"What goes first where needs do not decide: the higher number on the way up, the lower on the way down." default:"0"`
	Address   string       `yaml:"address" doc:"Where the node's operating system is reached, for controls and checks: a name or an IP address. A range of as many members as there are nodes is walked along. By default it is the node's name."`
	Controls  texts        `yaml:"controls" doc:"The controls of this node, in the order in which they are asked."`
	Checks    texts        `yaml:"checks" doc:"The checks of this node."`
	Watts     float64      `yaml:"watts" doc:"What the node draws, in watts, for forecasts while nothing has been measured."`
	Inrush    float64      `yaml:"inrush" doc:"What it draws for a moment when it is switched on, in watts."`
	Order     conductPart  `yaml:"order" doc:"How the node is brought up and down, where it differs from the room."`

	Settle time.Duration `yaml:"settle" doc:"How long after power-on the nodes that need this one wait." default:"0s"`

	Console consolePart `yaml:"console" doc:"How the node's console is reached, and what is kept of it. Nothing needs to be said for a node whose service processor has it."`
}

type powermanPart struct {
	Listen       texts  `yaml:"listen" doc:"Where to listen, host:port." default:"127.0.0.1:10101"`
	TCPWrappers  bool   `yaml:"tcpwrappers" doc:"Whether hosts.allow and hosts.deny are honoured." default:"no"`
	PlugLogLevel string `yaml:"plug-log-level" doc:"The syslog level of the line logged after each power action." enum:"emerg,panic,alert,crit,err,error,warning,warn,notice,info,debug,none" default:"debug"`
	Off          bool   `yaml:"off" doc:"Closes this door." default:"no"`
}

type httpPart struct {
	Listen     texts    `yaml:"listen" doc:"Where to listen, host:port; always with TLS." default:"nowhere"`
	Names      texts    `yaml:"names" doc:"Names and addresses under which the daemon is reached, besides localhost and this host's own name. They stand in its certificate."`
	TLSCert    string   `yaml:"tls-cert" doc:"A file with a certificate made elsewhere, and those that lead to its authority. It is read again when it changes. Without one, the daemon makes its own. Relative names, here and below, start at the room's folder."`
	TLSKey     string   `yaml:"tls-key" doc:"The file of the certificate's key."`
	ClientCA   string   `yaml:"client-ca" doc:"A file with authorities whose certificates clients may show, besides the daemon's own."`
	ClientName string   `yaml:"client-name" doc:"Where a client's certificate has the user's name: the common name, the first e-mail address, or the first URI." enum:"cn,email,uri" default:"cn"`
	OIDC       oidcPart `yaml:"oidc" doc:"An OpenID Connect issuer whose word is taken for who somebody is."`
}

type oidcPart struct {
	Issuer       string            `yaml:"issuer" doc:"The issuer's address, https://…; plain http is taken on this host only."`
	ClientID     string            `yaml:"client-id" doc:"The name under which the issuer knows Millwright. Only tokens made for it are taken."`
	ClientSecret reference         `yaml:"client-secret" doc:"Where the secret is that Millwright shows the issuer: env:NAME, file:PATH or secret:NAME."`
	Audiences    texts             `yaml:"audiences" doc:"More clients of the issuer whose tokens are taken."`
	CA           string            `yaml:"ca" doc:"A file with the authorities of the issuer's own certificate, instead of the system's."`
	NameClaim    string            `yaml:"name-claim" doc:"The claim that is the user's name. Take one that people cannot choose for themselves. An email must be verified." default:"sub"`
	GroupsClaim  string            `yaml:"groups-claim" doc:"The claim that lists the user's groups." default:"groups"`
	Groups       map[string]string `yaml:"groups" doc:"Which of the issuer's groups is which of ours. If any are named, the others do not count."`
}
