package redfish

import (
	"context"
	"errors"
	"strconv"
)

// Storage is one controller or group of drives (the Storage and SimpleStorage schemas).
type Storage struct {
	Path        string
	Name        string
	Controllers []Part
	Drives      []Drive
	Volumes     []Volume
}

// Drive is one disk.
type Drive struct {
	Part
	Bytes     int64 // 0 if it is not known
	Media     string
	Protocol  string
	Hotspare  string
	Predicted bool // it says that it will fail
}

// Volume is what drives are put together to.
type Volume struct {
	Path   string
	Name   string
	RAID   string
	Bytes  int64
	Health Health
	Drives []string // paths
}

// Storage reads the drives and volumes of a machine. What cannot be read is in the
// error, and the rest is there nevertheless.
func (s *System) Storage(ctx context.Context) ([]Storage, error) {
	d, err := s.Document(ctx)
	if err != nil {
		return nil, err
	}
	docs, err := s.client.Members(ctx, d.Link("Storage"))
	wrong := []error{err}
	var list []Storage
	for _, st := range docs {
		one, err := s.storage(ctx, st)
		list, wrong = append(list, one), append(wrong, err)
	}
	if len(list) > 0 {
		return list, errors.Join(wrong...)
	}
	docs, err = s.client.Members(ctx, d.Link("SimpleStorage"))
	wrong = append(wrong, err)
	for _, st := range docs {
		one := Storage{Path: st.Link(), Name: st.String("Name")}
		for _, dev := range st.List("Devices") {
			one.Drives = append(one.Drives, drive(dev))
		}
		list = append(list, one)
	}
	return list, errors.Join(wrong...)
}

func (s *System) storage(ctx context.Context, st Document) (Storage, error) {
	one := Storage{Path: st.Link(), Name: st.String("Name")}
	controllers := st.List("StorageControllers")
	more, err := s.client.Members(ctx, st.Link("Controllers"))
	for _, d := range append(controllers, more...) {
		one.Controllers = append(one.Controllers, part("StorageController", d))
	}
	wrong := []error{err}
	drives, err := s.client.GetAll(ctx, st.Links("Drives"))
	wrong = append(wrong, err)
	for _, d := range drives {
		if d.IsObject() {
			one.Drives = append(one.Drives, drive(d))
		}
	}
	volumes, err := s.client.Members(ctx, st.Link("Volumes"))
	wrong = append(wrong, err)
	for _, v := range volumes {
		raid := v.String("RAIDType")
		if raid == "" {
			raid = v.String("VolumeType")
		}
		one.Volumes = append(one.Volumes, Volume{
			Path: v.Link(), Name: v.String("Name"), RAID: raid, Bytes: bytesOf(v), Health: rollup(v), Drives: v.Links("Links", "Drives"),
		})
	}
	return one, errors.Join(wrong...)
}

func drive(d Document) Drive {
	return Drive{
		Part:  part("Drive", d, "CapacityBytes", "MediaType", "Protocol", "RotationSpeedRPM"),
		Bytes: bytesOf(d), Media: d.String("MediaType"), Protocol: d.String("Protocol"), Hotspare: d.String("HotspareType"),
		Predicted: d.True("FailurePredicted"),
	}
}

func bytesOf(d Document) int64 {
	n, err := strconv.ParseInt(d.String("CapacityBytes"), 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}
