package oem

import (
	"context"
	"io"
	"time"

	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/sel"
	"millwright.dev/millwright/ipmi/sensor"
)

// Item is a part of a machine that no FRU record tells of.
type Item struct {
	Name   string
	Fields []fru.Field
}

// Firmware is one piece of firmware.
type Firmware struct {
	Name    string
	Version string
	Build   string
	Date    time.Time // zero if it is not told
	State   string    // such as "active" or "pending"; may be empty
}

// LED is one light.
type LED struct{ Name, State string }

// The capabilities. A [Machine] has those whose methods it has.
type (
	// Inventory lists parts that no FRU record tells of.
	Inventory interface {
		Inventory(ctx context.Context) ([]Item, error)
	}
	// FirmwareList lists firmware beside the BMC's own.
	FirmwareList interface {
		Firmware(ctx context.Context) ([]Firmware, error)
	}
	// FirmwareUpdate writes new firmware; progress may be nil, percent is 0 to 100.
	FirmwareUpdate interface {
		UpdateFirmware(ctx context.Context, image io.Reader, bank string, progress func(phase string, percent float64)) error
	}
	// LEDs reads lights.
	LEDs interface {
		LEDs(ctx context.Context) ([]LED, error)
	}
	// Identify switches the identify light where Chassis Identify does not.
	Identify interface {
		Identify(ctx context.Context, length time.Duration) error
	}
	// Hostname is the BMC's own host name.
	Hostname interface {
		Hostname(ctx context.Context) (string, error)
		SetHostname(ctx context.Context, name string) error
	}
	// AssetTag is the asset tag where DCMI does not have it.
	AssetTag interface {
		AssetTag(ctx context.Context) (string, error)
		SetAssetTag(ctx context.Context, tag string) error
	}
	// DomainName is the BMC's DNS domain.
	DomainName interface {
		DomainName(ctx context.Context) (string, error)
		SetDomainName(ctx context.Context, name string) error
	}
	// NTP is the BMC's own clock's source.
	NTP interface {
		NTPEnabled(ctx context.Context) (bool, error)
		SetNTPEnabled(ctx context.Context, on bool) error
		NTPServers(ctx context.Context) ([]string, error)
		SetNTPServer(ctx context.Context, index int, server string) error
	}
	// Capping limits power where DCMI does not.
	Capping interface {
		CappingEnabled(ctx context.Context) (bool, error)
		SetCappingEnabled(ctx context.Context, on bool) error
		Cap(ctx context.Context) (watts int, err error)
		SetCap(ctx context.Context, watts int) error
	}
	// PowerMeter measures power where DCMI does not.
	PowerMeter interface {
		Power(ctx context.Context) (PowerStatistics, error)
	}
	// ExtraSensors reads what no sensor record tells of, such as energy meters.
	ExtraSensors interface {
		ExtraSensors(ctx context.Context) ([]sensor.Reading, error)
	}
	// Events puts events into words that only the maker can read. It changes e in place.
	Events interface {
		DecodeEvent(e *sel.Entry)
	}
	// FRUs puts right what the maker writes into FRUs in its own way.
	FRUs interface {
		DecodeFRU(device fru.Device, i *fru.Inventory)
	}
	// Power switches the machine where Chassis Control does not. Verb is on, off, cycle, reset, soft or diag.
	Power interface {
		SetPower(ctx context.Context, verb string) error
	}
	// Bays takes a neighbour in the same enclosure off its power and puts it back.
	Bays interface {
		ReseatBay(ctx context.Context, bay int) error
	}
	// Description says where the machine is: its slot and height, by name.
	Description interface {
		Description(ctx context.Context) (map[string]string, error)
	}
	// RemoteVideo is a graphical console: whether there is one, and what starts it.
	RemoteVideo interface {
		VideoAvailable(ctx context.Context) (bool, error)
		VideoLaunch(ctx context.Context) (mime string, data []byte, err error)
	}
	// Media are images that the machine sees as drives.
	Media interface {
		Media(ctx context.Context) ([]MediaImage, error)
		AttachMedia(ctx context.Context, url, user, password string) error
		DetachMedia(ctx context.Context) error
		UploadMedia(ctx context.Context, name string, image io.Reader) error
	}
	// Licences are what was paid for.
	Licences interface {
		Licences(ctx context.Context) ([]string, error)
		ApplyLicence(ctx context.Context, licence io.Reader) error
		DeleteLicence(ctx context.Context, name string) error
		SaveLicences(ctx context.Context, dir string) error
	}
	// SystemConfig is the settings of the machine's own firmware (BIOS, UEFI).
	SystemConfig interface {
		SystemConfig(ctx context.Context) ([]Setting, error)
		SetSystemConfig(ctx context.Context, changes map[string]string) error
		ClearSystemConfig(ctx context.Context) error
	}
	// BMCConfig is the BMC's own settings; extended are those that people seldom want.
	BMCConfig interface {
		BMCConfig(ctx context.Context, extended bool) ([]Setting, error)
		SetBMCConfig(ctx context.Context, changes map[string]string) error
		ClearBMCConfig(ctx context.Context) error
	}
	// Storage is RAID controllers, their disks and what is made of these.
	Storage interface {
		Storage(ctx context.Context) (StorageConfig, error)
		CheckStorage(ctx context.Context, c StorageConfig) error
		ApplyStorage(ctx context.Context, c StorageConfig) error
		RemoveStorage(ctx context.Context, c StorageConfig) error
		ClearArrays(ctx context.Context) error
	}
	// Diagnostics gathers what the maker's support wants to see.
	Diagnostics interface {
		Diagnostics(ctx context.Context, to io.Writer, progress func(phase string, percent float64)) error
	}
)

// PowerStatistics are watts of the whole machine.
type PowerStatistics struct {
	Now, Min, Max, Average int
	Over                   time.Duration
}

// Setting is one setting and what it may be.
type Setting struct {
	Name, Value, Default string
	Possible             []string // nil: anything
	Help                 string
	ReadOnly             bool
}

// MediaImage is an image that is attached.
type MediaImage struct{ Name, URL string }

// StorageConfig is what disks are used for.
type StorageConfig struct {
	Disks  []Disk // that are not in an array
	Arrays []Array
}

// Disk is one disk. Status is as the controller words it.
type Disk struct{ ID, Name, Description, Serial, Status string }

// Array is disks that are used together.
type Array struct {
	RAID           string // such as "1" or "5"
	Spans          int    // 0 is the usual number
	Disks, Hot     []Disk
	Volumes        []Volume
	CapacityMB     int64
	FreeCapacityMB int64
}

// Volume is what the machine sees as a disk.
type Volume struct {
	Name       string
	SizeMB     int64 // 0 is all that is left
	StripeKB   int
	Status     string
	ID         string
	ReadPolicy string
}
