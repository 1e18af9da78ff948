package wire

import (
	"time"

	"millwright.dev/millwright/internal/room"
)

// Readings is what devices measure.
type Readings struct {
	Items []Measured `json:"items" doc:"By device, in the order of the configuration." nullable:"false"`
}

// Measured is what one device measures.
type Measured struct {
	Device   string    `json:"device" doc:"The device." example:"pdu1"`
	Time     time.Time `json:"time" doc:"When it was asked."`
	Readings []Reading `json:"readings" doc:"The values." nullable:"false"`
	Code     room.Code `json:"code,omitempty" doc:"Why there are none, or not all."`
	Said     string    `json:"said,omitempty" doc:"The same, for people."`
}

// Reading is one value that was measured.
type Reading struct {
	Node     string  `json:"node,omitempty" doc:"The node on the plug that it is of." example:"web7"`
	Plug     string  `json:"plug,omitempty" doc:"The plug that it is of." example:"7"`
	Part     string  `json:"part,omitempty" doc:"The part of the device that it is of: a bank, a phase, a sensor. Without plug and part it is of the device as a whole." example:"bank 1"`
	Quantity string  `json:"quantity" doc:"What was measured." example:"power"`
	Value    float64 `json:"value" doc:"How much." example:"118.5"`
	Unit     string  `json:"unit,omitempty" doc:"Of what." example:"W"`
}

// Description is what a device says of itself.
type Description struct {
	Product  string            `json:"product,omitempty" doc:"The product." example:"AP7921B"`
	Firmware string            `json:"firmware,omitempty" doc:"Its firmware." example:"v6.5.6"`
	Serial   string            `json:"serial,omitempty" doc:"Its serial number." example:"5A1234E00001"`
	Name     string            `json:"name,omitempty" doc:"As somebody has named it on the device itself."`
	Labels   map[string]string `json:"labels,omitempty" doc:"The device's own labels, by plug."`
}
