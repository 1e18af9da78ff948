package amt

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"millwright.dev/millwright/internal/room"
)

// message is one question or command.
type message struct {
	path   string
	header http.Header
	body   []byte
	change bool
}

// powerState is what can be asked for.
type powerState struct {
	cim    int // PowerState of CIM_PowerManagementService.RequestPowerStateChange
	remote int // Command of the older RemoteControl
}

// The states.
var (
	powerOn  = powerState{2, 17}
	powerOff = powerState{8, 18}
	busReset = powerState{10, 16}
)

const (
	cim       = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
	anonymous = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
	transfer  = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
	remote    = "http://schemas.intel.com/platform/client/RemoteControl/2004/01"
	intel     = 343 // Intel's enterprise number at IANA
)

// envelope is a message of WS-Management. (DSP0226; selectors choose an instance.)
func envelope(action, class, selectors, body string) []byte {
	return []byte(`<?xml version="1.0" encoding="utf-8"?>` +
		`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">` +
		`<s:Header><a:Action s:mustUnderstand="true">` + action + `</a:Action><a:To s:mustUnderstand="true">/wsman</a:To>` +
		`<w:ResourceURI s:mustUnderstand="true">` + cim + class + `</w:ResourceURI><a:MessageID s:mustUnderstand="true">1</a:MessageID>` +
		`<a:ReplyTo><a:Address>` + anonymous + `</a:Address></a:ReplyTo><w:OperationTimeout>PT20S</w:OperationTimeout>` + selectors + `</s:Header>` +
		`<s:Body>` + body + `</s:Body></s:Envelope>`)
}

func wsman(body []byte, change bool) message {
	return message{path: "/wsman", header: http.Header{"Content-Type": {"application/soap+xml;charset=UTF-8"}}, body: body, change: change}
}

func wsmanPower() message {
	return wsman(envelope(transfer, "CIM_AssociatedPowerManagementService", "", ""), false)
}

func wsmanChange(to powerState) message {
	const class = "CIM_PowerManagementService"
	selectors := `<w:SelectorSet><w:Selector Name="Name">Intel(r) AMT Power Management Service</w:Selector></w:SelectorSet>`
	body := `<p:RequestPowerStateChange_INPUT xmlns:p="` + cim + class + `"><p:PowerState>` + strconv.Itoa(to.cim) + `</p:PowerState>` +
		`<p:ManagedElement><a:Address>` + anonymous + `</a:Address><a:ReferenceParameters><w:ResourceURI>` + cim + `CIM_ComputerSystem</w:ResourceURI>` +
		`<w:SelectorSet><w:Selector Name="CreationClassName">CIM_ComputerSystem</w:Selector><w:Selector Name="Name">ManagedSystem</w:Selector></w:SelectorSet>` +
		`</a:ReferenceParameters></p:ManagedElement></p:RequestPowerStateChange_INPUT>`
	return wsman(envelope(cim+class+"/RequestPowerStateChange", class, selectors, body), true)
}

// soap is a message of the service that came before WS-Management.
func soap(action, body string, change bool) message {
	return message{
		path: "/RemoteControlService", change: change,
		header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {`"` + remote + "#" + action + `"`}},
		body: []byte(`<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>` +
			`<` + action + ` xmlns="` + remote + `">` + body + `</` + action + `></soap:Body></soap:Envelope>`),
	}
}

func soapPower() message { return soap("GetSystemPowerState", "", false) }

func soapChange(to powerState) message {
	return soap("RemoteControl", fmt.Sprintf("<Command>%d</Command><IanaOemNumber>%d</IanaOemNumber>", to.remote, intel), true)
}

// document is an answer: the texts of its elements, by their names without
// namespace, in order.
type document struct {
	names, texts []string
}

const maxElements = 10_000

// read reads an answer. It is not ok for what is no SOAP.
func read(body []byte) (*document, bool) {
	in := xml.NewDecoder(bytes.NewReader(body))
	in.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	d := &document{}
	var open []int
	for range maxElements {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return d, len(d.names) > 0 && d.names[0] == "Envelope"
		}
		if err != nil {
			return d, false
		}
		switch t := token.(type) {
		case xml.StartElement:
			open = append(open, len(d.names))
			d.names, d.texts = append(d.names, t.Name.Local), append(d.texts, "")
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				d.texts[open[len(open)-1]] += strings.TrimSpace(string(t))
			}
		}
	}
	return d, false
}

// first gives the text of the first element of a name.
func (d *document) first(name string) (string, bool) {
	for i, n := range d.names {
		if n == name {
			return d.texts[i], true
		}
	}
	return "", false
}

// fault gives why a request was turned down; empty if it was not.
func (d *document) fault() string {
	if _, is := d.first("Fault"); !is {
		return ""
	}
	for _, name := range []string{"Text", "faultstring", "Value", "faultcode"} {
		if said, has := d.first(name); has && said != "" {
			return said
		}
	}
	return "a fault without a reason"
}

// wsmanPower reads the state that CIM has for the machine: 2 is on, 3 and 4 are
// asleep, which keeps its power, and 6 to 9, 12 and 13 are off.
func (d *document) wsmanPower() (room.State, bool) {
	said, has := d.first("PowerState")
	if !has {
		return room.StateUnknown, false
	}
	switch said {
	case "2", "3", "4":
		return room.StateOn, true
	case "6", "7", "8", "9", "12", "13":
		return room.StateOff, true
	}
	return room.StateUnknown, true
}

// soapPower reads the ACPI state in the lowest bits: S0 to S3 have power, S4 and S5
// are off.
func (d *document) soapPower() (room.State, bool) {
	said, has := d.first("SystemPowerState")
	n, err := strconv.ParseUint(said, 10, 32)
	if !has || err != nil {
		return room.StateUnknown, false
	}
	switch n & 0xf {
	case 0, 1, 2, 3:
		return room.StateOn, true
	case 4, 5, 8:
		return room.StateOff, true
	}
	return room.StateUnknown, true
}
