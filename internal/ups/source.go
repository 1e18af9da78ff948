package ups

import (
	"cmp"
	"slices"
	"time"

	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/nut"
)

// Source is one UPS and where its daemon is. Times that are zero are their defaults.
type Source struct {
	Name    string   // what the room calls it
	Address string   // host, or host:port, of the daemon; port 3493 by default
	UPS     string   // what the daemon calls it; by default as the room does
	Feeds   []string // the feeds that hang on it

	// Credential logs in at the daemon, which then counts us among those who hang
	// on the UPS. Without one we only read, which daemons let anybody do.
	Credential string
	// TLS, if set, is required of the daemon.
	TLS *transport.TLSOptions

	Poll     time.Duration // how often it is asked; default 5 s
	Hold     time.Duration // how long the mains must be gone before that counts; default 10 s
	Settle   time.Duration // how long the mains must be back before that counts; default 60 s
	Patience time.Duration // how long answers may be missing before that counts; default 15 s
	// Assumed is how long the battery is taken to last, from when the mains went,
	// for a UPS that does not say it and is out of reach; default 5 min.
	Assumed time.Duration
}

func (s Source) withDefaults() Source {
	s.UPS = cmp.Or(s.UPS, s.Name)
	s.Address = nut.Address(s.Address)
	for d, otherwise := range map[*time.Duration]time.Duration{
		&s.Poll: 5 * time.Second, &s.Hold: 10 * time.Second, &s.Settle: time.Minute, &s.Patience: 15 * time.Second, &s.Assumed: 5 * time.Minute,
	} {
		if *d <= 0 {
			*d = otherwise
		}
	}
	return s
}

// same says whether nothing was changed.
func (s Source) same(o Source) bool {
	a, b := s, o
	a.Feeds, b.Feeds, a.TLS, b.TLS = nil, nil, nil, nil
	return a.Name == b.Name && a.Address == b.Address && a.UPS == b.UPS && a.Credential == b.Credential &&
		a.Poll == b.Poll && a.Hold == b.Hold && a.Settle == b.Settle && a.Patience == b.Patience && a.Assumed == b.Assumed &&
		slices.Equal(s.Feeds, o.Feeds) && sameTLS(s.TLS, o.TLS)
}

func sameTLS(a, b *transport.TLSOptions) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.CA == b.CA && a.ServerName == b.ServerName && a.Insecure == b.Insecure && slices.Equal(a.Pins, b.Pins)
}

// State is where a UPS takes its power from.
type State string

// The states.
const (
	Unknown   State = "unknown"    // not seen yet, or lost while the mains were there
	Online    State = "online"     // the mains feed it
	OnBattery State = "on-battery" // the mains are gone
	Low       State = "low"        // the mains are gone and the battery is nearly empty, or is assumed to be
	Off       State = "off"        // it gives no power
)

// Out says whether it runs on its battery, or on nothing, as far as is known.
func (s State) Out() bool { return s == OnBattery || s == Low || s == Off }

// Standing is how a UPS stands.
type Standing struct {
	Source string   `json:"source"`
	Feeds  []string `json:"feeds,omitempty"`
	State  State    `json:"state"`
	// Since is when the state began: when it was first seen, not when it counted.
	Since time.Time `json:"since"`
	// Battery is since when it is not online any more; zero while it is.
	Battery time.Time `json:"battery,omitzero"`
	// Settling: the state says that the mains are gone, but they are seen again and
	// only have to hold.
	Settling bool `json:"settling,omitempty"`
	// Contact says whether it answers, and Seen when it last did.
	Contact bool      `json:"contact"`
	Seen    time.Time `json:"seen,omitzero"`
	// Reckoned: it does not answer, so Charge and Runtime are the last that were
	// known, less the time that has passed.
	Reckoned bool `json:"reckoned,omitempty"`

	Charge  *float64       `json:"charge,omitempty"` // percent
	Load    *float64       `json:"load,omitempty"`   // percent
	Watts   *float64       `json:"watts,omitempty"`
	Runtime *time.Duration `json:"runtime,omitempty"` // until the battery is empty

	Status string `json:"status,omitempty"` // the UPS's own words, as last seen
	Alarm  string `json:"alarm,omitempty"`
	Model  string `json:"model,omitempty"`
	Said   string `json:"said"` // one sentence for people, with the name

	Reading nut.Reading `json:"-"` // all that was last seen
}
