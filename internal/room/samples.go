package room

import "time"

// Samples is what is kept of what devices and checks measure.
type Samples struct {
	Every time.Duration // how often devices are asked; zero is never
	// For how long samples are kept as they came, and rolled up by minutes, hours and
	// days; zero is for ever.
	Raw, Minutes, Hours, Days time.Duration
	// Send has the samples sent on; without URL it has not.
	Send RemoteWrite
}

// RemoteWrite is where samples are sent on to, by Prometheus' remote-write.
type RemoteWrite struct {
	URL        string
	Bearer     string // the reference of a token, or ""
	Credential string // one of the room's, with user and password, or ""
	CA         string // a PEM file of authorities; "" is the system's
	Pins       []string
	Insecure   bool
	Labels     map[string]string // for all series
}
