package httpdriver

import (
	"time"

	"millwright.dev/millwright/internal/room"
)

// Definition says how one make of device is spoken to. The profiles are made of it,
// and a room may have its own, under `define`. All texts that are sent, and all that
// say where to find something, may have {places}.
type Definition struct {
	About            string        `yaml:"about" doc:"what it is for"`
	Auth             string        `yaml:"auth" enum:"none,basic,digest,asked,bearer" default:"none" doc:"how requests carry the credential; asked is digest or basic, as the device asks"`
	User             string        `yaml:"user" doc:"the user, where the credential has none"`
	PasswordOptional bool          `yaml:"password-optional" default:"no" doc:"whether the device may have no password"`
	Protected        bool          `yaml:"protected" default:"no" doc:"whether a device that does not ask for a password is refused"`
	Plugs            []string      `yaml:"plugs" doc:"the plugs there are, ranges allowed; without it, any name will do"`
	Timeout          time.Duration `yaml:"timeout" default:"10s" doc:"how long one action may take"`
	OneShot          bool          `yaml:"one-shot" default:"no" doc:"whether each request needs a connection of its own"`
	Redirects        uint8         `yaml:"redirects" default:"0" doc:"how many redirects are followed, on the same host only"`
	Rest             time.Duration `yaml:"rest" default:"5s" doc:"time without power in a cycle made of off and on"`
	Confirm          time.Duration `yaml:"confirm" default:"0s" doc:"how long after on and off the status is read until it shows; 0s believes the answer"`

	Login  []Request `yaml:"login" doc:"requests that start a session; done again when it has expired"`
	Logout *Request  `yaml:"logout" doc:"ends the session, where a device has only so many"`
	Denied []Claim   `yaml:"denied" doc:"what an answer shows that means that we are not let in, if its status is neither 401 nor 403"`
	Probe  *Request  `yaml:"probe" doc:"asked when the device is reached, to see that it lets us in; without it, the status is"`

	Status     *Read `yaml:"status" doc:"how to read whether a plug is on; a request without {plug}, {index} and {number} is sent once for all plugs"`
	StatusSoft *Read `yaml:"status-soft" doc:"how to read whether the operating system is up"`
	Temp       *Read `yaml:"temp" doc:"how to read the temperature, as a text"`
	Beacon     *Read `yaml:"beacon" doc:"how to read whether the locator light is on"`

	On        *Request `yaml:"on" doc:"switches a plug on"`
	Off       *Request `yaml:"off" doc:"switches a plug off"`
	Cycle     *Request `yaml:"cycle" doc:"switches a plug off and on again; without it off, rest and on are done"`
	Reset     *Request `yaml:"reset" doc:"resets the machine on a plug"`
	BeaconOn  *Request `yaml:"beacon-on" doc:"switches the locator light on"`
	BeaconOff *Request `yaml:"beacon-off" doc:"switches the locator light off"`
	SoftOff   *Request `yaml:"soft-off" doc:"asks the operating system on a plug's machine to shut down"`
	Diag      *Request `yaml:"diag" doc:"sends a plug's machine a diagnostic interrupt (NMI)"`

	Measure  []Measure  `yaml:"measure" doc:"how to read what the device measures"`
	Describe []Describe `yaml:"describe" doc:"how to read what the device says of itself"`
}

// Request is what is sent, and what the answer has to be.
type Request struct {
	Method  string            `yaml:"method" enum:"GET,POST,PUT,PATCH,DELETE" doc:"GET, or POST if there is something to send"`
	Path    string            `yaml:"path" doc:"the path and query, after the address"`
	Headers map[string]string `yaml:"headers" doc:"headers to send"`
	Form    map[string]string `yaml:"form" doc:"fields of a form to send"`
	JSON    string            `yaml:"send-json" doc:"JSON to send"`
	XML     string            `yaml:"send-xml" doc:"XML to send"`
	Text    string            `yaml:"send-text" doc:"text to send, as it is"`

	Status  []int   `yaml:"answer" doc:"the HTTP statuses of an answer that is well; any 2xx if none is given"`
	Expect  []Claim `yaml:"expect" doc:"what the answer must show: an answer of which this is not so is not believed"`
	Refused []Claim `yaml:"refused" doc:"what the answer shows when the device will not do it"`

	Take   map[string]Find   `yaml:"take" doc:"texts of the answer that later requests use as {name}"`
	Attach map[string]string `yaml:"attach" doc:"headers that all later requests carry; left out where a place in it is empty"`
}

// Find says where in an answer a text is. At most one of its fields is given.
type Find struct {
	JSON   string `yaml:"json" doc:"a JSON path (RFC 9535) that finds one text, number or boolean"`
	Regex  string `yaml:"regex" doc:"a regular expression (RE2); its first group, or all of it"`
	XPath  string `yaml:"xpath" doc:"an XPath, in HTML or XML"`
	Header string `yaml:"header" doc:"a header of the answer"`
	Cookie string `yaml:"cookie" doc:"a cookie that the device has set"`
}

// Claim is something that an answer shows.
type Claim struct {
	Find `yaml:",inline"`
	Is   string `yaml:"is" doc:"what is found has to be this text, whatever its case"`
	Like string `yaml:"like" doc:"what is found has to match this regular expression (RE2)"`
}

// Read is a request whose answer shows a state.
type Read struct {
	Request `yaml:",inline"`
	Find    `yaml:",inline"`
	On      string `yaml:"on" default:"(?i)^(on|1|true|yes)$" doc:"regular expression (RE2) of what is found when it is on"`
	Off     string `yaml:"off" default:"(?i)^(off|0|false|no)$" doc:"regular expression (RE2) of what is found when it is off"`
	Bits    bool   `yaml:"bits" default:"no" doc:"whether what is found is a hexadecimal number, of which bit {index} is the plug's"`
}

// Measure is a request whose answer shows measured values.
type Measure struct {
	Request `yaml:",inline"`
	Values  []Value `yaml:"values" doc:"the values in the answer"`
}

// Value is one measured value. It is of a plug if the request, or where it is found,
// says {plug}, {index} or {number}; else of the device.
type Value struct {
	Find     `yaml:",inline"`
	Quantity string  `yaml:"quantity" enum:"current,voltage,power,apparent_power,power_factor,energy,frequency,temperature,humidity" required:"true" doc:"what it is"`
	Part     string  `yaml:"part" doc:"what part of the device it is of, if it is not of a plug"`
	Scale    float64 `yaml:"scale" default:"1" doc:"what it is multiplied by, to be in A, V, W, VA, Wh, Hz, °C or %"`
}

// Describe is a request whose answer shows what the device is.
type Describe struct {
	Request  `yaml:",inline"`
	Product  Find `yaml:"product" doc:"the product's name"`
	Firmware Find `yaml:"firmware" doc:"the version of its firmware"`
	Serial   Find `yaml:"serial" doc:"its serial number"`
	Name     Find `yaml:"name" doc:"the name that it was given"`
	Label    Find `yaml:"label" doc:"the name that a plug was given"`
}

// reads and changes give what is defined for each operation; nil where nothing is.
func (d *Definition) read(op room.Op) *Read {
	switch op {
	case room.Status:
		return d.Status
	case room.StatusSoft:
		return d.StatusSoft
	case room.Temp:
		return d.Temp
	case room.Beacon:
		return d.Beacon
	}
	return nil
}

func (d *Definition) change(op room.Op) *Request {
	switch op {
	case room.On:
		return d.On
	case room.Off:
		return d.Off
	case room.Cycle:
		return d.Cycle
	case room.Reset:
		return d.Reset
	case room.BeaconOn:
		return d.BeaconOn
	case room.BeaconOff:
		return d.BeaconOff
	case room.SoftOff:
		return d.SoftOff
	case room.Diag:
		return d.Diag
	}
	return nil
}

// can says whether op can be done: a cycle also by off and on.
func (d *Definition) can(op room.Op) bool {
	return d.read(op) != nil || d.change(op) != nil || op == room.Cycle && d.On != nil && d.Off != nil
}
