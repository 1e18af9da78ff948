package roomfile

import (
	"net/url"
	"time"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// samplesPart is the section `samples:`.
type samplesPart struct {
	Every   time.Duration   `yaml:"every" doc:"How often devices are asked what they measure; 0s is never." default:"30s"`
	Raw     uint32          `yaml:"raw" doc:"Days that samples are kept as they came." default:"7"`
	Minutes uint32          `yaml:"minutes" doc:"Days that they are kept rolled up by minutes; 0 is for ever." default:"90"`
	Hours   uint32          `yaml:"hours" doc:"Days that they are kept rolled up by hours; 0 is for ever." default:"1095"`
	Days    uint32          `yaml:"days" doc:"Days that they are kept rolled up by days; 0 is for ever." default:"0"`
	Send    remoteWritePart `yaml:"remote-write" doc:"Where samples are sent on to, as they come."`
}

// remoteWritePart is where samples are sent on to.
type remoteWritePart struct {
	URL        string            `yaml:"url" doc:"The address of Prometheus, or of what takes samples as it does: https://…/api/v1/write."`
	Bearer     reference         `yaml:"bearer" doc:"Where the token is that it is shown: env:NAME, file:PATH or secret:NAME."`
	Credential string            `yaml:"credential" doc:"One of the credentials, for basic authentication."`
	CA         string            `yaml:"ca" doc:"A file with the certificate authorities of the receiver, instead of the system's."`
	Pin        texts             `yaml:"pin" doc:"The receiver's certificate, sha256:HEX, instead of an authority or beside one."`
	Insecure   bool              `yaml:"insecure" doc:"Believe whoever answers." default:"no"`
	Labels     map[string]string `yaml:"labels" doc:"Labels for all series, such as the room's name."`
}

// unsaidSamples is what a room file keeps that says nothing of it.
func unsaidSamples() samplesPart {
	return samplesPart{Every: 30 * time.Second, Raw: 7, Minutes: 90, Hours: 3 * 365}
}

const leastSampling = time.Second

// samples takes the section `samples:`, v being nil where there is none.
func (l *loader) samples(v *value) {
	part := unsaidSamples()
	if v != nil {
		l.decode(v, &part)
		l.checkSamples(v, &part)
	}
	days := func(n uint32) time.Duration { return time.Duration(min(n, mostDays)) * day }
	s := room.Samples{
		Every: part.Every, Raw: days(part.Raw), Minutes: days(part.Minutes), Hours: days(part.Hours), Days: days(part.Days),
		Send: room.RemoteWrite{
			URL: part.Send.URL, Bearer: part.Send.Bearer.String(), Credential: part.Send.Credential, CA: part.Send.CA,
			Insecure: part.Send.Insecure, Labels: part.Send.Labels,
		},
	}
	for i, pin := range part.Send.Pin {
		digits, err := transport.ParsePin(pin)
		if err != nil {
			l.fail(v.get("remote-write").get("pin").item(i), "%s", err)
		}
		s.Send.Pins = append(s.Send.Pins, digits)
	}
	l.draft.Settings.Samples = s
}

func (l *loader) checkSamples(v *value, p *samplesPart) {
	if p.Every != 0 && (p.Every < leastSampling || p.Every > day) {
		l.fail(at(v, "every"), "devices are asked every %v at most, and once a day at least; 0s is never", leastSampling)
	}
	if p.Raw == 0 {
		l.fail(at(v, "raw"), "samples are kept as they came for a day at least")
	}
	before := p.Raw
	for _, level := range []struct {
		key  string
		days uint32
	}{{"minutes", p.Minutes}, {"hours", p.Hours}, {"days", p.Days}} {
		if level.days != 0 && (before == 0 || level.days < before) {
			l.fail(at(v, level.key), "%s cannot be kept for less long than what they are made of", level.key)
		}
		before = level.days
	}
	if v.get("remote-write") == nil {
		return
	}
	send := v.get("remote-write")
	u, err := url.Parse(p.Send.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		l.fail(at(send, "url"), "this is no address such as https://host:port/api/v1/write")
	} else if u.User != nil {
		l.fail(at(send, "url"), "no name or password stands in an address; for these there are credential: and bearer:")
	}
	if p.Send.Bearer.String() != "" && p.Send.Credential != "" {
		l.fail(at(send, "bearer"), "a token or a credential is shown, not both")
	}
}
